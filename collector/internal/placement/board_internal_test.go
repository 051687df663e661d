package placement

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/poe"
)

// three is a layout of three switches with three ports each that feed a slot, one
// of which has a Pi of its own.
func three() *layout.Layout {
	l := &layout.Layout{}
	for i := range 3 {
		name := fmt.Sprintf("sw-%d", i)
		l.Switches = append(l.Switches, layout.Switch{Name: name})
		shelf := layout.Shelf{Site: "hex", Rack: "a1", Name: fmt.Sprintf("s%d", i), Columns: 3, Depth: 1}
		for port := 1; port <= 3; port++ {
			shelf.Slots = append(shelf.Slots, layout.Slot{Number: port, Switch: name, Port: port})
		}
		l.Shelves = append(l.Shelves, shelf)
	}
	l.Shelves[0].Slots[2].Node = "b827eb000001"
	return l
}

// jumble is an answer by chance: few ports and few Pis, so that everything happens
// that can.
func jumble(r *rand.Rand) poe.Switch {
	var s poe.Switch
	if r.IntN(10) == 0 {
		s.MAC = "b827eb000002" // says that it is one of the Pis
	}
	for range r.IntN(6) {
		p := poe.Port{Number: r.IntN(5), Name: []string{"a", "b"}[r.IntN(2)], Uplink: r.IntN(8) == 0}
		for range 1 + r.IntN(3) {
			p.MACs = append(p.MACs, wire.Node(fmt.Sprintf("b827eb%06x", r.IntN(8))))
		}
		s.Ports = append(s.Ports, p)
	}
	return s
}

// whole decides about everything at once.
func whole(p *Plan, answers map[string]Answer, before Nodes) Result {
	seen := map[wire.Node][]sighting{}
	own := map[wire.Node]bool{}
	for _, name := range slices.Sorted(maps.Keys(answers)) {
		own[answers[name].mac] = true
		for _, s := range answers[name].pis {
			seen[s.node] = append(seen[s.node], s)
		}
	}
	best := map[wire.Node][]sighting{}
	for node, all := range seen {
		if !own[node] {
			best[node], _ = bestOf(all, answers)
		}
	}
	return p.decide(best, before)
}

func TestWhatAnAnswerChangesIsWhatDecidingAllAnewWouldChange(t *testing.T) {
	t.Parallel()
	plan := NewPlan(three())
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 0))
		b := newBoard(plan, Nodes{{"sw-0", 1}: "b827eb000003", {"sw-1", 1}: "b827eb000004", {"sw-9", 1}: "b827eb000005"})
		now := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
		for step := range 60 {
			name := fmt.Sprintf("sw-%d", r.IntN(3))
			now = now.Add(time.Second)
			a := NewAnswer(name, jumble(r), now, poe.IsPi)
			if before, again := b.answers[name]; again && r.IntN(3) == 0 {
				a = Answer{at: now, heard: now.Add(-time.Duration(r.IntN(40)) * time.Second), mac: before.mac, pis: before.pis} // nothing new
			} else if again {
				a = a.After(before)
			}
			before := b.result()
			changed := b.take(name, a)
			got, want := b.result(), whole(plan, b.answers, before.Nodes)
			if diff := cmp.Diff(got, want); diff != "" {
				t.Fatalf("seed %d, step %d: -got +want\n%s", seed, step, diff)
			}
			if told := cmp.Diff(got, before) != ""; told != changed {
				t.Fatalf("seed %d, step %d: said to be a change: %v, is one: %v", seed, step, changed, told)
			}
		}
	}
}
