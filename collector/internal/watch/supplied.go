package watch

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"thermarack/agent/wire"
	"thermarack/collector/internal/poe"
	"thermarack/collector/internal/rack"
)

// A supplied is what a switch says of the port that feeds a slot.
type supplied struct {
	state powerState
	watts float64       // that it gives; 0 when that is not known
	lasts time.Duration // for how long it has been starting
}

// A powerState tells whether a port gives power.
type powerState int

const (
	powerUnknown powerState = iota // no port is known, or it was not heard of lately
	powerOn
	powerStarting // it is on, and so lately that the Pi may not have started yet
	powerOff
	powerDisabled // it is off because somebody has switched it off
)

// leastPowered is the least power in W that a Pi is fed with: a switch that says
// nothing else of a port than its watts may measure a little where nothing is.
const leastPowered = 0.5

// supplied returns what is known at now of the port that feeds a place. w.mu is
// held.
func (w *Watch) supplied(p rack.Place, now time.Time) supplied {
	if p.Switch == nil || p.Port == 0 {
		return supplied{}
	}
	one := w.ports[p.Switch.MAC.Device("port"+strconv.Itoa(p.Port))]
	if one == nil {
		return supplied{}
	}
	fresh := func(r wire.Reading) bool { return !r.Time.IsZero() && now.Sub(r.Time) <= w.options.Late }
	var s supplied
	if fresh(one.power) {
		s.watts, s.state = one.power.Value, powerOff
		if s.watts >= leastPowered {
			s.state = powerOn
		}
	}
	if fresh(one.status) {
		switch poe.Status(one.status.Value) {
		case poe.Delivering:
			s.state = powerOn
			if n := len(one.flap.Changes); n > 0 && now.Sub(one.flap.Changes[n-1]) < w.options.Rules.Silent {
				s.state, s.lasts = powerStarting, now.Sub(one.flap.Changes[n-1])
			}
		case poe.Disabled:
			s.state = powerDisabled
		default:
			s.state = powerOff
		}
	}
	return s
}

// explain says why an agent has been silent for a while, as far as its switch
// knows.
func (s supplied) explain(p rack.Place, silence string) string {
	switch {
	case s.state == powerOn && s.watts > 0:
		return fmt.Sprintf("%s: port %d of %s is delivering %.1f W but its agent has been silent for %s: hung", p, p.Port, p.Switch.Name, s.watts, silence)
	case s.state == powerOn:
		return fmt.Sprintf("%s: port %d of %s is delivering but its agent has been silent for %s: hung", p, p.Port, p.Switch.Name, silence)
	case s.state == powerStarting:
		return fmt.Sprintf("%s: its agent has been silent for %s and port %d of %s has delivered for %s only: it may be starting", p, silence, p.Port, p.Switch.Name, span(s.lasts))
	case s.state == powerDisabled:
		return fmt.Sprintf("%s: its agent has been silent for %s and port %d of %s is switched off", p, silence, p.Port, p.Switch.Name)
	case s.state == powerOff:
		return fmt.Sprintf("%s: its agent has been silent for %s and port %d of %s delivers nothing: dead or unplugged", p, silence, p.Port, p.Switch.Name)
	}
	return fmt.Sprintf("%s: its agent has been silent for %s, and nothing is known of its power", p, silence)
}

// powerOf says what the ports of several silent agents do, and where to look. w.mu
// is held.
func (w *Watch) powerOf(silent []*agent, now time.Time) string {
	var n [powerDisabled + 1]int
	var watts float64
	for _, one := range silent {
		s := w.supplied(one.place, now)
		n[s.state]++
		if s.state == powerOn || s.state == powerStarting {
			watts += s.watts
		}
	}
	on := n[powerOn] + n[powerStarting]
	off := n[powerOff] + n[powerDisabled]
	switch len(silent) {
	case n[powerUnknown]:
		return "and nothing is known of their power"
	case off:
		return "their ports deliver nothing: look at the power"
	case on:
		return fmt.Sprintf("their ports deliver%s: look at the network", inWatts(watts))
	}
	parts := []string{fmt.Sprintf("%d of their ports deliver%s, %d do not", on, inWatts(watts), off)}
	if n[powerUnknown] > 0 {
		parts = append(parts, fmt.Sprintf("of %d nothing is known", n[powerUnknown]))
	}
	return strings.Join(parts, ", ")
}

// inWatts returns " 410 W", or "" for none.
func inWatts(watts float64) string {
	if watts == 0 {
		return ""
	}
	return fmt.Sprintf(" %.0f W", watts)
}
