package simulate

import (
	"cmp"
	"fmt"
	"strconv"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
)

const (
	piModel     = "Raspberry Pi 3 Model B Rev 1.2 (simulated)"
	switchModel = "PoE switch (simulated)"
)

// A builder makes the nodes of a layout.
type builder struct {
	seed  uint64
	nodes map[wire.Node]*node
	slots map[slotKey]*node
}

// build adds the Pis in the slots, then those beside them that read a probe or
// a fan, then the switches. The order matters: a MAC that is made up must not be
// one that the layout gives to another.
func (b *builder) build(plan *layout.Layout, shelves []*shelf) error {
	for _, s := range shelves {
		for _, slot := range s.Slots {
			if slot.Node != "" {
				b.addPi(s, slot.Number, slot.Node)
			}
		}
	}
	for _, s := range shelves {
		for _, slot := range s.Slots {
			if slot.Node == "" && filled(slot) {
				b.addPi(s, slot.Number, b.inventMAC(s.ID(), strconv.Itoa(slot.Number)))
			}
		}
	}
	for _, s := range shelves {
		b.addReaders(s)
	}
	for i := range plan.Switches {
		if err := b.addSwitch(&plan.Switches[i], shelves); err != nil {
			return err
		}
	}
	return nil
}

// inventMAC returns an address that no node has, of the block that a Pi 3's
// comes from.
func (b *builder) inventMAC(purpose ...string) wire.Node {
	for try := 0; ; try++ {
		n := derive(b.seed, append(purpose, "mac", strconv.Itoa(try))...)
		id := wire.Node(fmt.Sprintf("b827eb%06x", n>>40))
		if b.nodes[id] == nil {
			return id
		}
	}
}

// addPi adds a Pi in a slot.
func (b *builder) addPi(s *shelf, slot int, id wire.Node) {
	n := &node{id: id, site: s.Site, model: piModel}
	n.addSoC(s, slot)
	b.nodes[id] = n
	b.slots[slotKey{s, slot}] = n
}

// addReaders gives each probe and fan of a shelf to the node that reads it: the
// one in the device's name, else the one that the layout names, else the shelf's
// first Pi.
func (b *builder) addReaders(s *shelf) {
	first := b.first(s)
	for i, p := range s.Probes {
		b.reader(s, p.Sensor, cmp.Or(p.Node, first)).addProbe(s, i)
	}
	for i, f := range s.Fans {
		device, _, _ := wire.SplitName(f.Speed)
		b.reader(s, device, first).addFan(s, i)
	}
}

// first returns the first Pi of a shelf, or a made up one if it has none.
func (b *builder) first(s *shelf) wire.Node {
	for _, slot := range s.Slots {
		if n := b.slots[slotKey{s, slot.Number}]; n != nil {
			return n.id
		}
	}
	return b.inventMAC(s.ID(), "beside")
}

// reader returns the node that reads a device. One that is needed and stands in
// no slot is put beside the shelf: it reads what hangs on it, and has no heat of
// its own.
func (b *builder) reader(s *shelf, device string, otherwise wire.Node) *node {
	id, ok := wire.DeviceNode(device)
	if !ok {
		id = otherwise
	}
	n := b.nodes[id]
	if n == nil {
		n = &node{id: id, site: s.Site, model: piModel}
		b.nodes[id] = n
	}
	return n
}

// addSwitch adds a switch that has an address and feeds at least one slot. Its
// site is that of the first shelf which it feeds.
func (b *builder) addSwitch(sw *layout.Switch, shelves []*shelf) error {
	if sw.MAC == "" {
		return nil
	}
	n := &node{id: sw.MAC, model: switchModel}
	for _, s := range shelves {
		for _, slot := range s.Slots {
			if slot.Switch != sw.Name {
				continue
			}
			n.site = cmp.Or(n.site, s.Site)
			if slot.Port > 0 {
				n.addPort(s, slot)
			}
		}
	}
	if n.site == "" {
		return nil
	}
	if b.nodes[n.id] != nil {
		return fmt.Errorf("simulate switch %s: its MAC %s is that of a Pi of the layout: correct one of them", sw.Name, sw.MAC)
	}
	b.nodes[n.id] = n
	return nil
}
