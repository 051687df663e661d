package heatmap

import (
	"math"
	"slices"
)

// A spot is a place on the shelf, 0..1 both ways, and how far each of the three
// rises has come there.
type spot struct {
	x, y float64
	rise [3]float64
}

// spotAt returns the spot at a place.
//
// The air's rise from the cold face to the hot one is a sum of three shapes,
// each from -½ to ½ and of unknown height. In moving air every board adds its
// share, and the rise is nearly even. In still air a board warms the air until
// it takes no more, and most of the rise is over the first of some nine rows.
// Sensors between the faces tell which it is; without them it could be any.
func spotAt(x, y float64) spot {
	const early, once = 0.4, 0.12 // lengths, as shares of the depth
	return spot{x, y, [3]float64{
		y - 0.5,
		math.Expm1(-y/early)/math.Expm1(-1/early) - 0.5,
		math.Expm1(-y/once)/math.Expm1(-1/once) - 0.5,
	}}
}

// A sight is one observation that bears on the air.
type sight struct {
	spot
	celsius  float64
	variance float64 // K², of its own error
	proxy    bool    // a SoC: warmer than the air by an offset that all of them share
	watts    float64 // of a proxy, against the mean; 0 when not known
}

// A prior says what is believed of a shelf before it is measured. The air has a
// level, a rise in depth, and a rough remainder (Matérn 3/2); proxies share an
// offset and what a watt makes of it, and drift from it by region, as the
// airflow differs. All but the first line and the last are standard deviations.
type prior struct {
	celsius, warmer        float64 // expected level in °C, expected rise in K
	level, rise, rough     float64 // K; rise is that of each of the three shapes
	offset, drift, perWatt float64 // K, K, K/W
	alongAisle, inDepth    float64 // lengths of rough and drift, as shares of the shelf
}

// believe returns the prior of a shelf with these probes, of which there is at
// least one. Level and rise are theirs; the rest is not fitted, because twelve
// probes are too few for that. On the simulated shelf, with 12 probes and the
// SoCs, it comes within 0.3, 0.35 and 1.2 K (normal, one fan dead, both).
func believe(probes []sight) prior {
	const (
		least   = 3.0  // K, of a rise
		unknown = 15.0 // about what still air makes
		spread  = 0.7
	)
	var sum, n [2]float64
	for _, p := range probes {
		half := index(p.y, 2)
		sum[half] += p.celsius
		n[half]++
	}
	p := prior{
		celsius: (sum[0] + sum[1]) / (n[0] + n[1]), level: 10, rise: unknown, rough: 1,
		offset: 30, drift: 1, perWatt: 8,
		alongAisle: 0.5, inDepth: 0.5,
	}
	if n[0] > 0 && n[1] > 0 {
		p.warmer = sum[1]/n[1] - sum[0]/n[0]
		p.rise = spread * max(math.Abs(p.warmer), least)
	}
	return p
}

// expected returns the air at a spot before it is measured, in °C.
func (p prior) expected(s spot) float64 {
	return p.celsius + p.warmer*(s.rise[0]+s.rise[1]+s.rise[2])/3
}

// air returns how the air at two spots varies together, in K².
func (p prior) air(a, b spot) float64 {
	rise := a.rise[0]*b.rise[0] + a.rise[1]*b.rise[1] + a.rise[2]*b.rise[2]
	return p.level*p.level + p.rise*p.rise*rise + p.rough*p.rough*p.near(a, b)
}

// shared returns what two proxies' errors have in common, in K².
func (p prior) shared(a, b sight) float64 {
	return p.offset*p.offset + p.perWatt*p.perWatt*a.watts*b.watts + p.drift*p.drift*p.near(a.spot, b.spot)
}

// near is the Matérn 3/2 correlation of two spots: 1 at the same, 0 far away.
func (p prior) near(a, b spot) float64 {
	dx, dy := (a.x-b.x)/p.alongAisle, (a.y-b.y)/p.inDepth
	r := math.Sqrt(3 * (dx*dx + dy*dy))
	return (1 + r) * math.Exp(-r)
}

// A process is a Gaussian process that has seen something.
type process struct {
	prior  prior
	sights []sight
	factor lower     // of the sights' covariance
	alpha  []float64 // covariance⁻¹ · (celsius - expected)
}

// among returns the covariance of the sights without their own errors.
func (p prior) among(sights []sight) lower {
	l := newLower(len(sights))
	for i, a := range sights {
		row := l.row(i)
		for j, b := range sights[:i+1] {
			row[j] = p.air(a.spot, b.spot)
			if a.proxy && b.proxy {
				row[j] += p.shared(a, b)
			}
		}
	}
	return l
}

// fit lets a process see; among is what p.among makes of the sights. ok is false
// if the covariance cannot be factored, which positive variances exclude.
func fit(p prior, sights []sight, among lower) (gp *process, ok bool) {
	n := len(sights)
	gp = &process{prior: p, sights: sights, factor: slices.Clone(among), alpha: make([]float64, n)}
	for i, s := range sights {
		gp.factor.row(i)[i] += s.variance
		gp.alpha[i] = s.celsius - p.expected(s.spot)
	}
	if !gp.factor.cholesky(n) {
		return nil, false
	}
	gp.factor.forward(gp.alpha)
	gp.factor.backward(gp.alpha)
	return gp, true
}

// degrees is how heavy-tailed the error of a proxy is taken to be: Student's t
// with 4 degrees of freedom, which hardly listens to a Pi that is 20 K warmer
// than its neighbours because a tenant keeps it busy.
const degrees = 4

// fitRobust is fit with proxies weighed by how well they agree with the rest:
// iteratively reweighted, a sight's residual being variance × alpha.
func fitRobust(p prior, sights []sight) (*process, bool) {
	among := p.among(sights)
	gp, ok := fit(p, sights, among)
	if !ok || !slices.ContainsFunc(sights, func(s sight) bool { return s.proxy }) {
		return gp, ok
	}
	for range 3 {
		weighed := slices.Clone(sights)
		for i, s := range sights {
			if residual := gp.sights[i].variance * gp.alpha[i]; s.proxy {
				weighed[i].variance *= max(1, (degrees+residual*residual/s.variance)/(degrees+1))
			}
		}
		if gp, ok = fit(p, weighed, among); !ok {
			return nil, false
		}
	}
	return gp, true
}

// at returns the air at a spot: mean in °C and standard deviation in K.
// scratch holds one number a sight.
func (gp *process) at(here spot, scratch []float64) (celsius, sd float64) {
	for i, s := range gp.sights {
		scratch[i] = gp.prior.air(here, s.spot)
	}
	celsius = gp.prior.expected(here) + dot(scratch, gp.alpha)
	gp.factor.forward(scratch)
	variance := gp.prior.air(here, here) - dot(scratch, scratch)
	return celsius, math.Sqrt(max(variance, 0))
}

// field computes the air on a grid of points.
func (gp *process) field(nx, ny int) *Field {
	f := &Field{NX: nx, NY: ny, Value: make([]float64, nx*ny), SD: make([]float64, nx*ny)}
	scratch := make([]float64, len(gp.sights))
	for k := range f.Value {
		x, y := f.place(k)
		f.Value[k], f.SD[k] = gp.at(spotAt(x, y), scratch)
	}
	return f
}

// place returns where point k stands.
func (f *Field) place(k int) (x, y float64) {
	return (float64(k%f.NX) + 0.5) / float64(f.NX), (float64(k/f.NX) + 0.5) / float64(f.NY)
}

// at interpolates values of the field, linearly both ways and constant beyond
// the outermost points.
func (f *Field) at(values []float64, x, y float64) float64 {
	i, u := between(x, f.NX)
	j, v := between(y, f.NY)
	right, back := min(i+1, f.NX-1), min(j+1, f.NY-1)
	front := values[j*f.NX+i]*(1-u) + values[j*f.NX+right]*u
	return front*(1-v) + (values[back*f.NX+i]*(1-u)+values[back*f.NX+right]*u)*v
}

// between returns the point before place p on a side of n points, and how far p
// is beyond it.
func between(p float64, n int) (int, float64) {
	at := min(max(p*float64(n)-0.5, 0), float64(n-1))
	i := int(at)
	return i, at - float64(i)
}
