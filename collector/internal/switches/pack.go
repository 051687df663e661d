package switches

import (
	"math"
	"strconv"
	"time"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/poe"
)

// Pack returns what a switch said as readings of its MAC in the layout, all of one
// instant: those of its ports with PoE, then those of its power supplies, in the
// order of s. What the switch did not say is left out, and so are numbers that
// cannot be. Of two ports or supplies with one number the first counts. Watts that
// were not measured are no power: a shelf's air flow is computed from that.
func Pack(sw layout.Switch, s poe.Switch, at time.Time) []wire.Reading {
	p := packer{node: sw.MAC, at: at, taken: map[string]bool{}}
	p.readings = make([]wire.Reading, 0, 7*len(s.Ports)+4*len(s.Supplies))
	for i := range s.Ports {
		if s.Ports[i].Number > 0 {
			p.port(&s.Ports[i])
		}
	}
	for _, supply := range s.Supplies {
		p.supply(supply)
	}
	return p.readings
}

// A packer gathers the readings of one switch at one instant.
type packer struct {
	node     wire.Node
	at       time.Time
	taken    map[string]bool // devices
	device   string          // whose readings are added
	readings []wire.Reading
}

// begin turns to a part of the switch. It is false when that has been there.
func (p *packer) begin(part string, number int) bool {
	p.device = p.node.Device(part + strconv.Itoa(number))
	if p.taken[p.device] {
		return false
	}
	p.taken[p.device] = true
	return true
}

// add adds a reading that is not below zero; in a unit other than the quantity's
// own where that has none.
func (p *packer) add(quantity, unit string, value float64) {
	if value >= 0 && !math.IsInf(value, 1) {
		p.readings = append(p.readings, wire.Reading{Device: p.device, Quantity: quantity, Unit: unit, Time: p.at, Value: value})
	}
}

func (p *packer) port(port *poe.Port) {
	if !p.begin("port", port.Number) {
		return
	}
	switch {
	case port.Power == nil:
	case port.Measured || *port.Power == 0:
		p.add(wire.QuantityPower, "W", *port.Power)
	default:
		p.add(poe.QuantityAllocated, "W", *port.Power)
	}
	if port.Status != 0 {
		p.add(poe.QuantityStatus, "", float64(port.Status))
	}
	if port.Class != nil && port.Status == poe.Delivering {
		p.add(poe.QuantityClass, "", float64(*port.Class))
	}
	for _, c := range []struct {
		quantity string
		count    *uint32
	}{{poe.QuantityDenied, port.Denied}, {poe.QuantityOverload, port.Overload}, {poe.QuantityShort, port.Short}} {
		if c.count != nil {
			p.add(c.quantity, "", float64(*c.count))
		}
	}
}

func (p *packer) supply(s poe.Supply) {
	if !p.begin("supply", s.Group) {
		return
	}
	p.add(poe.QuantityCapacity, "W", s.Watts)
	p.add(wire.QuantityPower, "W", s.Used)
	if s.Status != 0 {
		p.add(poe.QuantityStatus, "", float64(s.Status))
	}
	if s.Threshold != nil {
		p.add(poe.QuantityThreshold, "/", *s.Threshold)
	}
}
