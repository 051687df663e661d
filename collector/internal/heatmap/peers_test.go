package heatmap_test

import (
	"math"

	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/rack"
)

// The usual ways to fill in between probes, as textbooks have them.

// interpolate computes a field of 24 × 18 points from at, without any notion of
// how sure it is.
func interpolate(at func(x, y float64) float64) *heatmap.Field {
	f := &heatmap.Field{NX: 24, NY: 18, Value: make([]float64, 24*18), SD: make([]float64, 24*18)}
	for k := range f.Value {
		f.Value[k] = at((float64(k%24)+0.5)/24, (float64(k/24)+0.5)/18)
	}
	return f
}

// inverseDistance weighs each probe by 1/distance².
func inverseDistance(probes []rack.Probe) func(x, y float64) float64 {
	return func(x, y float64) float64 {
		var sum, weight float64
		for _, p := range probes {
			w := 1 / ((p.X-x)*(p.X-x) + (p.Y-y)*(p.Y-y) + 1e-12)
			sum += w * p.V
			weight += w
		}
		return sum / weight
	}
}

// thinPlate is the thin-plate spline with a plane, through every probe: the
// usual linear system of n weights and three coefficients.
func thinPlate(probes []rack.Probe) func(x, y float64) float64 {
	n := len(probes)
	a := make([][]float64, n+3)
	for i := range a {
		a[i] = make([]float64, n+4)
	}
	for i, p := range probes {
		for j, q := range probes {
			a[i][j] = bending(p.X-q.X, p.Y-q.Y)
		}
		for j, v := range []float64{1, p.X, p.Y} {
			a[i][n+j], a[n+j][i] = v, v
		}
		a[i][n+3] = p.V
	}
	c := eliminate(a)
	return func(x, y float64) float64 {
		out := c[n] + c[n+1]*x + c[n+2]*y
		for i, p := range probes {
			out += c[i] * bending(p.X-x, p.Y-y)
		}
		return out
	}
}

func bending(dx, dy float64) float64 {
	r := math.Hypot(dx, dy)
	if r == 0 {
		return 0
	}
	return r * r * math.Log(r)
}

// eliminate solves a system whose right side is the last column, by Gauss's
// elimination with the greatest pivot of each column.
func eliminate(a [][]float64) []float64 {
	n := len(a)
	for i := range n {
		best := i
		for j := i; j < n; j++ {
			if math.Abs(a[j][i]) > math.Abs(a[best][i]) {
				best = j
			}
		}
		a[i], a[best] = a[best], a[i]
		for j := range n {
			if j == i {
				continue
			}
			share := a[j][i] / a[i][i]
			for k := i; k <= n; k++ {
				a[j][k] -= share * a[i][k]
			}
		}
	}
	x := make([]float64, n)
	for i := range x {
		x[i] = a[i][n] / a[i][i]
	}
	return x
}
