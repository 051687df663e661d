package heatmap

import (
	"fmt"

	"thermarack/agent/wire/layout"
)

// Colours are the colours of a layer, for who draws its values elsewhere and must
// show the same colour for the same value.
type Colours struct {
	Low, High float64  // the ends of the scale, in Unit; what is beyond has the colour of the nearer end
	Unit      string   // "°C", "W" or "K"
	RGB       []string // "#rrggbb" of equally wide bands from Low to High, at least one
}

// ColoursOf returns the colours of a layer on a shelf with these limits. The map
// draws a value in a band of the same colour, or the one beside it where a band
// of the map begins in the middle of one of these.
func ColoursOf(l Layer, limits layout.Limits, p Palette) Colours {
	s := scaleOf(l, limits)
	all := s.colours(p)
	if n := len(all) - 1; n > 0 && s.hi-s.lo < (float64(n)+0.5)*s.step {
		all = all[:n] // the last band begins at the end of the scale
	}
	c := Colours{Low: s.lo, High: s.hi, Unit: s.unit, RGB: make([]string, len(all))}
	for i, one := range all {
		c.RGB[i] = fmt.Sprintf("#%02x%02x%02x", one.r, one.g, one.b)
	}
	return c
}
