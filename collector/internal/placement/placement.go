// Package placement finds out where every Pi stands from what switches show: the
// Pi that a port has learned is in the slot that the port feeds.
//
// What cannot be decided is listed and never guessed; what a switch has forgotten
// stays where it was.
package placement

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
)

// A Port is a port of a switch, as the slots of a layout name it.
type Port struct {
	Switch string // its name in the layout
	Number int    // from 1
}

// Compare orders by switch and number.
func (p Port) Compare(q Port) int {
	return cmp.Or(cmp.Compare(p.Switch, q.Switch), cmp.Compare(p.Number, q.Number))
}

// String returns "port 17 of sw-a1-3".
func (p Port) String() string { return fmt.Sprintf("port %d of %s", p.Number, p.Switch) }

// Nodes says which Pi is behind which port. A Pi is behind one port at most.
type Nodes map[Port]wire.Node

// Fill returns the layout with the Pis of nodes in the empty slots that their
// ports feed. A Pi that the layout itself places is nowhere else. Neither l nor
// what it is made of is changed; without a Pi to place it is l that is returned.
func Fill(l *layout.Layout, nodes Nodes) *layout.Layout {
	return NewPlan(l).Fill(nodes)
}

// A Slot is a slot of a layout.
type Slot struct {
	Shelf  string // id, "hex/a1/s3"
	Number int    // from 1
}

// String returns "hex/a1/s3 slot 17".
func (s Slot) String() string { return fmt.Sprintf("%s slot %d", s.Shelf, s.Number) }

// A spot is a slot by its place in a layout.
type spot struct{ shelf, slot int }

// A Plan finds the slots of a layout by what feeds and what holds them. It never
// changes once made.
type Plan struct {
	layout   *layout.Layout
	fed      map[Port]spot      // by the port that feeds them
	placed   map[wire.Node]spot // those that the layout itself gives a Pi
	switches map[wire.Node]bool // the layout's, by their MAC addresses
}

// NewPlan returns the plan of a layout, which must not change any more.
func NewPlan(l *layout.Layout) *Plan {
	p := &Plan{layout: l, fed: map[Port]spot{}, placed: map[wire.Node]spot{}, switches: map[wire.Node]bool{}}
	for _, s := range l.Switches {
		p.switches[s.MAC] = true
	}
	for i := range l.Shelves {
		for j, slot := range l.Shelves[i].Slots {
			if port := PortOf(slot); port.Number != 0 {
				p.fed[port] = spot{i, j}
			}
			if slot.Node != "" {
				p.placed[slot.Node] = spot{i, j}
			}
		}
	}
	return p
}

// PortOf returns the port that feeds a slot, the zero Port when none is known.
func PortOf(s layout.Slot) Port {
	if s.Switch == "" || s.Port == 0 {
		return Port{}
	}
	return Port{s.Switch, s.Port}
}

func (p *Plan) slot(at spot) layout.Slot { return p.layout.Shelves[at.shelf].Slots[at.slot] }

func (p *Plan) name(at spot) Slot { return Slot{p.layout.Shelves[at.shelf].ID(), at.slot + 1} }

// Slot returns the empty slot that a port may fill with a Pi; ok is false for a
// port that feeds no slot, or one whose Pi the layout names.
func (p *Plan) Slot(port Port) (s Slot, ok bool) {
	at, ok := p.fed[port]
	if !ok || p.slot(at).Node != "" {
		return Slot{}, false
	}
	return p.name(at), true
}

// Takes tells whether a Pi behind a port stands in the slot that the port feeds:
// the slot is empty, and the layout does not place the Pi itself.
func (p *Plan) Takes(port Port, node wire.Node) bool {
	_, free := p.Slot(port)
	_, placed := p.placed[node]
	return free && !placed
}

// Fill is the function of that name for the layout of the plan.
func (p *Plan) Fill(nodes Nodes) *layout.Layout {
	filled := *p.layout
	own := map[int]bool{} // shelves that are copied already
	for port, node := range nodes {
		if !p.Takes(port, node) {
			continue
		}
		at := p.fed[port]
		if len(own) == 0 {
			filled.Shelves = slices.Clone(p.layout.Shelves)
		}
		shelf := &filled.Shelves[at.shelf]
		if !own[at.shelf] {
			shelf.Slots, own[at.shelf] = slices.Clone(shelf.Slots), true
		}
		shelf.Slots[at.slot].Node = node
	}
	if len(own) == 0 {
		return p.layout
	}
	return &filled
}

// ports returns the ports of nodes in order.
func (n Nodes) ports() []Port { return slices.SortedFunc(maps.Keys(n), Port.Compare) }
