package heatmap

import (
	"math"
	"slices"
	"strconv"

	"thermarack/agent/wire/layout"
)

// A scale maps a layer's values to colours. It depends on the shelf's limits
// only, never on the values of the moment, so that the same colour is the same
// temperature on every frame.
type scale struct {
	lo, hi float64
	step   float64 // between two bands of colour
	unit   string
	marks  []mark // in rising order

	diverging bool // values count from 0 both ways
}

// A mark is a value that the legend labels.
type mark struct {
	at   float64
	name string // "" for a plain tick
	iso  bool   // draw its line through the air
}

// ASHRAE's inlet bands for class A1 (TC 9.9, 5th edition 2021), °C.
const (
	allowableLow    = 15
	recommendedLow  = 18
	recommendedHigh = 27
	allowableHigh   = 32
)

// scaleOf returns the scale of a layer on a shelf with these limits.
func scaleOf(l Layer, limits layout.Limits) scale {
	switch l {
	case SoC:
		return socScale(limits)
	case PoE:
		return scale{lo: 0, hi: 8, step: 0.25, unit: "W", marks: ticks(0, 8, 2)}
	case Delta:
		s := scale{lo: -10, hi: 10, step: 0.5, unit: "K", marks: ticks(-10, 10, 2.5), diverging: true}
		s.marks = join(s.marks, []mark{{at: 0, name: "its own normal"}})
		return s
	case Excess:
		return scale{lo: -15, hi: 15, step: 1, unit: "K", marks: ticks(-15, 15, 5), diverging: true}
	}
	hi := max(limits.Critical+2, allowableHigh+3)
	s := scale{lo: allowableLow, hi: hi, step: 0.5, unit: "°C"}
	s.marks = join(
		[]mark{{at: s.lo}, {at: s.hi}},
		[]mark{{at: recommendedLow, iso: true}, {at: recommendedHigh, iso: true}, {at: allowableHigh, iso: true}},
		[]mark{{limits.Inlet, "inlet", false}, {limits.Hot, "hot", false}, {limits.Critical, "critical", true}},
	)
	return s
}

// socScale spans from an idle Pi to one that throttles: 80 to 85 °C on a
// Pi 3 (raspberrypi.org, frequency-management.md).
func socScale(limits layout.Limits) scale {
	const throttled = 85
	s := scale{lo: 30, hi: 90, step: 1, unit: "°C"}
	s.marks = join(ticks(s.lo, s.hi, 10), []mark{{at: throttled, name: "throttled"}}, []mark{{at: limits.SoC, name: "limit"}})
	return s
}

func ticks(lo, hi, step float64) []mark {
	var out []mark
	for v := lo; v <= hi; v += step {
		out = append(out, mark{at: v})
	}
	return out
}

// join puts marks in order. Of two at the same value the later keeps its name,
// and its line is drawn if either asks for it.
func join(groups ...[]mark) []mark {
	var out []mark
	for _, m := range slices.Concat(groups...) {
		i := slices.IndexFunc(out, func(o mark) bool { return o.at == m.at })
		switch {
		case math.IsNaN(m.at) || math.IsInf(m.at, 0):
		case i < 0:
			out = append(out, m)
		default:
			out[i] = mark{m.at, m.name, m.iso || out[i].iso}
		}
	}
	slices.SortFunc(out, func(a, b mark) int { return int(math.Copysign(1, a.at-b.at)) })
	return out
}

// share returns how far v is along the scale, 0 to 1.
func (s scale) share(v float64) float64 {
	return min(max((v-s.lo)/(s.hi-s.lo), 0), 1)
}

// band returns which band v is in; band n begins at n × step. No scale of a layer
// with a field begins below 0.
func (s scale) band(v float64) int {
	return int(math.Floor(min(max(v, s.lo), s.hi) / s.step))
}

// colours returns the colour of each band from that of lo to that of hi.
func (s scale) colours(p Palette) []colour {
	if s.diverging {
		p = coolWarm
	}
	first := s.band(s.lo)
	out := make([]colour, s.band(s.hi)-first+1)
	for i := range out {
		out[i] = p.at(s.share((float64(first+i) + 0.5) * s.step))
	}
	return out
}

// number returns v in at most two decimals, such as "32" or "27.5".
func number(v float64) string { return string(appendDecimal(nil, v)) }

// tenths returns v as tenths does, with its sign where 0 is the middle: "+3.1".
func (s scale) tenths(v float64) string {
	words := tenths(v)
	if s.diverging && words != "0.0" && v > 0 {
		return "+" + words
	}
	return words
}

// span returns the words for values from lo to hi.
func (s scale) span(lo, hi float64) string {
	if s.diverging {
		return s.tenths(lo) + " to " + s.tenths(hi)
	}
	return tenths(lo) + "–" + tenths(hi)
}

// tenths returns v with one decimal, such as "21.3".
func tenths(v float64) string {
	s := strconv.FormatFloat(v, 'f', 1, 64)
	if s == "-0.0" {
		return "0.0"
	}
	return s
}
