package heatmap

import (
	"math"
	"slices"
)

// A sight is one observation that bears on the air.
type sight struct {
	spot
	celsius float64
	extra   float64 // K², of its own error beyond that of its kind
	proxy   bool    // a SoC: warmer than the air by an offset that all of them share
	slot    int     // of a proxy
	watts   float64 // of a proxy, against the mean; 0 when not known
}

// What sensors are worth before they are compared, as standard deviations in K.
const (
	probeError = 0.13 // a probe, against turbulence and its own step of 1/16 K
	proxyError = 2.2  // a SoC against the others, mostly the load of its Pi
)

// A prior says what is believed of a shelf before, or between two looks at, its
// sensors.
type prior struct {
	celsius float64 // of the inlet, °C
	warmer  float64 // the rise from there to the hot face, K
	risen   float64 // sd of warmer, K
	offset  float64 // of the SoCs above the air, K
	speed   float64 // k of the profile

	// What the sensors teach, from one pass to the next.
	proxy       float64   // K, error of a SoC
	inlet, rise float64   // factors on the variance of waves along the aisle
	columns     []float64 // likewise, by column that is told apart
	trust       []float64 // by sight, on 1/variance: small for one that disagrees
	loose       float64   // K², on top of a probe's variance, at the first look
}

// The sizes of the heights, as standard deviations. Those in K hold for any
// shelf, shares are of its rise. On shelves of the simulator that no test uses
// they were set so that the error is small, and the 90 % band holds some 90 %.
const (
	levelSD    = 10.0
	offsetSD   = 30.0
	wattSD     = 8.0  // K/W
	inletSD    = 0.2  // K, first wave; further ones 1/2, 1/3 …
	riseSD     = 0.08 // share, likewise
	roughSD    = 0.02 // share, likewise
	driftSD    = 0.35 // K
	bendSD     = 0.4  // share: k is known to half of it
	throttleSD = 0.1  // a column's flow, as a logarithm
	ownSD      = 0.25 // K

	leastRise   = 3.0 // K, that shares are taken of
	unknownRise = 5.0 // K, where no two faces are measured …
	risenSD     = 15  // … about what still air makes
)

// Air that takes up heat fast is air that becomes warm: a shelf's metal passes
// so much heat for each K, and its boards make so much, that k is about a third
// of the rise in K.
const speedPerRise = 0.33

// Probes in these thirds of the depth count as those of a face.
const coldThird, hotThird = 1. / 3, 2. / 3

// believe returns what to begin with: level and rise of the faces, by medians,
// which one wild probe does not move.
func believe(sights []sight, columns int) *prior {
	var cold, hot, all, socs []float64
	for _, s := range sights {
		switch {
		case s.proxy:
			socs = append(socs, s.celsius)
			continue
		case s.y < coldThird:
			cold = append(cold, s.celsius)
		case s.y > hotThird:
			hot = append(hot, s.celsius)
		}
		all = append(all, s.celsius)
	}
	p := &prior{warmer: unknownRise, risen: risenSD, offset: offsetSD, proxy: 3, inlet: 1, rise: 1}
	switch {
	case len(cold) > 0 && len(hot) > 0:
		p.celsius, p.warmer = median(cold), median(hot)-median(cold)
		p.risen = 0.5 * p.span()
	case len(all) > 0:
		p.celsius = median(all)
	case len(socs) > 0:
		p.celsius = median(socs) - offsetSD
	}
	if len(socs) > 0 && len(all) > 0 {
		p.offset = median(socs) - p.celsius - p.warmer/2
	}
	p.speed = p.fast()
	p.columns = slices.Repeat([]float64{1}, min(columns, mostColumns))
	p.glance(sights)
	return p
}

// glance sets how much probes are trusted at the first look: one far from where
// the faces have it little, all of them less than later. A wild probe would bend
// the first fit so that the others looked wild.
func (p *prior) glance(sights []sight) {
	p.loose = 0.09 * p.span() * p.span()
	p.trust = slices.Repeat([]float64{1}, len(sights))
	b := newProfile(p.speed, 9)
	for i, s := range sights {
		if rise, _ := b.at(s.y); !s.proxy {
			p.trust[i] = trusted(s.celsius-p.celsius-p.warmer*rise, p.loose)
		}
	}
}

// trusted returns how much a sight that missed by so many K is trusted.
func trusted(missed, variance float64) float64 {
	return (sightTails + 1) / (sightTails + missed*missed/variance)
}

// span is the rise that shares are taken of.
func (p *prior) span() float64 { return max(math.Abs(p.warmer), leastRise) }

// fast returns the k that a shelf with such a rise should have.
func (p *prior) fast() float64 {
	return min(max(speedPerRise*p.span(), evenK), steepestK)
}

// variance returns the variance of a sight's own error, in K². A probe is also
// as wrong as the shapes: they miss a share of the rise, and more where it is
// steep.
func (p *prior) variance(b basis, s *sight) float64 {
	if s.proxy {
		return p.proxy*p.proxy + s.extra
	}
	return probeError*probeError + p.unshaped(b, s.y) + p.loose + s.extra
}

// unshaped is the variance at y of what the shapes leave out, in K²: a share of
// the rise, more of it in still air, where each Pi's own power shows, and where
// the rise is steep.
func (p *prior) unshaped(b basis, y float64) float64 {
	const least, still, steep = 0.004, 0.0009, 0.08 // the second for each K of the rise
	_, bend := b.at(y)
	everywhere := least + still*p.span()
	return p.span() * p.span() * (everywhere*everywhere + steep*steep*bend*bend)
}

// heights returns the mean that each height is expected to have, and 1/variance.
func (p *prior) heights(b basis) (mean, precision []float64) {
	mean, precision = make([]float64, b.size()), make([]float64, b.size())
	set := func(at int, expected, sd float64) { mean[at], precision[at] = expected, 1/(sd*sd) }
	set(termLevel, p.celsius, levelSD)
	set(termRise, p.warmer, p.risen)
	set(termBend, p.warmer*math.Log(p.fast()/p.speed), bendSD*p.span())
	for i := range waves {
		size := 1 / float64(i+1)
		set(termInlets+i, 0, inletSD*size*math.Sqrt(p.inlet))
		set(termRises+i, 0, riseSD*size*math.Sqrt(p.rise)*p.span())
	}
	for i, size := range [roughTerms]float64{1, 1. / 2, 1. / 3, 1. / 2} {
		set(termRough+i, 0, roughSD*size*p.span())
	}
	set(termOffset, p.offset, offsetSD)
	set(termWatt, 0, wattSD)
	for i := range driftTerms {
		set(termDrift+i, 0, driftSD)
	}
	for c, wide := range p.columns {
		set(b.throttle(c), 0, throttleSD*math.Sqrt(wide))
		set(b.own(c), 0, ownSD*math.Sqrt(wide))
	}
	return mean, precision
}

// How heavy-tailed errors and heights are: degrees of freedom of Student's t.
const (
	sightTails  = 4   // a Pi that a tenant keeps busy is hardly listened to
	waveTails   = 0.5 // the columns are alike, or not at all
	columnTails = 0.1 // one that is blocked stands alone
)

// learn returns what is believed after the heights were seen to be mean: which
// sights disagree, how much SoCs differ, what varies along the aisle, and how
// fast the air warms up. Each step is one of expectation-maximisation.
func (p *prior) learn(b basis, mean []float64, sights []sight, missed []float64) *prior {
	next := *p
	next.loose = 0
	next.trust = make([]float64, len(sights))
	sum, n := 4*proxyError*proxyError, 4.0 // as if four SoCs had been seen before
	for i := range sights {
		s := &sights[i]
		next.trust[i] = trusted(missed[i], next.variance(b, s))
		if s.proxy && s.extra == 0 {
			sum += next.trust[i] * missed[i] * missed[i]
			n++
		}
	}
	next.proxy = math.Sqrt(sum / n)
	next.inlet = widened(mean[termInlets:termInlets+waves], inletSD)
	next.rise = widened(mean[termRises:termRises+waves], riseSD*p.span())
	next.columns = make([]float64, b.columns)
	for c := range next.columns {
		t, o := mean[b.throttle(c)]/throttleSD, mean[b.own(c)]/ownSD
		next.columns[c] = (columnTails + t*t + o*o) / (columnTails + 2)
	}
	next.warmer, next.offset = mean[termRise], mean[termOffset]
	if r := mean[termRise]; math.Abs(r) > 1 {
		next.speed = p.speed * math.Exp(min(max(mean[termBend]/r, -0.7), 0.7))
	}
	next.speed = min(max(next.speed, evenK), steepestK)
	return &next
}

// widened returns the factor on the variance of waves of which the first was
// expected to have this sd.
func widened(mean []float64, sd float64) float64 {
	sum := waveTails
	for i, v := range mean {
		v *= float64(i+1) / sd
		sum += v * v
	}
	return sum / (waveTails + waves)
}

// median returns the middle of values, which it puts in order, of which there
// is at least one.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
