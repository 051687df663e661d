package simulate

import (
	"context"
	"errors"
	"fmt"
	"math"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/hardware/fault"
	"thermarack/hardware/sysfs"
)

// A sensor is one quantity of one device of a shelf.
type sensor struct {
	device, quantity string
	read             func() (float64, error)
}

// Name returns the record name.
func (s sensor) Name() string { return s.device + ":" + s.quantity }

// Read returns the present value; the shelf answers at once.
func (s sensor) Read(context.Context) ([]wire.Reading, error) {
	value, err := s.read()
	if err != nil {
		return nil, err
	}
	return []wire.Reading{{Device: s.device, Quantity: s.quantity, Unit: wire.UnitOf(s.quantity), Value: value}}, nil
}

func (n *node) add(s sensor) { n.sensors = append(n.sensors, s) }

// errOff is what the SoC of a slot without power answers. A node without power
// is not sampled, so that nobody should see it.
var errOff = errors.New("the slot has no power")

// addSoC adds what a Pi reads of its own SoC.
func (n *node) addSoC(s *shelf, slot int) {
	device := n.id.Device("soc")
	n.add(sensor{device, wire.QuantityTemperature, func() (float64, error) {
		celsius, ok := s.air.SoC(slot)
		if !ok {
			return 0, errOff
		}
		return celsius, nil
	}})
	n.add(sensor{device, wire.QuantityThrottled, func() (float64, error) {
		if s.air.Throttled(slot) {
			return sysfs.ThrottledBit | sysfs.ThrottledBit<<sysfs.OccurredShift, nil
		}
		return 0, nil
	}})
	n.parts = append(n.parts, wire.Part{Device: device, Part: "cpu-thermal", Bus: "thermal"})
}

// addProbe adds probe i of a shelf, counted from 0.
func (n *node) addProbe(s *shelf, i int) {
	device := s.Probes[i].Sensor
	n.add(sensor{device, wire.QuantityTemperature, func() (float64, error) {
		celsius, why := s.air.Probe(i)
		if why != "" {
			return 0, fault.New(why, "the scenario says so")
		}
		return celsius, nil
	}})
	n.parts = append(n.parts, wire.Part{Device: device, Part: "DS18B20", Bus: "w1_bus_master1"})
}

// leastHealthy is the slowest speed in 1/s that the layout of a shelf with the
// simulator's fans should still call healthy: four fifths of what they do. A
// layout that names another has other fans, which are faster or slower in
// proportion.
const leastHealthy = 40

// addFan adds the tachometer of fan i of a shelf, counted from 0, in steps of
// one revolution a minute.
func (n *node) addFan(s *shelf, i int) {
	device, quantity, _ := wire.SplitName(s.Fans[i].Speed)
	scale := s.Fans[i].Healthy / leastHealthy
	n.add(sensor{device, quantity, func() (float64, error) {
		perMinute := math.Round(60 * scale * s.air.FanSpeed(i+1))
		return round(max(perMinute, 0)/60, 1e3), nil
	}})
	n.parts = append(n.parts, wire.Part{Device: device, Part: "tachometer", Bus: fmt.Sprintf("hwmon%d", i)})
}

// addPort adds the watts that a switch feeds into a slot, in steps of 0.1 W.
func (n *node) addPort(s *shelf, slot layout.Slot) {
	device := n.id.Device(fmt.Sprintf("port%d", slot.Port))
	n.add(sensor{device, wire.QuantityPower, func() (float64, error) {
		return round(s.air.Power(slot.Number), 10), nil
	}})
	n.parts = append(n.parts, wire.Part{Device: device, Part: "PoE port", Bus: "port"})
}

// round rounds to a whole number of steps a unit.
func round(v, steps float64) float64 { return math.Round(v*steps) / steps }
