package heatmap

import "math"

// A spline is the thin-plate spline through a few probes, with a plane: the
// surface that bends least. Its sensors tell nothing of a shelf's shapes, so it
// has none.
//
// It is written as a Gaussian process of which the plane is known to a few K
// only, and so has a solution, and an honest uncertainty, for probes that stand
// in one line or on one spot, where the spline alone has none.
type spline struct {
	probes []sight
	level  float64 // °C, about which it lies
	bends  float64 // K, how much it bends across the shelf
	factor lower   // of the probes' covariance
	alpha  []float64
}

// What is known of the plane before anything is measured, as standard
// deviations in K: between the ends of the aisle, and between the faces.
const (
	alongSD  = 2.0
	acrossSD = risenSD
)

// newSpline returns the spline through probes, of which there is at least one.
// ok is false if the numbers are too large to be temperatures.
func newSpline(probes []sight) (s *spline, ok bool) {
	p := believe(probes, 1)
	n := len(probes)
	s = &spline{probes: probes, level: p.celsius, bends: bentShare * p.span(), factor: newLower(n), alpha: make([]float64, n)}
	for i, a := range probes {
		row := s.factor.row(i)
		for j, b := range probes[:i+1] {
			row[j] = s.together(a.spot, b.spot)
		}
		row[i] += probeError*probeError + a.extra
		s.alpha[i] = a.celsius - s.level
	}
	if !s.factor.cholesky(n) {
		return nil, false
	}
	s.factor.forward(s.alpha)
	s.factor.backward(s.alpha)
	return s, finiteAll(s.alpha)
}

// bentShare is how much a spline bends, as a share of the rise.
const bentShare = 0.6

// together returns how the air at two spots varies together, in K².
func (s *spline) together(a, b spot) float64 {
	plane := levelSD*levelSD + alongSD*alongSD*(a.x-0.5)*(b.x-0.5) + acrossSD*acrossSD*a.y*b.y
	return plane + s.bends*s.bends*bent(a, b)
}

// bent is the covariance of a thin plate that is held at three corners of the
// shelf: the plate's r²·ln r less what a plane through the corners makes of it.
// Where it is held makes no difference to a spline that has a plane besides.
func bent(a, b spot) float64 {
	held := [3]spot{{}, {x: 1}, {y: 1}}
	at, bt := [3]float64{1 - a.x - a.y, a.x, a.y}, [3]float64{1 - b.x - b.y, b.x, b.y}
	sum := plate(a, b)
	for i, h := range held {
		sum -= at[i]*plate(h, b) + bt[i]*plate(a, h)
		for j, g := range held {
			sum += at[i] * bt[j] * plate(h, g)
		}
	}
	return sum
}

// plate is r²·ln r of the distance between two spots.
func plate(a, b spot) float64 {
	square := (a.x-b.x)*(a.x-b.x) + (a.y-b.y)*(a.y-b.y)
	if square == 0 {
		return 0
	}
	return square * math.Log(square) / 2
}

// field computes the air on a grid of points.
func (s *spline) field(nx, ny int) *Field {
	f := newField(nx, ny)
	near := make([]float64, len(s.probes))
	for k := range f.Value {
		x, y := f.place(k)
		here := spot{x: x, y: y}
		for i, p := range s.probes {
			near[i] = s.together(here, p.spot)
		}
		f.Value[k] = s.level + dot(near, s.alpha)
		s.factor.forward(near)
		f.SD[k] = math.Sqrt(max(s.together(here, here)-dot(near, near), 0))
	}
	return f
}

// finiteAll tells whether all values are finite.
func finiteAll(values []float64) bool {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
