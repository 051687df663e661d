package placement_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/placement"
	"thermarack/collector/internal/poe"
)

func TestANodeThatHasReportedIsAPiAndASwitchIsNone(t *testing.T) {
	t.Parallel()
	r := &told{reported: map[wire.Node]bool{mac(t, "x7"): true, "0011223344bb": true, "0011223344cc": true}}
	k := placement.NewKeeper(placement.Options{Layout: parse(t, twoShelves), Racks: r, Journal: r})
	s := shows(t, "1: x7, 2: x8, 3:, 4:")
	s.Ports[2].MACs = []wire.Node{"0011223344bb"} // as the layout says
	s.Ports[3].MACs = []wire.Node{"0011223344cc"} // as the switch says itself
	other := shows(t, "")
	other.MAC = "0011223344cc"
	k.Seen("sw-b", other, noon)
	k.Seen("sw-a", s, noon)
	if r.stands() != "a1=7" {
		t.Errorf("got %q", r.stands())
	}
}

func TestAnAnswerThatSaysNothingNewIsNotToldAgain(t *testing.T) {
	t.Parallel()
	got := keep(t, twoShelves, nil, []string{"a 1: 1", "a 1: 1", "a 1: 1, 24u: 2 3, 4: x1"})
	if got.times != 2 {
		t.Errorf("told %d times, want once at the start and once for the first answer", got.times)
	}
}

func TestATableFromBeforeAMoveIsNoContradiction(t *testing.T) {
	t.Parallel()
	r := &told{}
	k := placement.NewKeeper(placement.Options{Layout: parse(t, twoShelves), Racks: r, Journal: r})
	seen := func(after time.Duration, name, what string, ago time.Duration) {
		s := shows(t, what)
		s.HeardAgo = ago
		k.Seen(name, s, noon.Add(after))
	}
	seen(0, "sw-a", "1: 1", 0)
	seen(time.Second, "sw-b", "1:", 0)
	seen(31*time.Second, "sw-b", "1: 1", 0)              // it has moved
	seen(40*time.Second, "sw-a", "1: 1", 40*time.Second) // which this switch has not looked for again
	if r.stands() != "b1=1" || len(r.Conflicts) > 0 {
		t.Errorf("got %q, conflicts %q", r.stands(), r.why())
	}
	seen(50*time.Second, "sw-a", "1: 1", 0)
	if r.stands() != "b1=1" || len(r.Conflicts) != 1 {
		t.Errorf("when both show it: got %q, conflicts %q", r.stands(), r.why())
	}
}

func TestAnAnswerThatCameLateIsLeftOut(t *testing.T) {
	t.Parallel()
	r := &told{}
	k := placement.NewKeeper(placement.Options{Layout: parse(t, twoShelves), Racks: r, Journal: r})
	k.Seen("sw-a", shows(t, "2: 1"), noon)
	k.Seen("sw-a", shows(t, "1: 1"), noon.Add(-time.Second))
	if r.stands() != "a2=1" {
		t.Errorf("got %q", r.stands())
	}
}

func TestASwitchThatMakesUpPisIsHeardOutToABound(t *testing.T) {
	t.Parallel()
	r := &told{}
	k := placement.NewKeeper(placement.Options{Layout: parse(t, twoShelves), Racks: r, Journal: r})
	s := shows(t, "1: 1")
	for i := range 100_000 {
		s.Ports = append(s.Ports, poe.Port{IfIndex: 1000 + i, Name: fmt.Sprint(i), MACs: []wire.Node{wire.Node(fmt.Sprintf("dca632%06x", i))}})
	}
	k.Seen("sw-a", s, noon)
	if len(r.Nodes) != 1 || len(r.Unplaced) == 0 || len(r.Unplaced) > 4096 {
		t.Errorf("got %v and %d Pis without a place", r.Nodes, len(r.Unplaced))
	}
}

func TestAfterOurClockIsSetBackPisMoveOn(t *testing.T) {
	t.Parallel()
	r := &told{}
	k := placement.NewKeeper(placement.Options{Layout: parse(t, twoShelves), Racks: r, Journal: r})
	k.Seen("sw-a", shows(t, "2: 1"), noon)
	k.Seen("sw-a", shows(t, "1: 1"), noon.AddDate(-10, 0, 0))
	if r.stands() != "a1=1" {
		t.Errorf("got %q", r.stands())
	}
}

func TestWhatCouldNotBeKeptIsTriedAgain(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	registry := prometheus.NewRegistry()
	r := &told{fails: errors.New("disk full")}
	k := placement.NewKeeper(placement.Options{
		Layout: parse(t, twoShelves), Racks: r, Journal: r, Registry: registry, Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	k.Seen("sw-a", shows(t, "1: 1"), noon)
	k.Seen("sw-a", shows(t, "1: 1"), noon.Add(time.Minute))
	if r.stands() != "a1=1" || len(r.kept) > 0 {
		t.Errorf("stands %q, kept %v", r.stands(), r.kept)
	}
	r.fails = nil
	k.Seen("sw-a", shows(t, "1: 1"), noon.Add(2*time.Minute))
	if len(r.kept) != 1 || strings.Count(log.String(), "disk full") != 1 || !strings.Contains(log.String(), "kept again") {
		t.Errorf("kept %v, log %s", r.kept, &log)
	}
	const want = `
# HELP thermarack_placement_write_failures_total Changes of where Pis stand that could not be written to disk; the next answer of a switch tries again.
# TYPE thermarack_placement_write_failures_total counter
thermarack_placement_write_failures_total 2
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "thermarack_placement_write_failures_total"); err != nil {
		t.Error(err)
	}
}

func TestConflictsAreCounted(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	r := &told{}
	k := placement.NewKeeper(placement.Options{Layout: parse(t, twoShelves), Racks: r, Journal: r, Registry: registry})
	for _, tt := range []struct{ answer, want string }{{"1: 1 2, 3: 3 4", "2"}, {"1: 1, 3: 3 4", "1"}, {"1: 1, 3: 4", "0"}} {
		k.Seen("sw-a", shows(t, tt.answer), noon)
		want := "# HELP thermarack_placement_conflicts Contradictions about where a Pi stands, each listed with both its sides.\n" +
			"# TYPE thermarack_placement_conflicts gauge\nthermarack_placement_conflicts " + tt.want + "\n"
		if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "thermarack_placement_conflicts"); err != nil {
			t.Errorf("%s: %v", tt.answer, err)
		}
	}
}

func TestALargeFleetIsPlacedToTheLastPi(t *testing.T) {
	t.Parallel()
	const switches, ports = 60, 48
	l := &layout.Layout{}
	for i := range switches {
		name := fmt.Sprintf("sw-%02d", i)
		l.Switches = append(l.Switches, layout.Switch{Name: name})
		shelf := layout.Shelf{Site: "hex", Rack: "a1", Name: name, Columns: ports, Depth: 1}
		for port := 1; port <= ports; port++ {
			shelf.Slots = append(shelf.Slots, layout.Slot{Number: port, Switch: name, Port: port})
		}
		l.Shelves = append(l.Shelves, shelf)
	}
	r := &told{}
	k := placement.NewKeeper(placement.Options{Layout: l, Racks: r, Journal: r})
	answer := func(i int) poe.Switch {
		var s poe.Switch
		for port := 1; port <= ports; port++ {
			s.Ports = append(s.Ports, poe.Port{Number: port, MACs: []wire.Node{wire.Node(fmt.Sprintf("b827eb%02x%04x", port, i))}})
		}
		return s
	}
	for i := range switches {
		k.Seen(fmt.Sprintf("sw-%02d", i), answer(i), noon)
	}
	if got := len(r.Nodes); got != switches*ports {
		t.Errorf("%d of %d Pis are placed", got, switches*ports)
	}
}
