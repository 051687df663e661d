package placement

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"thermarack/agent/wire"
	"thermarack/collector/internal/poe"
)

// A Spot is a port that a Pi was seen on, in a layout or not.
type Spot struct {
	Port        // the number is 0 of a port without PoE
	Name string // of its interface: hostile until escaped; "" when the switch does not say
}

// String returns "port 17 of sw-a1-3", of a port without a number its name: any
// text at all, quoted and cut short.
func (s Spot) String() string {
	if s.Number == 0 {
		return fmt.Sprintf("port %.40q of %s", s.Name, s.Switch)
	}
	return s.Port.String()
}

func compareSpots(a, b Spot) int { return cmp.Or(a.Compare(b.Port), cmp.Compare(a.Name, b.Name)) }

// A sighting is a Pi on a port.
type sighting struct {
	node  wire.Node
	spot  Spot
	macs  int       // that the port has learned in all
	since time.Time // when the first of the tables in a row that have it was read; zero: ever since our start
}

func compareSightings(a, b sighting) int {
	return cmp.Or(cmp.Compare(a.node, b.node), compareSpots(a.spot, b.spot))
}

// An Answer is what one answer of a switch says of Pis.
type Answer struct {
	at    time.Time
	heard time.Time  // of the tables that it is from: a switch is not asked for them each time
	mac   wire.Node  // the switch's own, "" when it does not say
	pis   []sighting // by node and spot
}

// maxPis is how many Pis are taken from a port: whoever stands behind it can make
// up as many addresses as the switch has room for. With more than one, it is
// nobody's place anyway.
const maxPis = 64

// maxShown is how many sightings are taken from a switch, those on ports with PoE
// first: more than the largest chassis feeds.
const maxShown = 4096

// NewAnswer returns what a switch, by its name in the layout, showed at a time.
// Uplinks count for nothing.
func NewAnswer(name string, s poe.Switch, at time.Time, isPi func(wire.Node) bool) Answer {
	a := Answer{at: at, heard: at.Add(-s.HeardAgo), mac: s.MAC}
	names := map[int]string{}
	for _, p := range s.Ports {
		if p.Uplink {
			continue
		}
		if first, twice := names[p.Number]; twice && p.Number != 0 {
			p.Name = first // a number is one port, whatever the switch says
		}
		names[p.Number] = p.Name
		found := 0
		for _, mac := range p.MACs {
			if found == maxPis || len(a.pis) == maxShown {
				break
			}
			if isPi(mac) {
				found++
				a.pis = append(a.pis, sighting{node: mac, spot: Spot{Port{name, p.Number}, p.Name}, macs: len(p.MACs)})
			}
		}
	}
	slices.SortFunc(a.pis, compareSightings)
	a.pis = slices.CompactFunc(a.pis, func(b, c sighting) bool { return compareSightings(b, c) == 0 })
	return a
}

// After returns a as the answer that follows b of the same switch: it knows what
// is new in it.
func (a Answer) After(b Answer) Answer {
	a.pis = slices.Clone(a.pis)
	for i := range a.pis {
		known, ok := slices.BinarySearchFunc(b.pis, a.pis[i], compareSightings)
		a.pis[i].since = a.heard
		if ok {
			a.pis[i].since = b.pis[known].since
		}
	}
	return a
}

// of returns the sightings of one Pi.
func (a Answer) of(node wire.Node) []sighting {
	begin, _ := slices.BinarySearchFunc(a.pis, node, func(s sighting, node wire.Node) int { return cmp.Compare(s.node, node) })
	end := begin
	for end < len(a.pis) && a.pis[end].node == node {
		end++
	}
	return a.pis[begin:end]
}

// differences returns the Pis that a shows otherwise than b of the same switch.
func (a Answer) differences(b Answer) []wire.Node {
	var nodes []wire.Node
	for _, pair := range [][2]Answer{{a, b}, {b, a}} {
		for _, s := range pair[0].pis {
			i, ok := slices.BinarySearchFunc(pair[1].pis, s, compareSightings)
			if !ok || pair[1].pis[i] != s {
				nodes = append(nodes, s.node)
			}
		}
	}
	return nodes
}
