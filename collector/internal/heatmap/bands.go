package heatmap

// Bands paint a surface in bands of colour. As SVG they are one region for each
// band on top of the one below; in an image each pixel is looked up.
type bands struct {
	box
	surface *surface
	scale   scale
	colours []colour // from the band of scale.lo on
}

// colourOf returns the colour of a value.
func (s bands) colourOf(v float64) colour {
	return s.colours[s.scale.band(v)-s.scale.band(s.scale.lo)]
}

// trails returns the regions from cold to hot. The lowest band is the whole box.
func (s bands) trails() []trail {
	b := s.box
	out := []trail{{
		lines: []line{{points: []point{{b.x, b.y}, {b.x + b.w, b.y}, {b.x + b.w, b.y + b.h}, {b.x, b.y + b.h}}, closed: true}},
		ink:   ink{fill: s.colourOf(s.surface.lo)},
	}}
	for n := s.scale.band(s.surface.lo) + 1; n <= s.scale.band(s.surface.hi); n++ {
		level := float64(n) * s.scale.step
		if lines := s.surface.region(level); len(lines) > 0 {
			out = append(out, trail{lines: lines, ink: ink{fill: s.colours[n-s.scale.band(s.scale.lo)]}})
		}
	}
	return out
}
