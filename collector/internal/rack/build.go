package rack

import (
	"fmt"
	"time"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/store"
)

// A Known is the newest good sample of a record and, when a newer one was
// rejected, why.
type Known struct {
	store.Point
	Fault string
}

// Limits of age. Both are counted on the collector's clock.
type ages struct {
	stale   time.Duration // older is Stale
	missing time.Duration // older is Missing
}

func (a ages) value(at time.Time, k Known, offset float64) Value {
	age := at.Sub(k.Time)
	switch {
	case k.Time.IsZero() || age > a.missing:
		return Value{State: Missing, Fault: k.Fault}
	case age > a.stale || age < -ingest.MaxAhead || k.Fault != "":
		return Value{V: k.Value + offset, Time: k.Time, State: Stale, Fault: k.Fault}
	}
	return Value{V: k.Value + offset, Time: k.Time, State: Fresh}
}

// build makes the state of one shelf at one moment from what is known then.
func (x *index) build(shelf *layout.Shelf, at time.Time, known func(record string) Known, age ages) State {
	s := State{Shelf: shelf, At: at}
	for _, slot := range shelf.Slots {
		one := Slot{Slot: slot, SoC: Value{State: Missing}, Power: Value{State: Missing}}
		if slot.Node != "" {
			one.SoC = age.value(at, known(socRecord(slot.Node)), 0)
		}
		if record := x.powerRecord(slot); record != "" {
			one.Power = age.value(at, known(record), 0)
		}
		one.Seen = latest(one.SoC.Time, one.Power.Time)
		s.Slots = append(s.Slots, one)
	}
	for _, p := range shelf.Probes {
		k := known(probeRecord(p))
		s.Probes = append(s.Probes, Probe{p, age.value(at, k, p.Offset)})
	}
	for _, f := range shelf.Fans {
		s.Fans = append(s.Fans, Fan{f, age.value(at, known(f.Speed), 0)})
	}
	s.Figures = figures(s)
	return s
}

func probeRecord(p layout.Probe) string { return p.Sensor + ":" + wire.QuantityTemperature }

func socRecord(node wire.Node) string {
	return node.Device("soc") + ":" + wire.QuantityTemperature
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// minDeltaT is the least difference in K that air flow is computed from: below
// it, two probes' tolerance (±0.5 K each, DS18B20 datasheet) is all there is.
const minDeltaT = 1

// minFed is the part of a shelf's fed slots whose watts must be known.
const minFed = 0.9

func figures(s State) Figures {
	f := Figures{
		Inlet:  faceMean(s.Probes, layout.Cold),
		HotAir: faceMean(s.Probes, layout.Hot),
		Power:  power(s),
	}
	switch {
	case !f.HotAir.Ok():
		f.DeltaT.Why = f.HotAir.Why
	case !f.Inlet.Ok():
		f.DeltaT.Why = f.Inlet.Why
	default:
		f.DeltaT.V = f.HotAir.V - f.Inlet.V
	}
	switch {
	case !f.DeltaT.Ok():
		f.AirFlow.Why = f.DeltaT.Why
	case !f.Power.Ok():
		f.AirFlow.Why = f.Power.Why
	case f.DeltaT.V < minDeltaT:
		f.AirFlow.Why = fmt.Sprintf("ΔT is below %d K", minDeltaT)
	default:
		f.AirFlow.V = f.Power.V / f.DeltaT.V
	}
	return f
}

// faceMean is the mean of a face's fresh probes, if they are half or more.
func faceMean(probes []Probe, face layout.Face) Figure {
	var sum float64
	var fresh, all int
	for _, p := range probes {
		if p.Face != face {
			continue
		}
		all++
		if p.Ok() {
			fresh++
			sum += p.V
		}
	}
	switch {
	case all == 0:
		return Figure{Why: fmt.Sprintf("no probe at the %s face", face)}
	case 2*fresh < all:
		return Figure{Why: fmt.Sprintf("%d of %d %s probes missing", all-fresh, all, face)}
	}
	return Figure{V: sum / float64(fresh)}
}

// power sums the watts of all fed slots, scaled up by the few that are missing.
func power(s State) Figure {
	var sum float64
	var fresh, fed int
	for _, slot := range s.Slots {
		if slot.Switch == "" {
			continue
		}
		fed++
		if slot.Power.Ok() {
			fresh++
			sum += slot.Power.V
		}
	}
	switch {
	case fed == 0:
		return Figure{Why: "no slot has a switch port in the layout"}
	case float64(fresh) < minFed*float64(fed):
		return Figure{Why: fmt.Sprintf("watts of %d of %d ports missing", fed-fresh, fed)}
	}
	return Figure{V: sum * float64(fed) / float64(fresh)}
}
