package heatmap

import "math"

// Along one column of points the air is a sum of five shapes in depth: a level,
// the profile's rise and bend, and two waves. So a field costs five heights and
// their covariance for each column, and little for each of its points.
const depthShapes = 5

// A slice is the air along a line from the cold face to the hot one.
type slice struct {
	mean   [depthShapes]float64
	spread [depthShapes][depthShapes]float64
}

// slice returns the air at x.
func (gp *process) slice(x float64) (s slice) {
	const n = airTerms + 2 // the heights that matter there, throttles of two columns last
	here := spotAt(x, 0)
	left, toRight := between(x, gp.basis.columns)
	right := min(left+1, gp.basis.columns-1)
	throttle := riseThrottled * gp.prior.warmer

	var by [depthShapes][n]float64 // how much of each shape a unit of each height makes
	by[0][termLevel], by[1][termRise], by[2][termBend] = 1, 1, 1
	for i, w := range here.wave {
		by[0][termInlets+i] = w
		by[1][termRises+i], by[2][termRises+i] = w, w
	}
	by[1][n-2], by[1][n-1] = throttle*(1-toRight), throttle*toRight
	by[2][n-2], by[2][n-1] = by[1][n-2], by[1][n-1]
	by[3][termRough], by[3][termRough+1], by[3][termRough+2], by[4][termRough+3] = 1, here.wave[0], here.wave[1], 1

	var at [n]int
	for i := range airTerms {
		at[i] = i
	}
	at[n-2], at[n-1] = gp.basis.throttle(left), gp.basis.throttle(right)
	for i := range by {
		var moved [n]float64 // covariance · by[i]
		for a, v := range by[i] {
			s.mean[i] += v * gp.mean[at[a]]
			if v == 0 {
				continue
			}
			for b := range moved {
				moved[b] += v * gp.spread.row(max(at[a], at[b]))[min(at[a], at[b])]
			}
		}
		for j := range i + 1 {
			s.spread[i][j] = dot(moved[:], by[j][:])
		}
	}
	s.blur(throttle * (gp.mean[at[n-2]]*(1-toRight) + gp.mean[at[n-1]]*toRight))
	return s
}

// blurred is how exactly it is known what a column short of air does to its
// rise: to a quarter.
const blurred = 0.25

// blur counts that of a rise that a throttle makes warmer by so many K.
func (s *slice) blur(throttled float64) {
	v := blurred * blurred * throttled * throttled
	s.spread[termRise][termRise] += v
	s.spread[termBend][termRise] += v
	s.spread[termBend][termBend] += v
}

// at returns the air where the shapes in depth are h: mean in °C and variance in
// K².
func (s *slice) at(h [depthShapes]float64) (celsius, variance float64) {
	for i, v := range h {
		celsius += v * s.mean[i]
		sum := v * s.spread[i][i]
		for j := range i {
			sum += 2 * h[j] * s.spread[i][j]
		}
		variance += v * sum
	}
	return celsius, variance
}

// field computes the air on a grid of points.
func (gp *process) field(nx, ny int) *Field {
	f := newField(nx, ny)
	shapes, unshaped := make([][depthShapes]float64, ny), make([]float64, ny)
	for j := range shapes {
		_, y := f.place(j * nx)
		here := spotAt(0, y)
		rise, bend := gp.basis.at(y)
		shapes[j] = [depthShapes]float64{1, rise, bend, here.bow, here.bows}
		unshaped[j] = gp.prior.unshaped(gp.basis, y)
	}
	for i := range nx {
		x, _ := f.place(i)
		s := gp.slice(x)
		for j, h := range shapes {
			celsius, variance := s.at(h)
			f.Value[j*nx+i], f.SD[j*nx+i] = celsius, math.Sqrt(max(variance, 0)+unshaped[j])
		}
	}
	return f
}
