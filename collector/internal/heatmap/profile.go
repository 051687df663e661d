package heatmap

import "math"

// A profile is how the air warms up on its way from the cold face to the hot
// one, as shares of the whole rise.
//
// Each row of boards takes the air a share of the way to the temperature at
// which the shelf would give it no more heat: in moving air a small one, and the
// rise is nearly even; in still air most of the way, and the rise is over after
// two rows. So the shares follow 1 - exp(-k·y), with one number k for how fast,
// and are even within a row, because a board gives off heat all along itself.
type profile struct {
	k          float64
	rise, bend []float64 // behind row j, j = 0 the cold face
}

// Bounds of k: below the least a rise is even, above the greatest it is over in
// a row of any shelf.
const evenK, steepestK = 0.05, 40

// newProfile returns the profile of speed k on a shelf of depth rows. bend is
// how the rise changes with the logarithm of k.
func newProfile(k float64, depth int) profile {
	p := profile{k, make([]float64, depth+1), make([]float64, depth+1)}
	whole, slope := math.Expm1(-k), -math.Exp(-k)
	for j := range p.rise {
		y := float64(j) / float64(depth)
		part := math.Expm1(-k * y)
		p.rise[j] = part / whole
		p.bend[j] = k * (-y*(part+1)*whole - part*slope) / (whole * whole)
	}
	return p
}

// at returns the share of the rise at y, and how it bends.
func (p profile) at(y float64) (rise, bend float64) {
	rows := len(p.rise) - 1
	place := min(max(y, 0), 1) * float64(rows)
	j := min(int(place), rows-1)
	u := place - float64(j)
	return p.rise[j]*(1-u) + p.rise[j+1]*u, p.bend[j]*(1-u) + p.bend[j+1]*u
}
