package poe

import (
	"cmp"
	"maps"
	"slices"

	"thermarack/agent/wire"
)

// A Spot is a port of one of several switches.
type Spot struct {
	Switch string // its key in the map that Locations was given
	Port   *Port  // shared with that switch; not to be changed
}

// A Location is where a MAC address was seen.
type Location struct {
	// Edge are the ports that it may be plugged into: of all ports that have learned
	// it and are no uplinks, those with the fewest addresses. One is the answer. Two
	// or more are equally good, and nobody can say which: a conflict. None means
	// that it was seen through uplinks only, so its own switch is not read.
	// Sorted by switch, then in the order of the switch's ports.
	Edge []Spot

	// Behind are the uplinks that have learned it, sorted as Edge.
	Behind []Spot
}

// Locations tells where each MAC address that any of the switches has learned is
// plugged in. Every switch between two others sees the same addresses; the port
// that an address stands on is the one with fewest, as all others lead to that
// port and to more. The switches' own addresses are left out.
//
// A port of an Edge may be one without PoE (its Number is 0), and several addresses
// may have the same: it is for the caller to say which of them are Pis. An address
// that has aged out of the tables is not in the map; that says nothing about where
// it is.
func Locations(switches map[string]Switch) map[wire.Node]Location {
	own := map[wire.Node]bool{}
	for _, s := range switches {
		own[s.MAC] = true
	}
	found := map[wire.Node]Location{}
	for _, name := range slices.Sorted(maps.Keys(switches)) {
		ports := switches[name].Ports
		for i := range ports {
			for _, mac := range ports[i].MACs {
				if !own[mac] {
					found[mac] = found[mac].with(Spot{name, &ports[i]})
				}
			}
		}
	}
	return found
}

// with returns l with one more port that has learned the address.
func (l Location) with(s Spot) Location {
	if s.Port.Uplink {
		l.Behind = append(l.Behind, s)
		return l
	}
	fewest := len(s.Port.MACs)
	if len(l.Edge) > 0 {
		fewest = len(l.Edge[0].Port.MACs)
	}
	switch cmp.Compare(len(s.Port.MACs), fewest) {
	case -1:
		l.Edge = []Spot{s}
	case 0:
		l.Edge = append(l.Edge, s)
	}
	return l
}
