package sim

import (
	"math/rand/v2"
	"slices"
)

// A load decides how much power each Pi wants.
type load struct {
	factor  float64 // of the scenario, 1 on a normal day
	common  float64 // relative wander that all Pis share
	swing   float64 // relative amplitude of the day
	mean    []float64
	own     []float64 // relative wander, by slot
	offline []bool
	watts   []float64 // drawn in the last step

	commonWander, ownWander wander
	commonChance, ownChance rand.PCG

	day float64 // relative daily curve in the present step
}

func newLoad(p Params, seed uint64) load {
	n := p.Columns * p.Depth
	l := load{
		factor: 1, swing: p.LoadSwing,
		mean: make([]float64, n), own: make([]float64, n), offline: make([]bool, n), watts: make([]float64, n),
		commonWander: newWander(p.CommonNoise, p.CommonNoiseTime.Seconds()),
		ownWander:    newWander(p.PiNoise, p.PiNoiseTime.Seconds()),
		commonChance: stream(seed, commonWander),
		ownChance:    stream(seed, piWander),
	}
	chance := stream(seed, piMeans)
	for i := range l.mean {
		l.mean[i] = max(p.PiPower+float64(p.PiSpread*normal(&chance)), 0)
	}
	return l
}

// advance draws the wander of the next step; load peaks at three in the
// afternoon. Slots that are offline draw as well, so that taking one offline
// leaves the others as they are.
func (l *load) advance(daytime float64) {
	l.common = l.commonWander.next(l.common, &l.commonChance)
	l.day = l.swing * dayWave(daytime, 15)
	for i := range l.own {
		l.own[i] = l.ownWander.next(l.own[i], &l.ownChance)
	}
}

// wanted returns the power in W that the Pi at index i would draw if it were
// cool.
func (l *load) wanted(i int) float64 {
	if l.offline[i] {
		return 0
	}
	return max(l.mean[i]*l.factor*(1+l.day+l.common)*(1+l.own[i]), 0)
}

func (l load) clone() load {
	l.mean = slices.Clone(l.mean)
	l.own = slices.Clone(l.own)
	l.offline = slices.Clone(l.offline)
	l.watts = slices.Clone(l.watts)
	return l
}

// A BCM2837 slows down from 80 °C on, more and more until 85 °C; see
// https://github.com/raspberrypi/documentation, frequency-management. What is
// left at 85 °C, and beyond, is our estimate for a Pi 3 on its slowest clock.
const (
	throttleFrom = 80.0
	throttleSpan = 5.0
	throttleLeft = 0.5
)

// throttled returns the power of a Pi that wants watts on a board of the given
// temperature. The SoC's temperature depends on the power and the power on the
// temperature: both relations are linear, so that the balance is solved and not
// iterated.
func throttled(watts, board, resistance float64) float64 {
	if board+float64(watts*resistance) <= throttleFrom {
		return watts
	}
	slope := watts * (1 - throttleLeft) / throttleSpan // W less for each K more
	balance := (watts + float64(slope*(throttleFrom-board))) / (1 + float64(slope*resistance))
	return max(balance, throttleLeft*watts)
}
