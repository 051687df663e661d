package heatmap

import "math"

// A process is a Gaussian process that has seen something.
type process struct {
	basis  basis
	prior  *prior
	mean   []float64 // of the heights
	spread lower     // their covariance
}

// passes is how often the sensors are looked at. Three are enough for what they
// teach to settle within a few hundredths of a K.
const passes = 3

// fit lets a process see a shelf of columns by depth. ok is false if the numbers
// are too large to be temperatures.
func fit(sights []sight, columns, depth int) (gp *process, ok bool) {
	p := believe(sights, columns)
	missed := make([]float64, len(sights))
	stencils := make([]stencil, len(sights))
	work := newLower(len(p.columns)*2 + terms)
	for pass := 1; ; pass++ {
		b := newBasis(p.speed, columns, depth)
		for i := range sights {
			stencils[i] = b.stencil(&sights[i], p)
		}
		gp = &process{basis: b, prior: p}
		if !gp.see(sights, stencils, work) {
			return nil, false
		}
		if pass == passes {
			gp.spread = work.inverse(b.size())
			return gp, true
		}
		for i := range sights {
			missed[i] = sights[i].celsius - gp.sum(&stencils[i])
		}
		p = p.learn(b, gp.mean, sights, missed)
	}
}

// see sets the heights' mean, and l to the factor of their precision.
func (gp *process) see(sights []sight, stencils []stencil, l lower) bool {
	b, n := gp.basis, gp.basis.size()
	mean, precision := gp.prior.heights(b)
	clear(l)
	for i, p := range precision {
		l.row(i)[i] = p
		mean[i] *= p
	}
	for i := range sights {
		s := &sights[i]
		w := gp.prior.trust[i] / gp.prior.variance(b, s)
		b.add(l, mean, &stencils[i], w, s.celsius)
	}
	if !l.cholesky(n) {
		return false
	}
	l.forward(mean)
	l.backward(mean)
	gp.mean = mean
	return finiteAll(mean)
}

// add counts one observation with weight w in the normal equations.
func (b basis) add(l lower, rhs []float64, st *stencil, w, celsius float64) {
	dense := st.seen()
	for i, v := range dense {
		if v *= w; v != 0 {
			axpy(v, dense[:i+1], l.row(i))
			rhs[i] += v * celsius
		}
	}
	shares := b.shares(st)
	for i := range shares.n {
		v, row := w*shares.by[i], l.row(shares.at[i])
		axpy(v, dense, row)
		for j := range i + 1 {
			row[shares.at[j]] += v * shares.by[j]
		}
		rhs[shares.at[i]] += v * celsius
	}
}

// sum returns what the heights make of a stencil, in °C.
func (gp *process) sum(st *stencil) float64 {
	dense := st.seen()
	out := dot(dense, gp.mean[:len(dense)])
	shares := gp.basis.shares(st)
	for i := range shares.n {
		out += shares.by[i] * gp.mean[shares.at[i]]
	}
	return out
}

// variance returns how uncertain that is, in K².
func (gp *process) variance(st *stencil) (v float64) {
	dense := st.seen()
	for i, by := range dense {
		row := gp.spread.row(i)
		v += by * (2*dot(dense[:i], row[:i]) + by*row[i])
	}
	shares := gp.basis.shares(st)
	for i := range shares.n {
		row, by := gp.spread.row(shares.at[i]), shares.by[i]
		v += 2 * by * dot(dense, row[:len(dense)])
		for j := range i {
			v += 2 * by * shares.by[j] * row[shares.at[j]]
		}
		v += by * by * row[shares.at[i]]
	}
	return v
}

// others returns what all sights but s say of it, and the sd of the difference,
// its own error included: the leave-one-out prediction, from the whole fit.
// trust is that of s, or 0 if the process has not seen it.
func (gp *process) others(s *sight, trust float64) (celsius, sd float64) {
	// A scale of Student's t is narrower than the sd of errors that are normal.
	const normal = 1.4
	st := gp.basis.stencil(s, gp.prior)
	own, known := gp.prior.variance(gp.basis, s), gp.variance(&st)
	left := max(1-trust/own*known, 1e-9) // share of the residual that s did not take with it
	missed := (s.celsius - gp.sum(&st)) / left
	return s.celsius - missed, math.Sqrt(normal*own + known/left)
}

// doubts tells whether a probe is so far from what all other sensors say of its
// place that it is rather wrong than right: stuck, or not in the air. t's tails
// have then left next to nothing of its weight.
func (gp *process) doubts(probe *sight, i int) bool {
	const far, least = 8, 2.0 // sds, K
	celsius, sd := gp.others(probe, gp.prior.trust[i])
	return math.Abs(probe.celsius-celsius) > max(far*sd, least)
}
