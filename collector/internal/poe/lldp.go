package poe

import (
	"encoding/hex"
	"slices"
	"strings"

	"thermarack/agent/wire"
	"thermarack/collector/internal/snmp"
)

// Subtypes of names in LLDP (IEEE 802.1AB) that are MAC addresses.
const (
	chassisIsMAC = 4
	portIsMAC    = 3
)

// Bits of the capabilities that a neighbour has switched on, the first from above.
const (
	canBridge = 0x20 // bit 2
	canRoute  = 0x08 // bit 4
	isStation = 0x01 // bit 7
)

// neighbourColumns are what is read of LLDP's neighbours.
func neighbourColumns() []snmp.OID {
	return []snmp.OID{
		lldpRem(remChassisSubtype), lldpRem(remChassis), lldpRem(remPortSubtype), lldpRem(remPort), lldpRem(remCapabilities),
	}
}

// bridgeNeighbours returns LLDP's numbers of the ports that another switch or a
// router is behind.
func bridgeNeighbours(a answers) []string {
	chassisSubtypes, chassis := a.column(lldpRem(remChassisSubtype)), a.column(lldpRem(remChassis))
	portSubtypes, ports := a.column(lldpRem(remPortSubtype)), a.column(lldpRem(remPort))
	abilities := a.column(lldpRem(remCapabilities))
	var found []string
	for row, cell := range abilities {
		if len(cell.index) != 3 { // when it was heard, local port, a number
			continue
		}
		n := neighbour{abilities: capabilities(cell.Value)}
		if subtype, _ := chassisSubtypes.number(row); subtype == chassisIsMAC {
			n.chassis = macOf(chassis[row].Bytes)
		}
		if subtype, _ := portSubtypes.number(row); subtype == portIsMAC {
			n.port = macOf(ports[row].Bytes)
		}
		if n.isBridge() {
			found = append(found, cell.index[1:2].String())
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// A neighbour is who LLDP was heard from.
type neighbour struct {
	chassis, port wire.Node // "" when they are no MAC addresses
	abilities     byte
}

// isBridge tells a switch or router from a computer. A computer that runs
// containers or virtual machines says that it bridges and routes too: a Raspberry
// Pi is told by its address, others by that they call port and chassis by one
// address, which lldpd does where there is one interface, and no switch can.
func (n neighbour) isBridge() bool {
	if n.abilities&(canBridge|canRoute) == 0 || n.abilities&isStation != 0 {
		return false
	}
	return !IsPi(n.chassis) && !IsPi(n.port) && (n.chassis == "" || n.chassis != n.port)
}

// capabilities returns the first eight bits of LldpSystemCapabilitiesMap. Some
// agents write them as text, as "80 00".
func capabilities(v snmp.Value) byte {
	bits := v.Bytes
	if len(bits) > 2 {
		bits, _ = hex.DecodeString(strings.ReplaceAll(string(bits[:min(len(bits), 3)]), " ", ""))
	}
	if v.Kind != snmp.Text || len(bits) == 0 {
		return 0
	}
	return bits[0]
}

// piPrefixes are what the MAC addresses of Raspberry Pis begin with (IEEE's registry
// of organisations: the Raspberry Pi Foundation and Raspberry Pi Ltd).
var piPrefixes = [...]string{"28cdc1", "2ccf67", "88a29e", "b827eb", "d83add", "dca632", "e45f01"}

// IsPi tells whether mac is one of those that Raspberry Pis are made with. That of a
// USB adapter, or one that was set by hand, is not.
func IsPi(mac wire.Node) bool {
	return slices.ContainsFunc(piPrefixes[:], func(prefix string) bool { return strings.HasPrefix(string(mac), prefix) })
}

// localPort returns the interface of LLDP's local port number, 0 when that is not
// known: by its name, by its description, or as the port of the bridge that the
// standard wants it to be.
func (n *interfaces) localPort(p *profile, number string, names, descriptions cells) int {
	for _, name := range []string{names.text(number), descriptions.text(number)} {
		if index, ok := n.byName[name]; ok {
			return n.physical(index)
		}
	}
	return n.bridge(p, rowNumber(number))
}
