package rack

import (
	"maps"
	"slices"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/placement"
)

// A fed is a slot that is empty but for the Pi that its switch port shows.
type fed struct {
	Place
	shelf int // index in the layout
}

// PlacePis puts the Pis into the slots where switches show them, at once and with
// what they last said, and takes them from those where they were. It is for a Model
// with a layout file. The result must not be changed afterwards.
func (m *Model) PlacePis(r placement.Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.found.Nodes
	m.found = r
	gone, come := placement.Nodes{}, placement.Nodes{}
	for port, node := range before {
		if r.Nodes[port] != node {
			gone[port] = node
		}
	}
	for port, node := range r.Nodes {
		if before[port] != node {
			come[port] = node
		}
	}
	if len(gone)+len(come) == 0 {
		return
	}
	var dirty shelves
	m.index, dirty = m.index.replug(gone, come)
	m.wake(dirty)
}

// Conflicts lists what contradicts what about the places of Pis. It must not be
// changed.
func (m *Model) Conflicts() []placement.Conflict {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.found.Conflicts
}

// Reported tells whether a node has ever reported to us.
func (m *Model) Reported(node wire.Node) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.nodes[node] != nil
}

// replug returns the index after Pis have left the ports of gone and come to those
// of come, and the shelves that it says something new of. What the layout file does
// not leave to switches stays as it is.
func (x *index) replug(gone, come placement.Nodes) (*index, shelves) {
	y := *x
	y.nodes, y.pis = maps.Clone(x.nodes), maps.Clone(x.pis)
	var dirty shelves
	slots := map[int][]layout.Slot{} // of the shelves that change
	put := func(slot fed, node wire.Node) {
		if slots[slot.shelf] == nil {
			slots[slot.shelf] = slices.Clone(x.layout.Shelves[slot.shelf].Slots)
		}
		slots[slot.shelf][slot.Slot-1].Node = node
		dirty.note(slot.Place)
	}
	for port, node := range gone {
		if slot, ok := x.fed[port]; ok && y.nodes[node] == slot.Place {
			delete(y.nodes, node)
			delete(y.pis, node.Device(""))
			put(slot, "")
		}
	}
	for port, node := range come {
		slot, ok := x.fed[port]
		if _, placed := y.nodes[node]; ok && !placed {
			y.nodes[node], y.pis[node.Device("")] = slot.Place, slot.Place
			put(slot, node)
		}
	}
	y.refill(slots)
	return &y, dirty
}

// refill gives x a layout of its own, in which some shelves have other slots.
func (x *index) refill(slots map[int][]layout.Slot) {
	l := *x.layout
	l.Shelves = slices.Clone(l.Shelves)
	x.layout, x.shelves = &l, make(map[string]*layout.Shelf, len(l.Shelves))
	for i := range l.Shelves {
		shelf := &l.Shelves[i]
		if filled := slots[i]; filled != nil {
			shelf.Slots = filled
		}
		x.shelves[shelf.ID()] = shelf
	}
}
