// Package poe understands PoE switches: which port gives how many watts, what its
// state is, and which MAC addresses are behind it.
package poe

import (
	"time"

	"thermarack/agent/wire"
)

// A Switch is what was understood of a switch at one moment.
type Switch struct {
	Profile     string        // which table of OIDs fitted, see ProfileNames
	Name        string        // sysName: any text at all, hostile until escaped
	Description string        // sysDescr, as Name
	MAC         wire.Node     // its own, dot1dBaseBridgeAddress; "" when it does not say
	Uptime      time.Duration // sysUpTime: since its agent started; 0 when it does not say, anew after 497 days
	HeardAgo    time.Duration // how long before the rest the addresses and uplinks of the ports were read
	Ports       []Port        // those with PoE by Number, then others that MAC addresses were seen on
	Supplies    []Supply
	Missing     string // what could not be read and is not in Ports, for people; "" when all was
}

// A Port is one port of a switch.
type Port struct {
	Index   string // of the PoE table: "3.5" is group 3, port 5 (RFC 3621); "" of a port without PoE
	Number  int    // what a layout calls it, from 1; 0 of a port without PoE
	IfIndex int    // of its interface; 0 when that is not known
	Name    string // ifName, else ifDescr: hostile until escaped; "" when not known

	Admin  *bool    // whether PoE is switched on; nil when the switch does not say
	Status Status   // 0 when the switch does not say
	Class  *int     // 0 to 8, only while it delivers; nil when not known
	Power  *float64 // W that the port gives; nil when the switch does not say

	// Measured is true when Power was metered, false when it is what the switch has
	// set aside for the port.
	Measured bool

	// Counters since the switch started; nil when the switch does not say.
	Denied, Overload, Short *uint32

	MACs   []wire.Node // learned on it, sorted, without the switch's own
	Uplink bool        // another switch is behind it: no Pi's place
}

// A Status is what a PoE port does; the numbers are pethPsePortDetectionStatus of
// RFC 3621, and the collector's quantity "status".
type Status int

// The states of a port.
const (
	Disabled   Status = 1
	Searching  Status = 2
	Delivering Status = 3
	Fault      Status = 4
	Test       Status = 5
	OtherFault Status = 6
)

// A Supply is one power supply for PoE, of a switch or of a member of a stack.
type Supply struct {
	Group     int          // pethMainPseGroupIndex
	Watts     float64      // W that it can give
	Used      float64      // W that it gives
	Threshold *float64     // part of Watts, 0 to 1, above which the switch warns; nil when not known
	Status    SupplyStatus // 0 when the switch does not say
}

// A SupplyStatus is pethMainPseOperStatus of RFC 3621.
type SupplyStatus int

// The states of a supply.
const (
	SupplyOn     SupplyStatus = 1
	SupplyOff    SupplyStatus = 2
	SupplyFaulty SupplyStatus = 3
)
