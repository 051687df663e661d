package switches_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/poe"
	"thermarack/collector/internal/switches"
)

var update = flag.Bool("update", false, "write the golden files")

var (
	a13    = layout.Switch{Name: "sw-a1-3", MAC: "0011223344ff", Host: "10.0.0.3"}
	moment = time.Date(2026, 1, 2, 13, 20, 10, 0, time.UTC)
)

func to[T any](v T) *T { return &v }

// small is a switch with one of everything.
func small() poe.Switch {
	return poe.Switch{
		Profile: "test", Name: "sw", Description: "A switch\nof tests", MAC: a13.MAC, Uptime: time.Hour,
		Ports: []poe.Port{
			{Index: "1.1", Number: 1, IfIndex: 10001, Name: "gi1", Admin: to(true), Status: poe.Delivering, Class: to(3), Power: to(4.1), Measured: true,
				Denied: to[uint32](0), Overload: to[uint32](2), Short: to[uint32](math.MaxUint32)},
			{Index: "1.2", Number: 2, Name: "gi2", Status: poe.Searching, Class: to(0), Power: to(0.0)},
			{Index: "1.3", Number: 3, Power: to(15.4)},
			{IfIndex: 10049, Name: "te1", MACs: []wire.Node{"b827eb000001"}},
		},
		Supplies: []poe.Supply{{Group: 1, Watts: 370, Used: 34.5, Threshold: to(0.8), Status: poe.SupplyOn}, {Group: 2}},
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s\n got %s\nwant %s", file, got, want)
	}
}

func TestPack(t *testing.T) {
	payload, err := wire.EncodePack(switches.Pack(a13, small(), moment))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "pack.json", append(bytes.ReplaceAll(payload, []byte("},{"), []byte("},\n{")), '\n'))
}

func TestPackLeavesOutWhatCannotBe(t *testing.T) {
	s := poe.Switch{
		Ports:    []poe.Port{{Number: 1, Power: to(math.NaN())}, {Number: 2, Power: to(-1.0)}, {Number: 3, Power: to(math.Inf(1))}, {Number: 4, Power: to(5.0), Measured: true}, {Number: 4, Power: to(6.0)}},
		Supplies: []poe.Supply{{Group: 1, Watts: math.NaN(), Used: 3}, {Group: 1, Watts: 370}},
	}
	want := []wire.Reading{
		{Device: "urn:dev:mac:001122fffe3344ff_port4", Quantity: "power", Unit: "W", Time: moment, Value: 5},
		{Device: "urn:dev:mac:001122fffe3344ff_supply1", Quantity: "power", Unit: "W", Time: moment, Value: 3},
	}
	if diff := cmp.Diff(switches.Pack(a13, s, moment), want); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
}

// Whatever a switch says, each reading of it survives the way through ingest, and
// none is there twice.
func TestIngestTakesEveryPack(t *testing.T) {
	holds := func(ports []poe.Port, supplies []poe.Supply) bool {
		ports, supplies = ports[:min(len(ports), 100)], supplies[:min(len(supplies), 100)]
		for i := range ports {
			ports[i].Number %= 200
		}
		readings := switches.Pack(a13, poe.Switch{Ports: ports, Supplies: supplies}, moment)
		payload, err := wire.EncodePack(readings)
		if err != nil {
			t.Error(err)
			return false
		}
		topic := wire.Topic{Site: "hex", Node: a13.MAC, Kind: wire.KindReadings}
		batch, rejected := ingest.Decode(ingest.Delivery{Topic: topic.String(), Payload: payload}, ingest.Window{Received: moment, Past: time.Hour})
		names := map[string]bool{}
		for _, r := range readings {
			names[r.Name()] = true
		}
		for _, r := range rejected {
			if r.Reason != ingest.ReasonRange { // watts above what can be
				t.Error(r)
				return false
			}
		}
		return len(names) == len(readings) && len(batch.Readings)+len(rejected) == len(readings)
	}
	if err := quick.Check(holds, nil); err != nil {
		t.Error(err)
	}
}

func TestInventory(t *testing.T) {
	got, err := json.MarshalIndent(switches.Inventory(a13, small()), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "inventory.json", append(got, '\n'))
}

func TestAHostileDescriptionIsMadeOneShortLine(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"several lines", "Cisco IOS\r\n  Software,\tVersion 12\x00", "Cisco IOS Software, Version 12"},
		{"control characters", "a\x1b[31mb\u202ec\u0007", "a[31mbc"},
		{"no UTF-8", "caf\xe9", "caf\uFFFD"},
		{"long", strings.Repeat("é", 100), strings.Repeat("é", 60)},
		{"long words", strings.Repeat("abcd ", 50), strings.TrimSpace(strings.Repeat("abcd ", 24))},
		{"nothing", "\x01 \x02", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := switches.Inventory(a13, poe.Switch{Description: tt.text}).Model; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzInventory(f *testing.F) {
	f.Add("Cisco IOS\r\nSoftware", "Gi1/0/1")
	f.Fuzz(func(t *testing.T, description, name string) {
		i := switches.Inventory(a13, poe.Switch{Description: description, Ports: []poe.Port{{Number: 1, Name: name}}})
		for _, s := range []string{i.Model, i.Parts[0].Bus} {
			if len(s) > 120 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || slices.Contains([]rune{0x7f, 0x202e, 0x2028}, r) }) {
				t.Errorf("%q", s)
			}
		}
	})
}
