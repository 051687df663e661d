package rack

import (
	"fmt"
	"strconv"
	"strings"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/placement"
)

// A Place is where a device stands.
type Place struct {
	Shelf *layout.Shelf // as the file has it: without the Pis that switches show
	Slot  int           // of a Pi or of the switch port that feeds it, from 1; 0 for a probe or a fan
	Probe *layout.Probe // of a probe, else nil
	Fan   *layout.Fan   // of a shelf fan, else nil

	Switch *Switch // that feeds the slot, nil when that is not known; or whose power supply it is
	Port   int     // that feeds the slot, from 1; 0 when that is not known
	Supply int     // number of a power supply; Shelf is then the first that the switch feeds
}

// A Switch is a PoE switch that is known by its MAC and feeds at least one shelf.
type Switch struct {
	*layout.Switch
	Shelves []*layout.Shelf // that it feeds, in the layout's order
}

// An index finds places by what reports from them. It never changes once made.
type index struct {
	layout  *layout.Layout
	shelves map[string]*layout.Shelf // by id
	nodes   map[wire.Node]Place      // Pis, by their slot
	pis     map[string]Place         // the same by device name
	devices map[string]Place         // probes by device
	records map[record]Place         // fans
	ports   map[string]Place         // switch ports that feed a slot, by device
	feeders map[wire.Node]*Switch    // that feed a slot
	fed     map[placement.Port]fed   // slots that are empty but for what their port shows
	sites   map[string]string        // of the first shelf that a switch feeds, by its name

	inlets map[string]bool // record names of the probes at cold faces
	wanted map[record]bool // what a State is built from, and its devices without a quantity
}

// A record is what a reading is of. It is asked for with each, and so no string
// is made of it.
type record struct{ device, quantity string }

func newIndex(l *layout.Layout) *index {
	x := &index{
		layout:  l,
		shelves: map[string]*layout.Shelf{},
		nodes:   map[wire.Node]Place{},
		pis:     map[string]Place{},
		devices: map[string]Place{},
		records: map[record]Place{},
		ports:   map[string]Place{},
		feeders: map[wire.Node]*Switch{},
		fed:     map[placement.Port]fed{},
		sites:   map[string]string{},
		inlets:  map[string]bool{},
		wanted:  map[record]bool{},
	}
	for i := range l.Shelves {
		x.add(i, &l.Shelves[i])
	}
	return x
}

func (x *index) add(number int, shelf *layout.Shelf) {
	x.shelves[shelf.ID()] = shelf
	for _, slot := range shelf.Slots {
		place := x.fedPlace(shelf, slot)
		if x.sites[slot.Switch] == "" {
			x.sites[slot.Switch] = shelf.Site
		}
		if slot.Node != "" {
			x.nodes[slot.Node], x.pis[slot.Node.Device("")] = place, place
			x.want(socRecord(slot.Node))
		} else if port := placement.PortOf(slot); port.Number != 0 {
			x.fed[port] = fed{place, number}
		}
		if name := x.powerRecord(slot); name != "" {
			device, _, _ := wire.SplitName(name)
			x.want(name)
			x.ports[device] = place
		}
	}
	for i := range shelf.Probes {
		x.devices[shelf.Probes[i].Sensor] = Place{Shelf: shelf, Probe: &shelf.Probes[i]}
		x.want(probeRecord(shelf.Probes[i]))
		if shelf.Probes[i].Face == layout.Cold {
			x.inlets[probeRecord(shelf.Probes[i])] = true
		}
	}
	for i := range shelf.Fans {
		x.records[x.want(shelf.Fans[i].Speed)] = Place{Shelf: shelf, Fan: &shelf.Fans[i]}
	}
}

// fedPlace returns the place of a slot, and notes which switch feeds its shelf.
func (x *index) fedPlace(shelf *layout.Shelf, slot layout.Slot) Place {
	place := Place{Shelf: shelf, Slot: slot.Number}
	s, ok := x.layout.Switch(slot.Switch)
	if !ok || s.MAC == "" {
		return place
	}
	fed := x.feeders[s.MAC]
	if fed == nil {
		fed = &Switch{Switch: s}
		x.feeders[s.MAC] = fed
	}
	if n := len(fed.Shelves); n == 0 || fed.Shelves[n-1] != shelf {
		fed.Shelves = append(fed.Shelves, shelf)
	}
	place.Switch, place.Port = fed, slot.Port
	return place
}

func (x *index) want(name string) record {
	device, quantity, _ := wire.SplitName(name)
	r := record{device, quantity}
	x.wanted[r], x.wanted[record{device: device}] = true, true
	return r
}

// powerRecord names the watts of a slot's switch port, "" when it has none.
func (x *index) powerRecord(slot layout.Slot) string {
	s, ok := x.layout.Switch(slot.Switch)
	if !ok || s.MAC == "" || slot.Port == 0 {
		return ""
	}
	return s.PortPower(slot.Port)
}

// place finds where a reading belongs. Parts of a placed Pi belong to its slot.
func (x *index) place(device, quantity string) (Place, bool) {
	if p, ok := x.records[record{device, quantity}]; ok {
		return p, true
	}
	if p, ok := x.devices[device]; ok {
		return p, true
	}
	if !strings.HasPrefix(device, "urn:dev:mac:") {
		return Place{}, false
	}
	if p, ok := x.ports[device]; ok {
		return p, true
	}
	node, part, _ := strings.Cut(device, "_")
	if p, ok := x.pis[node]; ok {
		return p, true
	}
	return x.placeSupply(device, part)
}

// placeSupply finds where a power supply belongs: to a switch that feeds a shelf.
func (x *index) placeSupply(device, part string) (Place, bool) {
	number, ok := strings.CutPrefix(part, "supply")
	if !ok {
		return Place{}, false
	}
	node, _ := wire.DeviceNode(device)
	fed := x.feeders[node]
	n, err := strconv.Atoi(number)
	if fed == nil || err != nil || n < 1 {
		return Place{}, false
	}
	return Place{Shelf: fed.Shelves[0], Switch: fed, Supply: n}, true
}

// switchName returns the name of the switch that node is, or "".
func (x *index) switchName(node wire.Node) string {
	for _, s := range x.layout.Switches {
		if s.MAC == node {
			return s.Name
		}
	}
	return ""
}

// provisionalColumns is how wide the grid of a site without a layout is: as the
// shelf that the project has in mind.
const provisionalColumns = 12

// maxDepth is the deepest shelf that a layout file may have.
const maxDepth = 200

// Provisional returns a layout that puts nodes on one shelf a site, in the
// order given, so that a page can be shown before anybody has written a layout.
// Its shelves are "<site>/provisional/1".
func Provisional(sites []string, nodes map[string][]wire.Node) *layout.Layout {
	l := &layout.Layout{}
	for _, site := range sites {
		n := len(nodes[site])
		if n == 0 {
			continue
		}
		columns := max(min(n, provisionalColumns), (n+maxDepth-1)/maxDepth)
		shelf := layout.Shelf{
			Site: site, Rack: "provisional", Name: "1", Columns: columns,
			Depth: (n + columns - 1) / columns, Limits: layout.DefaultLimits(),
		}
		shelf.Slots = make([]layout.Slot, shelf.Columns*shelf.Depth)
		for i := range shelf.Slots {
			shelf.Slots[i].Number = i + 1
			if i < n {
				shelf.Slots[i].Node = nodes[site][i]
			}
		}
		l.Shelves = append(l.Shelves, shelf)
	}
	return l
}

// String names the place for a person: "hex/a1/s3 slot 17".
func (p Place) String() string {
	switch {
	case p.Probe != nil:
		return fmt.Sprintf("%s probe %s", p.Shelf.ID(), p.Probe.Name)
	case p.Fan != nil:
		return fmt.Sprintf("%s fan %s", p.Shelf.ID(), p.Fan.Name)
	case p.Supply != 0:
		return fmt.Sprintf("%s supply %d", p.Switch.Name, p.Supply)
	}
	return fmt.Sprintf("%s slot %d", p.Shelf.ID(), p.Slot)
}
