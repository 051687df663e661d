package places

import (
	"cmp"
	"slices"
	"sync"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/placement"
)

// planOf makes the plan of a layout when it is first asked for.
func planOf(l *layout.Layout) func() *placement.Plan {
	return sync.OnceValue(func() *placement.Plan { return placement.NewPlan(l) })
}

// of returns the shelf with an id as Period has it.
func (e entry) of(id string, j *journal, at int64) *layout.Layout {
	l := &layout.Layout{Switches: e.layout.Switches}
	shelf, ok := e.layout.Shelf(id)
	if !ok {
		return l
	}
	l.Shelves = []layout.Shelf{*shelf}
	slots := slices.Clone(shelf.Slots)
	for i := range slots {
		port := placement.PortOf(slots[i])
		if node := j.at(port, at); node != "" && e.plan().Takes(port, node) {
			slots[i].Node = node
		}
	}
	l.Shelves[0].Slots = slots
	return l
}

// at returns who was behind a port at a time, "" when nobody is known to.
func (j *journal) at(port placement.Port, at int64) wire.Node {
	j.mu.RLock()
	defer j.mu.RUnlock()
	all := j.ports[port]
	after, same := slices.BinarySearchFunc(all, at, func(c change, at int64) int { return cmp.Compare(c.from, at) })
	if same {
		after++
	}
	if after == 0 {
		return ""
	}
	return all[after-1].node
}

// within returns when within a span somebody came or went behind the ports that
// feed a shelf, in no order.
func (j *journal) within(shelf *layout.Shelf, s span) []int64 {
	j.mu.RLock()
	defer j.mu.RUnlock()
	var found []int64
	for _, slot := range shelf.Slots {
		for _, c := range j.ports[placement.PortOf(slot)] {
			if s.from < c.from && c.from < s.to {
				found = append(found, c.from)
			}
		}
	}
	return found
}

// A stay is a time that a Pi was behind a port.
type stay struct {
	placement.Port
	node wire.Node
	span // from inclusive, to exclusive
}

// stays returns who was behind which port within a span, of each port in time
// order. The last one of a port goes on for ever.
func (j *journal) stays(within span) []stay {
	j.mu.RLock()
	defer j.mu.RUnlock()
	var found []stay
	for port, all := range j.ports {
		for i, c := range all {
			s := stay{port, c.node, span{max(c.from, within.from), within.to}}
			if i+1 < len(all) {
				s.to = min(all[i+1].from, within.to)
			}
			if c.node != "" && s.from < s.to {
				found = append(found, s)
			}
		}
	}
	return found
}
