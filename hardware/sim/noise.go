package sim

import (
	"math"
	"math/rand/v2"
)

// A source names one cause of chance. Each has a stream of its own, so that
// using one more or less often leaves the others as they are.
type source uint64

const (
	piMeans source = iota + 1
	piWander
	commonWander
	roomWander
	probeParts
	probeTurbulence
	socReading
	fanReading
)

// stream returns the generator of src for a shelf seeded with seed.
func stream(seed uint64, src source) rand.PCG {
	return *rand.NewPCG(seed, uint64(src)*0x9e3779b97f4a7c15)
}

// normal draws from a distribution with mean 0 and sd 1 that is the sum of
// eight uniform ones, and so never beyond 4.9. The sum is one of integers:
// unlike a table or logarithm it has the same value on every architecture.
func normal(r *rand.PCG) float64 {
	const (
		mean = 8 * 65535 / 2
		sd   = 53509.30146 // √(8 (2³² − 1) / 12)
	)
	var sum uint64
	for range 2 {
		v := r.Uint64()
		sum += v&0xffff + v>>16&0xffff + v>>32&0xffff + v>>48
	}
	return float64(int64(sum)-mean) / sd
}

// uniform draws from lo to hi.
func uniform(r *rand.PCG, lo, hi float64) float64 {
	unit := float64(r.Uint64()>>11) / (1 << 53)
	return lo + float64(unit*(hi-lo))
}

// normalAt returns the noise of part number index at step n: a function and
// not a stream, so that reading a sensor twice gives the same value, and
// reading it seldom costs nothing.
func normalAt(seed uint64, src source, index int, n int64) float64 {
	var r rand.PCG
	r.Seed(seed^uint64(src)<<56^uint64(index)<<32, uint64(n))
	return normal(&r)
}

// A wander describes an Ornstein-Uhlenbeck process: the share of a value that
// is left after one step, and the sd of the kick that it gets. The sd of the
// value is then that of newWander, whatever the step.
type wander struct{ keep, kick float64 }

func newWander(sd, memory float64) wander {
	keep := decay(memory)
	return wander{keep, sd * math.Sqrt(1-float64(keep*keep))}
}

func (w wander) next(x float64, r *rand.PCG) float64 {
	return float64(x*w.keep) + float64(w.kick*normal(r))
}

// decay returns the share of an excess that is left after one step of a first
// order lag of tau seconds. It is the implicit rule 1/(1 + dt/tau): close to
// the exponential when tau is long, stable when it is not, and free of
// exponentials, whose last digit depends on the processor.
func decay(tau float64) float64 {
	return tau / (tau + dt)
}

// fifthRoot returns x^(1/5) for x > 0, by Newton's rule from above.
func fifthRoot(x float64) float64 {
	y := math.Inf(1)
	next := (4 + x) / 5 // never below the root
	for next < y {
		y = next
		square := y * y
		next = (float64(4*y) + x/float64(square*square)) / 5
	}
	return y
}

// dayWave is a sine of one day with its crest at the hour peak, for a time in
// seconds since midnight. It is Bhaskara's rational sine, off by at most 0.002.
func dayWave(seconds, peak float64) float64 {
	turn := (seconds-float64(peak*3600))/86400 + 0.25
	half := 2 * (turn - math.Floor(turn))
	sign := 1.0
	if half >= 1 {
		half, sign = half-1, -1
	}
	bow := half * (1 - half)
	return sign * 16 * bow / (5 - float64(4*bow))
}
