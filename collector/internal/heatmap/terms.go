package heatmap

import "math"

// The air is a sum of shapes, each of an unknown height of a size that is
// stated beforehand; so is what the SoCs have on top of it. That is a Gaussian
// process, written so that its cost grows with the sensors and not with their
// cube. The places of the heights in a vector:
const (
	termLevel  = 0                      // of the inlet, K
	termRise   = 1                      // to the hot face, K: profile.rise
	termBend   = 2                      // of a profile faster than taken: profile.bend
	termInlets = 3                      // the level's waves along the aisle
	termRises  = termInlets + waves     // the rise's
	termRough  = termRises + waves      // what no profile follows
	termOffset = termRough + roughTerms // SoCs only, from here on: what they have in common
	termWatt   = termOffset + 1         // K/W
	termDrift  = termWatt + 1           // by region
	terms      = termDrift + driftTerms // followed by throttle and own, one of each a column

	airTerms   = termOffset // those that the air has
	waves      = 4          // cos π·x to cos 4π·x
	roughTerms = 4
	driftTerms = 5
)

// mostColumns bounds how many columns are told apart. On a wider shelf
// neighbours share one, and what lies between two is interpolated.
const mostColumns = 24

// A basis is the shapes for one shelf.
type basis struct {
	profile
	columns int // that are told apart
}

func newBasis(k float64, columns, depth int) basis {
	return basis{newProfile(k, depth), min(columns, mostColumns)}
}

// size is how many heights there are.
func (b basis) size() int { return terms + 2*b.columns }

// throttle and own return the places of two heights of column c: by how much it
// is short of air, as the logarithm of its flow, and what its SoCs have on top
// for any other reason, in K.
func (b basis) throttle(c int) int { return terms + c }
func (b basis) own(c int) int      { return terms + b.columns + c }

// A stencil is what the shapes are at one sensor.
type stencil struct {
	dense       [terms]float64
	left, right int     // columns next to it
	toRight     float64 // share of the way to the right one
	throttle    float64 // K for each unit of a column's throttle
	proxy       bool
}

// What a column that is short of air does. Its rise goes with flow^-0.65,
// because its metal carries off a part of the heat, and is steeper by as much;
// and what the boards are above the air with flow^-0.6, that of a plate in a
// stream, which is some 0.4 of what the SoCs are above it.
const (
	riseThrottled   = 0.65
	offsetThrottled = 0.22
)

// stencil returns the shapes at s, on a shelf that is believed to be as p says.
func (b basis) stencil(s *sight, p *prior) (st stencil) {
	rise, bend := b.at(s.y)
	steep := rise + bend // of a column that is short of air
	d := &st.dense
	d[termLevel], d[termRise], d[termBend] = 1, rise, bend
	for i, w := range s.wave {
		d[termInlets+i] = w
		d[termRises+i] = w * steep
	}
	d[termRough], d[termRough+1], d[termRough+2], d[termRough+3] = s.bow, s.bow*s.wave[0], s.bow*s.wave[1], s.bows
	st.throttle = riseThrottled * p.warmer * steep
	if s.proxy {
		d[termOffset], d[termWatt] = 1, s.watts
		drift := d[termDrift:]
		drift[0], drift[1], drift[2], drift[3], drift[4] = s.wave[0], s.along, s.wave[0]*s.along, s.wave[1], 2*s.along*s.along-1
		st.throttle += offsetThrottled * p.offset
		st.proxy = true
	}
	st.left, st.toRight = between(s.x, b.columns)
	st.right = min(st.left+1, b.columns-1)
	return st
}

// A spot is a place on the shelf, 0..1 both ways, with the waves there.
type spot struct {
	x, y      float64
	wave      [waves]float64 // cos iπx
	bow, bows float64        // sin πy, sin 2πy
	along     float64        // cos πy
}

func spotAt(x, y float64) spot {
	s := spot{x: x, y: y}
	// cos iπx by Chebyshev's recurrence
	before, c := 1.0, math.Cos(math.Pi*x)
	s.wave[0] = c
	for i := 1; i < waves; i++ {
		s.wave[i] = 2*c*s.wave[i-1] - before
		before = s.wave[i-1]
	}
	s.bow, s.along = math.Sincos(math.Pi * y)
	s.bows = 2 * s.bow * s.along
	return s
}

// sparse are the heights of columns that a stencil has a share in.
type sparse struct {
	n  int
	at [4]int
	by [4]float64
}

// shares returns the stencil's shares in the heights of columns, in rising
// order of their places.
func (b basis) shares(st *stencil) (out sparse) {
	add := func(at int, by float64) {
		if by != 0 {
			out.at[out.n], out.by[out.n] = at, by
			out.n++
		}
	}
	add(b.throttle(st.left), st.throttle*(1-st.toRight))
	add(b.throttle(st.right), st.throttle*st.toRight)
	if st.proxy {
		add(b.own(st.left), 1-st.toRight)
		add(b.own(st.right), st.toRight)
	}
	return out
}

// seen returns the part of a stencil that is not zero throughout: for a probe,
// the shapes of the air.
func (st *stencil) seen() []float64 {
	if st.proxy {
		return st.dense[:]
	}
	return st.dense[:airTerms]
}
