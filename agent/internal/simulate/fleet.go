package simulate

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"thermarack/agent/internal/sampler"
	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
)

// A node is a virtual Pi or PoE switch.
type node struct {
	id      wire.Node
	site    string
	model   string
	agent   string // version in the inventory
	sensors sampler.Fixed
	parts   []wire.Part
	mortal  bool // the scenario takes its power at least once

	on      bool
	boots   int
	boot    string    // of the present or last life
	since   time.Time // when that began
	sampler *sampler.Sampler
}

func (n *node) topic(kind wire.Kind) string {
	return wire.Topic{Site: n.site, Node: n.id, Kind: kind}.String()
}

func (n *node) inventory() wire.Inventory {
	return wire.Inventory{Model: n.model, MAC: string(n.id), Agent: n.agent, Parts: n.parts}
}

// fleetOptions is what a fleet needs beside layout and shelves.
type fleetOptions struct {
	seed     uint64
	interval time.Duration
	agent    string
	events   []event // in time order
	log      *slog.Logger
}

// A fleet is all virtual nodes and the shelves that they stand in. It knows no
// clock: it is at the instant that it was last led to.
type fleet struct {
	fleetOptions // events are those to come
	shelves      []*shelf
	nodes        []*node // by MAC
	slots        map[slotKey]*node
}

type slotKey struct {
	shelf *shelf
	slot  int
}

// newFleet returns a fleet that is switched off. The error names a node that the
// layout has twice.
func newFleet(plan *layout.Layout, shelves []*shelf, o fleetOptions) (*fleet, error) {
	b := builder{seed: o.seed, nodes: map[wire.Node]*node{}, slots: map[slotKey]*node{}}
	if err := b.build(plan, shelves); err != nil {
		return nil, err
	}
	f := &fleet{fleetOptions: o, shelves: shelves, slots: b.slots}
	for _, n := range b.nodes {
		n.agent = o.agent
		f.nodes = append(f.nodes, n)
	}
	slices.SortFunc(f.nodes, func(a, b *node) int { return cmp.Compare(a.id, b.id) })
	for _, e := range o.events {
		if n := f.slots[slotKey{e.shelf, e.Slot}]; n != nil {
			n.mortal = true
		}
	}
	return f, nil
}

// switchOn gives power to all nodes.
func (f *fleet) switchOn(at time.Time, out outlet) error {
	for _, n := range f.nodes {
		if err := f.power(n, true, at, out); err != nil {
			return err
		}
	}
	return nil
}

// power switches a node on or off. Each time it comes on it has a boot of its
// own and counts its packs from 1.
func (f *fleet) power(n *node, on bool, at time.Time, out outlet) error {
	if n.on == on {
		return nil
	}
	n.on = on
	if on {
		n.boots++
		n.since = at
		n.boot = fmt.Sprintf("%08x", derive(f.seed, "boot", string(n.id), fmt.Sprint(n.boots))>>32)
		n.sampler = sampler.New(sampler.Options{
			Node: n.id, Boot: n.boot, Interval: f.interval, Source: n.sensors, Log: f.log, Inline: true,
		})
	}
	return out.power(n, at)
}

// advanceTo lets everything happen that happens until at, at included.
func (f *fleet) advanceTo(at time.Time, out outlet) error {
	for len(f.events) > 0 && !f.events[0].at.After(at) {
		e := f.events[0]
		f.events = f.events[1:]
		if err := f.happen(e, out); err != nil {
			return err
		}
	}
	for _, s := range f.shelves {
		s.advanceTo(at)
	}
	return nil
}

func (f *fleet) happen(e event, out outlet) error {
	if err := e.happen(e.shelf); err != nil {
		return err
	}
	if n := f.slots[slotKey{e.shelf, e.Slot}]; n != nil {
		return f.power(n, !*e.Offline, e.at, out)
	}
	return nil
}

// happen applies the event to s, which is its shelf or a copy of that.
func (e event) happen(s *shelf) error {
	s.advanceTo(e.at)
	if err := s.air.Apply(e.Event); err != nil {
		return fmt.Errorf("simulate shelf %s: %w", s.ID(), err)
	}
	return nil
}

// sample lets every node that is on make a pack. The fleet must be at the
// instant at, which is on the sampling grid.
func (f *fleet) sample(ctx context.Context, at time.Time, out outlet) error {
	for _, n := range f.nodes {
		if !n.on {
			continue
		}
		pack, err := n.sampler.Pack(ctx, at)
		if err != nil {
			return fmt.Errorf("simulate node %s: %w", n.id, err)
		}
		if err := out.pack(n, at, pack); err != nil {
			return err
		}
	}
	return nil
}
