// Package aisle computes what the air of a shelf comes to as a whole: how much it
// warms, how much of it flows, whether it comes back to the inlets, and how the
// inlets stand against ASHRAE's classes.
package aisle

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// A Figure is a computed number, or why it cannot be computed: never a wrong
// number in place of a missing one.
type Figure struct {
	V      float64
	Text   string // of a figure that is a word, else ""
	Inputs string // what it was computed from, such as "4 of 4 inlets"; "" when it could not be
	Why    string // "" when V or Text holds, else such as "2 of 4 inlets missing"
}

// Ok tells whether the figure could be computed.
func (f Figure) Ok() bool { return f.Why == "" }

// Sensors are values of one kind.
type Sensors struct {
	Fresh []float64 // of those that are fresh
	All   int       // how many there are
}

// An Input is what is known of a shelf at one moment.
type Input struct {
	Inlets  Sensors // °C, cold-face probes
	Outlets Sensors // °C, hot-face probes
	Watts   Sensors // W, slots with a switch port

	// Rises are by how many K each inlet that was fresh RiseOver ago has warmed
	// since; nil when that is not known.
	Rises []float64
}

// RiseOver is the time over which the rate of change is taken: ASHRAE allows
// equipment without tapes 5 K in any 15 minutes.
const RiseOver = 15 * time.Minute

// Figures are what is computed of a shelf. About says what each one is.
type Figures struct {
	Inlet   Figure // °C
	HotAir  Figure // °C
	DeltaT  Figure // K
	Power   Figure // W
	AirFlow Figure // W/K, the heat that the air carries a kelvin
	RCIHigh Figure // %, 100 is ideal
	RCILow  Figure // %, 100 is ideal
	RTI     Figure // %, above 100 air comes back
	SHI     Figure // 0 to 1, 0 is ideal
	RHI     Figure // 0 to 1, 1 is ideal
	Class   Figure // a word, see Classes
	Rise    Figure // K in RiseOver
}

// minDeltaT is the least difference in K that others are divided by: below it, two
// probes' tolerance (±0.5 K each, DS18B20 datasheet) is all there is.
const minDeltaT = 1

// minFed is the part of a shelf's fed slots whose watts must be known.
const minFed = 0.9

// Compute returns the figures of a shelf.
//
// The air that goes in and the air that comes out are the means of their probes,
// of which half must be fresh; RCI, SHI and the class look at each inlet, and so
// need all of them. Watts are scaled up by the few ports that are silent.
func Compute(in Input) Figures {
	f := Figures{Inlet: mean(in.Inlets, "inlet"), HotAir: mean(in.Outlets, "outlet"), Power: power(in.Watts)}
	f.DeltaT = from(func() float64 { return f.HotAir.V - f.Inlet.V }, f.HotAir, f.Inlet)
	warms := f.DeltaT
	if warms.Ok() && warms.V < minDeltaT {
		warms = Figure{Why: fmt.Sprintf("ΔT is below %d K", minDeltaT)}
	}
	f.AirFlow = from(func() float64 { return f.Power.V / warms.V }, warms, f.Power)

	each := whole(in.Inlets)
	f.RCIHigh = from(func() float64 { return rci(in.Inlets.Fresh, excessHigh) }, each)
	f.RCILow = from(func() float64 { return rci(in.Inlets.Fresh, excessLow) }, each)
	f.SHI = from(func() float64 { return recirculated(in.Inlets.Fresh, f.HotAir.V) }, each, f.HotAir, warms)
	f.RHI = from(func() float64 { return 1 - f.SHI.V }, f.SHI)
	f.RTI = from(func() float64 { return 100 / (1 - f.SHI.V) }, f.SHI)
	if f.Class = each; each.Ok() {
		f.Class.Text = class(in.Inlets.Fresh)
	}
	f.Rise = rise(in.Rises)
	return f
}

// from computes a figure that needs others. Without one of them it says why, in
// their order.
func from(compute func() float64, needs ...Figure) Figure {
	var inputs []string
	for _, n := range needs {
		if !n.Ok() {
			return Figure{Why: n.Why}
		}
		for _, input := range strings.Split(n.Inputs, ", ") {
			if !slices.Contains(inputs, input) {
				inputs = append(inputs, input)
			}
		}
	}
	return Figure{V: compute(), Inputs: strings.Join(inputs, ", ")}
}

// mean is the mean of the fresh values, if they are half or more.
func mean(s Sensors, name string) Figure {
	switch {
	case s.All == 0:
		return Figure{Why: "no " + name + " has a probe"}
	case 2*len(s.Fresh) < s.All:
		return Figure{Why: fmt.Sprintf("%d of %d %ss missing", s.All-len(s.Fresh), s.All, name)}
	}
	return Figure{V: sum(s.Fresh) / float64(len(s.Fresh)), Inputs: fmt.Sprintf("%d of %d %ss", len(s.Fresh), s.All, name)}
}

// whole is a figure without a value that holds when every inlet is fresh.
func whole(inlets Sensors) Figure {
	f := mean(inlets, "inlet")
	if f.Ok() && len(inlets.Fresh) < inlets.All {
		return Figure{Why: fmt.Sprintf("%d of %d inlets missing", inlets.All-len(inlets.Fresh), inlets.All)}
	}
	f.V = 0
	return f
}

func power(watts Sensors) Figure {
	fresh := len(watts.Fresh)
	switch {
	case watts.All == 0:
		return Figure{Why: "no slot has a switch port in the layout"}
	case float64(fresh) < minFed*float64(watts.All):
		return Figure{Why: fmt.Sprintf("watts of %d of %d ports missing", watts.All-fresh, watts.All)}
	}
	return Figure{V: sum(watts.Fresh) * float64(watts.All) / float64(fresh), Inputs: fmt.Sprintf("watts of %d of %d ports", fresh, watts.All)}
}

// recirculated is the supply heat index: of the heat that the air has at the hot
// face, the part that it had at the inlets already, both above the coldest inlet.
func recirculated(inlets []float64, hot float64) float64 {
	supply := math.Inf(1)
	for _, t := range inlets {
		supply = min(supply, t)
	}
	n := float64(len(inlets))
	return (sum(inlets) - n*supply) / (n * (hot - supply))
}

// rise is the largest change of an inlet, up or down.
func rise(rises []float64) Figure {
	if len(rises) == 0 {
		return Figure{Why: fmt.Sprintf("no inlet is known from %d minutes ago", int(RiseOver.Minutes()))}
	}
	f := Figure{Inputs: fmt.Sprintf("%d inlets now and %d minutes ago", len(rises), int(RiseOver.Minutes()))}
	for _, r := range rises {
		if math.Abs(r) > math.Abs(f.V) {
			f.V = r
		}
	}
	return f
}

func sum(values []float64) (s float64) {
	for _, v := range values {
		s += v
	}
	return s
}
