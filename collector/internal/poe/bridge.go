package poe

import (
	"maps"
	"slices"

	"thermarack/agent/wire"
	"thermarack/collector/internal/snmp"
)

// maxAtEdge is how many devices can be behind a port that is no uplink. A Pi shows
// one address or two. A desk switch of eight ports between it and us shows up to
// seven more, and the port is still the place of the Pi; a link to the switch of
// another shelf shows dozens.
const maxAtEdge = 8

// An fdb is a table of learned addresses: its columns of ports and of states.
type fdb struct{ port, status snmp.OID }

// What dot1dTpFdbStatus says of an address that nobody has been heard under: it is
// no longer valid, the switch's own, or was written down by an administrator.
const (
	fdbInvalid = 2
	fdbSelf    = 4
	fdbMgmt    = 5
)

// Learned are the addresses behind each interface. An address in several VLANs is
// there once.
type learned map[int]map[wire.Node]bool

// add adds what one table holds; key returns the key of a port of the bridge.
func (l learned) add(ports, states cells, key func(port int) int) {
	for row, cell := range ports {
		port, mac := ports.indexed(row), macAt(cell.index)
		state, _ := states.number(row)
		if port == 0 || mac == "" || state == fdbInvalid || state == fdbSelf || state == fdbMgmt {
			continue
		}
		l.at(key(port))[mac] = true
	}
}

func (l learned) at(key int) map[wire.Node]bool {
	if l[key] == nil {
		l[key] = map[wire.Node]bool{}
	}
	return l[key]
}

// macs returns the addresses behind an interface without own, sorted.
func (l learned) macs(key int, own wire.Node) []wire.Node {
	var list []wire.Node
	for _, mac := range slices.Sorted(maps.Keys(l[key])) {
		if mac != own {
			list = append(list, mac)
		}
	}
	return list
}

// crowded tells whether more devices are behind a port than one makes itself.
// Addresses that software has made up, of virtual machines and containers, do not
// count: they have bit 1 of the first byte set (IEEE 802, section 8.4).
func crowded(macs []wire.Node) bool {
	devices := 0
	for _, mac := range macs {
		if digit := mac[1]; digit != '2' && digit != '6' && digit != 'a' && digit != 'e' {
			devices++
		}
	}
	return devices > maxAtEdge
}
