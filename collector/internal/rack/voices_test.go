package rack_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/rack"
)

// speakers returns who has spoken from where it stands: node, place, and how long
// ago it spoke and has gone.
func speakers(m *rack.Model) (lines []string) {
	for _, a := range m.Agents() {
		line := string(a.Node) + " " + a.String() + " " + time.Since(a.Spoke).String()
		if !a.Gone.IsZero() {
			line += " gone " + time.Since(a.Gone).String()
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

func status(node wire.Node, online bool, boot string, t float64) ingest.Batch {
	return ingest.Batch{Site: "hex", Node: node, Received: time.Now(), Status: &wire.Status{Online: online, Boot: boot, T: t}}
}

func TestAgentsAreThePlacedPisThatHaveSpoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := model(hex(t))
		if got := speakers(m); got != nil {
			t.Errorf("at first: %v", got)
		}
		m.Observe(status(pi1, true, "a", 10))
		m.Observe(batch("b827eb0000ff", reading(wire.Node("b827eb0000ff").Device("soc"), "temperature", 50))) // placed nowhere
		time.Sleep(time.Minute)
		m.Observe(status(pi1, true, "a", 10)) // the broker repeats what it has retained
		m.Observe(ingest.Batch{Site: "hex", Node: pi1, Received: time.Now(), Inventory: &wire.Inventory{MAC: string(pi1)}})
		m.Observe(status(pi2, false, "x", 10)) // gone before it was ever heard
		if diff := cmp.Diff(speakers(m), []string{"b827eb000001 hex/a1/s3 slot 1 1m0s"}); diff != "" {
			t.Errorf("-got +want\n%s", diff)
		}
		m.Observe(batch(pi2, reading(pi2.Device("soc"), "temperature", 50)))
		m.Observe(status(pi1, false, "a", 10))
		time.Sleep(time.Minute)
		m.Observe(status(pi1, false, "a", 10)) // told twice
		want := []string{"b827eb000001 hex/a1/s3 slot 1 2m0s gone 1m0s", "b827eb000002 hex/a1/s3 slot 2 1m0s"}
		if diff := cmp.Diff(speakers(m), want); diff != "" {
			t.Errorf("-got +want\n%s", diff)
		}
		m.Observe(status(pi1, true, "b", 70))
		m.Observe(status(pi1, false, "a", 10)) // of the start before
		if got := speakers(m)[0]; got != "b827eb000001 hex/a1/s3 slot 1 0s" {
			t.Errorf("back again: %s", got)
		}
	})
}

func TestWhoHasSpokenIsKnownAfterARestartUnlessItStandsElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := model(hex(t))
		fill(m)
		time.Sleep(time.Hour)
		after := restart(t, m, hex(t))
		if diff := cmp.Diff(speakers(after), []string{"b827eb000001 hex/a1/s3 slot 1 1h0m0s", "b827eb000002 hex/a1/s3 slot 2 1h0m0s"}); diff != "" {
			t.Errorf("-got +want\n%s", diff)
		}
		if err := after.Restore(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := speakers(after)[1]; got != "b827eb000002 hex/a1/s3 slot 2 2m0s" { // the store knows a later sample
			t.Errorf("with the store: %s", got)
		}
		swapped, err := layout.Parse("layout.yaml", []byte(shelfText), fstest.MapFS{"s3.csv": {Data: []byte("slot,mac\n1,b827eb000001\n")}})
		if err != nil {
			t.Fatal(err)
		}
		swapped.Shelves[0].Slots[0].Node, swapped.Shelves[0].Slots[1].Node = "", pi1
		moved := restart(t, after, swapped)
		if got := speakers(moved); got != nil {
			t.Errorf("in its new slot it has never spoken: %v", got)
		}
		moved.Observe(batch(pi1, reading(pi1.Device("soc"), "temperature", 50)))
		if diff := cmp.Diff(speakers(moved), []string{"b827eb000001 hex/a1/s3 slot 2 0s"}); diff != "" {
			t.Errorf("-got +want\n%s", diff)
		}
	})
}

func TestASwitchIsKnownWithTheShelvesItFeedsOnceItIsHeardOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := model(hex(t))
		if got := m.Answers(); got != nil {
			t.Errorf("at first: %v", got)
		}
		m.Observe(status(sw, false, "a", 10)) // it does not answer
		got := m.Answers()
		if len(got) != 1 || got[0].Name != "sw" || !got[0].Spoke.IsZero() || len(got[0].Shelves) != 1 || got[0].Shelves[0].ID() != "hex/a1/s3" {
			t.Errorf("got %+v", got)
		}
		m.Observe(batch(sw, reading(sw.Device("port1"), "status", 3)))
		time.Sleep(time.Minute)
		if got := restart(t, m, hex(t)).Answers(); len(got) != 1 || time.Since(got[0].Spoke) != time.Minute {
			t.Errorf("after a restart: %+v", got)
		}
	})
}

func TestPortsAndSuppliesHaveTheirPlace(t *testing.T) {
	m := model(hex(t))
	tests := []struct{ device, quantity, want string }{
		{sw.Device("port2"), "power", "hex/a1/s3 slot 2, port 2 of sw, supply 0"},
		{sw.Device("port2"), "overload", "hex/a1/s3 slot 2, port 2 of sw, supply 0"},
		{pi2.Device("soc"), "temperature", "hex/a1/s3 slot 2, port 2 of sw, supply 0"},
		{sw.Device("supply3"), "capacity", "sw supply 3, port 0 of sw, supply 3"},
		{sw.Device("supply0"), "capacity", ""},
		{sw.Device("supply1x"), "capacity", ""},
		{sw.Device("port3"), "status", ""}, // it feeds no slot
		{wire.Node("001122334456").Device("supply1"), "capacity", ""},
		{"urn:dev:mac:_supply1", "capacity", ""},
	}
	for _, tt := range tests {
		p, ok := m.Place(tt.device, tt.quantity)
		var got []string
		if ok {
			got = append(got, p.String()+",", "port", strconv.Itoa(p.Port), "of", p.Switch.Name+",", "supply", strconv.Itoa(p.Supply))
		}
		if got := strings.Join(got, " "); got != tt.want {
			t.Errorf("%s:%s: %q, want %q", tt.device, tt.quantity, got, tt.want)
		}
	}
}
