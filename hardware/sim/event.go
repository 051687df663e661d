package sim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Faults of a probe, as a scenario and the contract name them. FaultNone heals.
// A scenario may also write "missing" for FaultNoDevice.
const (
	FaultNone     = "none"
	FaultStuck    = "stuck"     // repeats its last value
	FaultPowerOn  = "power-on"  // reports 85 °C
	FaultNoDevice = "no-device" // does not answer
	FaultDrift    = "drift"     // walks away from the truth by Params.ProbeDrift

	faultMissing = "missing"
	faultNames   = "none, stuck, power-on, no-device (or missing) or drift"
)

// An Event is something that happens to a shelf: one entry of a scenario. It
// sets one of the four kinds: a fan and whether it is running, the load, a slot
// and whether it is offline, or a probe and its fault.
type Event struct {
	Fan     int      `yaml:"fan,omitempty"`     // from 1 at the left
	Running *bool    `yaml:"running,omitempty"` // of Fan
	Load    *float64 `yaml:"load,omitempty"`    // factor on the power of all Pis, 0..10; 1 is a normal day
	Slot    int      `yaml:"slot,omitempty"`    // from 1 at the front left
	Offline *bool    `yaml:"offline,omitempty"` // of Slot
	Probe   string   `yaml:"probe,omitempty"`   // name in Config.Probes
	Fault   *string  `yaml:"fault,omitempty"`   // of Probe, one of the Fault constants
}

// maxLoad bounds Event.Load, far beyond what a port can feed.
const maxLoad = 10

// Apply lets e happen now; it shows from the next step of 10 s on. The error
// names what the shelf does not have or the event does not say, and the shelf
// stays as it was.
func (s *Shelf) Apply(e Event) error {
	if err := s.check(e); err != nil {
		return fmt.Errorf("sim: %w", err)
	}
	s.future = nil
	switch {
	case e.Fan != 0:
		s.fans[e.Fan-1].stopped = !*e.Running
	case e.Load != nil:
		s.load.factor = *e.Load
	case e.Slot != 0:
		s.load.offline[e.Slot-1] = *e.Offline
		if *e.Offline {
			s.load.watts[e.Slot-1] = 0
		}
	default:
		s.fail(s.find(e.Probe), *e.Fault)
	}
	return nil
}

// check returns why e cannot happen on this shelf, or nil.
func (s *Shelf) check(e Event) error {
	kinds := 0
	for _, set := range []bool{
		e.Fan != 0 || e.Running != nil, e.Load != nil,
		e.Slot != 0 || e.Offline != nil, e.Probe != "" || e.Fault != nil,
	} {
		if set {
			kinds++
		}
	}
	switch {
	case kinds == 0:
		return errors.New("event says nothing: give fan, load, slot or probe")
	case kinds > 1:
		return errors.New("event says several things: give fan, load, slot and probe an entry each")
	case e.Load != nil:
		return checkLoad(*e.Load)
	case e.Fan != 0 || e.Running != nil:
		return e.checkFan(len(s.fans))
	case e.Slot != 0 || e.Offline != nil:
		return e.checkSlot(len(s.boards))
	}
	return s.checkProbe(e)
}

func checkLoad(factor float64) error {
	if !(factor >= 0 && factor <= maxLoad) { // catches NaN as well
		return fmt.Errorf("load %v: need 0 to %d", factor, maxLoad)
	}
	return nil
}

func (e Event) checkFan(fans int) error {
	if e.Fan < 1 || e.Fan > fans {
		return fmt.Errorf("fan %d: the shelf has fans 1 to %d", e.Fan, fans)
	}
	if e.Running == nil {
		return fmt.Errorf("fan %d: say running: true or false", e.Fan)
	}
	return nil
}

func (e Event) checkSlot(slots int) error {
	if e.Slot < 1 || e.Slot > slots {
		return fmt.Errorf("slot %d: the shelf has slots 1 to %d", e.Slot, slots)
	}
	if e.Offline == nil {
		return fmt.Errorf("slot %d: say offline: true or false", e.Slot)
	}
	return nil
}

func (s *Shelf) checkProbe(e Event) error {
	if s.find(e.Probe) < 0 {
		return fmt.Errorf("probe %q: the shelf has %s", e.Probe, s.probeNames())
	}
	if e.Fault == nil {
		return fmt.Errorf("probe %q: say fault: %s", e.Probe, faultNames)
	}
	switch *e.Fault {
	case FaultNone, FaultStuck, FaultPowerOn, FaultNoDevice, faultMissing, FaultDrift:
		return nil
	}
	return fmt.Errorf("probe %q: fault %q: need %s", e.Probe, *e.Fault, faultNames)
}

// find returns the index of the probe called name, or -1.
func (s *Shelf) find(name string) int {
	return slices.IndexFunc(s.probes, func(p probe) bool { return p.name == name })
}

func (s *Shelf) probeNames() string {
	if len(s.probes) == 0 {
		return "no probes"
	}
	names := make([]string, len(s.probes))
	for i, p := range s.probes {
		names[i] = p.name
	}
	return strings.Join(names, ", ")
}

// fail gives probe i a fault, or heals it. A probe that gets stuck does so at
// what it reports now, as far as it reports a temperature.
func (s *Shelf) fail(i int, fault string) {
	p := &s.probes[i]
	if p.fault != FaultStuck {
		p.stuck = s.sense(i)
	}
	switch fault {
	case FaultNone:
		fault = ""
	case faultMissing:
		fault = FaultNoDevice
	}
	if p.fault != fault {
		p.fault, p.since = fault, s.steps
	}
}
