package rack_test

import (
	"context"
	"errors"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/store"
)

const shelfText = `version: 1
sites: {hex: {racks: {a1: {shelves: {s3: {
  columns: 2, depth: 1,
  nodes: {file: s3.csv},
  probes: [
    {name: c1, sensor: "urn:dev:ow:28c1000000000000", node: b827eb000001, x: 0.5, y: 0, face: cold},
    {name: h1, sensor: "urn:dev:ow:28a1000000000000", node: b827eb000001, x: 0.2, y: 1, face: hot, offset: -0.5},
    {name: h2, sensor: "urn:dev:ow:28a2000000000000", x: 0.8, y: 1, face: hot}],
  fans: [{name: left, speed: "urn:dev:mac:b827ebfffe000001_fan1:speed", healthy: 40}]}}}}}}
switches: {sw: {mac: 001122334455}}
`

const (
	pi1 = wire.Node("b827eb000001")
	pi2 = wire.Node("b827eb000002")
	sw  = wire.Node("001122334455")
)

func hex(t *testing.T) *layout.Layout {
	t.Helper()
	l, err := layout.Parse("layout.yaml", []byte(shelfText), fstest.MapFS{"s3.csv": {
		Data: []byte("slot,mac,switch,port\n1,b827eb000001,sw,1\n2,b827eb000002,sw,2\n")}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func model(l *layout.Layout) *rack.Model {
	return rack.New(rack.Options{Layout: l, History: past{}, Stale: time.Minute})
}

// past is a store that knew one SoC.
type past struct{}

func (past) Latest(_ context.Context, at time.Time, _ time.Duration) (map[string]store.Point, error) {
	return map[string]store.Point{pi2.Device("soc") + ":temperature": {Time: at.Add(-2 * time.Minute), Value: 44}}, nil
}

func batch(node wire.Node, readings ...wire.Reading) ingest.Batch {
	return ingest.Batch{Site: "hex", Node: node, Received: time.Now(), Readings: readings}
}

func reading(device, quantity string, v float64) wire.Reading {
	return wire.Reading{Device: device, Quantity: quantity, Value: v, Time: time.Now()}
}

func fill(m *rack.Model) {
	m.Observe(batch(pi1,
		reading(pi1.Device("soc"), "temperature", 50), reading("urn:dev:ow:28c1000000000000", "temperature", 21),
		reading("urn:dev:ow:28a1000000000000", "temperature", 26.5), reading(pi1.Device("fan1"), "speed", 51)))
	m.Observe(batch(pi2, reading(pi2.Device("soc"), "temperature", 52), reading("urn:dev:ow:28a2000000000000", "temperature", 27)))
	m.Observe(batch(sw, reading(sw.Device("port1"), "power", 4), reading(sw.Device("port2"), "power", 5)))
}

func TestStateShowsWhatWasReportedInItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := model(hex(t))
		fill(m)
		s, err := m.State(t.Context(), "hex/a1/s3", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		got := []float64{s.Slots[0].SoC.V, s.Slots[1].SoC.V, s.Slots[1].Power.V, s.Probes[1].V, s.Fans[0].V,
			s.Figures.Inlet.V, s.Figures.HotAir.V, s.Figures.DeltaT.V, s.Figures.Power.V, s.Figures.AirFlow.V}
		want := []float64{50, 52, 5, 26, 51, 21, 26.5, 5.5, 9, 9 / 5.5}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("-got +want\n%s", diff)
		}
	})
}

func TestValuesGrowStaleAndThenMissingAndFiguresSayWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := model(hex(t))
		fill(m)
		now := func() (rack.Freshness, string) {
			s, err := m.State(t.Context(), "hex/a1/s3", time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			return s.Probes[0].State, s.Figures.DeltaT.Why
		}
		for _, step := range []struct {
			wait time.Duration
			want rack.Freshness
			why  string
		}{{time.Minute, rack.Fresh, ""}, {time.Second, rack.Stale, "2 of 2 outlets missing"}, {12 * time.Minute, rack.Missing, "2 of 2 outlets missing"}} {
			time.Sleep(step.wait) // fake time
			if got, why := now(); got != step.want || why != step.why {
				t.Errorf("after %v: %s, %q, want %s, %q", step.wait, got, why, step.want, step.why)
			}
		}
	})
}

func TestARejectedSampleMakesItsValueStaleAndIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := model(hex(t))
		fill(m)
		time.Sleep(time.Second) // fake time
		m.Observe(batch(pi1, wire.Reading{Device: "urn:dev:ow:28c1000000000000", Quantity: "fault", Text: "crc", Time: time.Now()}))
		s, _ := m.State(t.Context(), "hex/a1/s3", time.Time{})
		if p := s.Probes[0]; p.State != rack.Stale || p.Fault != "crc" || p.V != 21 {
			t.Errorf("probe = %+v, want 21 °C, stale, crc", p)
		}
		if got := m.Nodes()[1].Rejected["crc"]; got != 1 {
			t.Errorf("rejected = %d, want 1", got)
		}
	})
}

func TestThrottlingOfANodeIsItsNewestWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := model(hex(t))
		fill(m)
		if got := m.Nodes()[1].Throttled; got != nil {
			t.Errorf("throttled = %#x before any word", *got)
		}
		for _, word := range []float64{0x50005, 0x50000} {
			time.Sleep(time.Second) // fake time
			m.Observe(batch(pi1, wire.Reading{Device: pi1.Device("soc"), Quantity: wire.QuantityThrottled, Value: word, Time: time.Now()}))
		}
		if got := m.Nodes()[1].Throttled; got == nil || *got != 0x50000 {
			t.Errorf("throttled = %v, want 0x50000", got)
		}
	})
}

func TestStateOfAPastMomentComesFromTheStore(t *testing.T) {
	m := model(hex(t))
	s, err := m.State(t.Context(), "hex/a1/s3", time.Unix(1.7e9, 0))
	if err != nil || s.Slots[1].SoC.V != 44 || s.Slots[1].SoC.State != rack.Stale || s.Slots[0].SoC.State != rack.Missing {
		t.Errorf("got %+v, %v, want slot 2 at 44 °C, stale", s.Slots, err)
	}
	if _, err := m.State(t.Context(), "hex/a1/s9", time.Time{}); !errors.Is(err, rack.ErrNoShelf) {
		t.Errorf("err = %v, want ErrNoShelf", err)
	}
}

func TestASensorIsBelievedFromItsOwnNodeOnly(t *testing.T) {
	m := model(hex(t))
	tests := []struct {
		name   string
		node   wire.Node
		device string
		want   bool
	}{
		{"a placed probe from its node", pi1, "urn:dev:ow:28c1000000000000", true},
		{"a placed probe from another", pi2, "urn:dev:ow:28c1000000000000", false},
		{"a probe placed without a node, first", pi2, "urn:dev:ow:28a2000000000000", true},
		{"the same from a second node", pi1, "urn:dev:ow:28a2000000000000", false},
		{"an unknown probe", pi2, "urn:dev:ow:28ff", true},
		{"a part of the node itself", pi2, pi2.Device("soc"), true},
	}
	for _, tt := range tests {
		if _, ok := m.Admit("hex", tt.node, tt.device); ok != tt.want {
			t.Errorf("%s: admitted %v, want %v", tt.name, ok, tt.want)
		}
	}
	if got := m.Unplaced(); len(got) != 2 || got[0].Why == "" {
		t.Errorf("unplaced = %v, want the two foreign ones", got)
	}
}

func TestUnknownNodesAndSensorsAreListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := model(hex(t))
		fill(m)
		m.Observe(batch("b827eb0000ff", reading(wire.Node("b827eb0000ff").Device("soc"), "temperature", 40), reading("urn:dev:ow:28ff", "temperature", 20)))
		var got []string
		for _, u := range m.Unplaced() {
			got = append(got, string(u.Node)+" "+u.Sensor+" "+u.Why)
		}
		want := []string{"b827eb0000ff  unknown node", "b827eb0000ff urn:dev:ow:28ff unknown sensor"}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("-got +want\n%s", diff)
		}
	})
}

func TestALastWillDoesNotOutliveTheNextStart(t *testing.T) {
	m := model(hex(t))
	say := func(online bool, boot string, at float64) bool {
		m.Observe(ingest.Batch{Site: "hex", Node: pi1, Status: &wire.Status{Online: online, Boot: boot, T: at}})
		return m.Nodes()[0].Status.Online
	}
	if !say(true, "a", 10) || !say(true, "b", 20) || !say(false, "a", 10) {
		t.Error("the will of the first start made the second one look dead")
	}
	if say(false, "b", 20) {
		t.Error("the will of the present start is not believed")
	}
}

func TestWithoutALayoutPisStandOnAProvisionalShelf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := model(nil)
		fill(m)
		s, err := m.State(t.Context(), "hex/provisional/1", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Slots) != 2 || s.Slots[0].SoC.V != 50 || s.Slots[1].SoC.V != 52 {
			t.Errorf("slots = %+v, want the two Pis, and no switch", s.Slots)
		}
		if got := len(m.Unplaced()); got != 6 {
			t.Errorf("%d unplaced, want three nodes and three probes", got)
		}
	})
}

func TestAPastStateStandsInTheLayoutOfThen(t *testing.T) {
	before := hex(t)
	before.Shelves[0].Slots[0].Node, before.Shelves[0].Slots[1].Node = pi2, ""
	m := rack.New(rack.Options{Layout: hex(t), History: past{}, Stale: 5 * time.Minute, LayoutAt: func(_ string, at time.Time) *layout.Layout {
		switch at.Day() {
		case 1:
			return before
		case 2:
			return &layout.Layout{}
		}
		return nil // not known
	}})
	day := func(n int) time.Time { return time.Date(2026, 3, n, 12, 0, 0, 0, time.UTC) }
	s, err := m.State(t.Context(), "hex/a1/s3", day(1))
	if err != nil || s.Slots[0].SoC.V != 44 || s.Slots[1].Node != "" {
		t.Errorf("before pi2 was moved: %v %+v", err, s.Slots)
	}
	if _, err := m.State(t.Context(), "hex/a1/s3", day(2)); !errors.Is(err, rack.ErrNoShelf) {
		t.Errorf("when there was no shelf: %v", err)
	}
	s, err = m.State(t.Context(), "hex/a1/s3", day(3))
	if err != nil || s.Slots[1].SoC.V != 44 {
		t.Errorf("by the layout of today: %v %+v", err, s.Slots)
	}
}

func TestAProvisionalShelfOfManyPisStaysWithinWhatALayoutMayHave(t *testing.T) {
	for _, n := range []int{1, 12, 108, 2400, 2401, 10_000} {
		s := rack.Provisional([]string{"hex"}, map[string][]wire.Node{"hex": make([]wire.Node, n)}).Shelves[0]
		if s.Depth > 200 || s.Columns > 200 || len(s.Slots) < n || len(s.Slots) != s.Columns*s.Depth {
			t.Errorf("%d Pis: %d × %d with %d slots", n, s.Columns, s.Depth, len(s.Slots))
		}
	}
}

func TestWatchersHearOfChangesAndOfSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		m := model(hex(t))
		changes := m.Watch(ctx)
		done := make(chan error)
		go func() { done <- m.Run(ctx) }()
		fill(m)
		if diff := cmp.Diff(<-changes, []string{"hex/a1/s3"}); diff != "" {
			t.Errorf("-got +want\n%s", diff)
		}
		begin := time.Now()
		for time.Since(begin) < time.Minute {
			<-changes // fresh at first, then stale
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if _, open := <-changes; open {
			t.Error("the channel outlived its context")
		}
	})
}
