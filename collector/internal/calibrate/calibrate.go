// Package calibrate finds by how much the probes of a shelf read differently, from a
// time in which all of them lay in one bag and so had one temperature.
//
// What it finds makes them agree with each other, which is what differences such as
// ΔT need. What they all have wrong together no bag can tell: their mean is kept.
package calibrate

import (
	"fmt"
	"math"
	"time"
)

// A Reading is one temperature as a probe gave it, without any offset.
type Reading struct {
	Time    time.Time
	Celsius float64
}

// A Probe is what one probe read, in any order.
type Probe struct {
	Name     string
	Readings []Reading
}

// A Verdict is what was found of one probe.
type Verdict struct {
	Name    string
	Samples int     // readings within the time
	Offset  float64 // K, to be added to what it reads; 0 when Why is not ""
	SD      float64 // K, standard deviation of Offset; above 0 when Why is ""
	Why     string  // the reason for which it is refused, else ""
}

// A Result is what was found of all probes.
type Result struct {
	Celsius float64   // of the bag, in the middle of the time; NaN when not known
	Rate    float64   // K an hour by which the bag warmed; NaN when not known
	Probes  []Verdict // in the order they were given

	// Why is the reason for which no offset can be believed, such as a bag that is
	// not at one temperature; "" when those that are not refused can.
	Why string
}

// What is refused.
const (
	// minParts is in how many parts of the time a probe must have been read.
	minParts = 20

	// maxOff is how far, in K, a probe may be from the middle of all: the worst of
	// copies of the DS18B20 are within, those of the maker are within ±0.5 K.
	maxOff = 2

	// maxSpread is how far, in K rms, probes may be from each other in all.
	maxSpread = 0.75

	// maxNoise is in K rms of the means of a part; a probe in moving air has 0.2.
	maxNoise = 0.3

	// maxWander is in K: the range, over the time, of the difference to the others.
	maxWander = 0.4

	// byChance is how many standard deviations the range of the blocks has once in
	// a thousand.
	byChance = 5.5

	// stuckWhile is by how many K the bag must have moved while a probe that works
	// gives one value only: more than two steps of 1/16 K.
	stuckWhile = 0.15

	// maxRate is in K an hour, from which what probes lag behind is the greatest
	// error of all.
	maxRate = 3
)

// lagSD is by how much the time constants of probes in still air differ: those of a
// DS18B20 in moving air are 25 to 75 s, and about three times that in still air.
const lagSD = 45 * time.Second

// Find compares what probes read from one time until before another, of which at
// least 10 minutes should be: the bag may drift, but slowly. Of probes that are not
// refused, two must be left; the mean of their offsets is 0.
func Find(from, to time.Time, probes []Probe) Result {
	c := newComparison(from, to, probes)
	c.refuseSilent()
	c.refuseFar()
	for again := true; again && c.why == ""; {
		c.fit()
		again = c.refuseBad()
	}
	r := Result{Celsius: math.NaN(), Rate: math.NaN(), Why: c.why}
	if len(c.used()) > 0 {
		r.Celsius, r.Rate = c.bag()
	}
	if r.Why == "" {
		r.Why = c.doubt(r.Rate)
	}
	for _, p := range c.probes {
		v := Verdict{Name: p.Name, Samples: p.samples, Why: p.why}
		if p.why == "" && r.Why == "" {
			v.Offset, v.SD = p.offset, p.sd(c, r.Rate)
		}
		r.Probes = append(r.Probes, v)
	}
	return r
}

// doubt returns why the offsets cannot be those of the probes, or "".
func (c *comparison) doubt(rate float64) string {
	sum := 0.0
	used := c.used()
	for _, p := range used {
		sum += p.offset * p.offset
	}
	if spread := math.Sqrt(sum / float64(max(len(used)-1, 1))); spread > maxSpread {
		return fmt.Sprintf("the probes differ by ±%.2f K, more than parts do: are all of them in the bag?", spread)
	}
	if math.Abs(rate) > maxRate {
		return fmt.Sprintf("the bag changes by %+.1f K an hour, which probes do not follow alike: wait until it is below %d", rate, maxRate)
	}
	return ""
}

// refuseSilent refuses what is not read often enough.
func (c *comparison) refuseSilent() {
	for _, p := range c.probes {
		parts := len(known(p.values))
		switch {
		case p.samples == 0:
			p.why = "no readings"
		case parts < minParts:
			p.why = fmt.Sprintf("too few readings: in %d of %d parts of the time, want %d", parts, numParts, minParts)
		}
	}
	c.wantTwo()
}

// refuseFar refuses what is far from all others. Of two that are far from each
// other none is believed.
func (c *comparison) refuseFar() {
	used := c.used()
	limit := float64(maxOff)
	if len(used) == 2 {
		limit /= 2 // the middle is between them
	}
	c.middle()
	for _, p := range used {
		if p.offset = median(c.beyond(p)); math.Abs(p.offset) > limit {
			p.why = fmt.Sprintf("%+.1f K off", -p.offset)
		}
	}
	if len(used) > 0 && 2*len(c.used()) <= len(used) {
		c.why = fmt.Sprintf("%d of %d probes are more than %d K off: are all of them in the bag?", len(used)-len(c.used()), len(used), maxOff)
	}
	c.wantTwo()
}

// refuseBad refuses what does not do as the others do, and tells whether any is.
func (c *comparison) refuseBad() (any bool) {
	used := c.used()
	moved := spanOf(c.blocks(c.common))
	wandering := 0
	for _, p := range used {
		beyond := c.beyond(p)
		shakes, wander := noise(beyond), spanOf(c.blocks(beyond))
		switch {
		case p.constant && moved > stuckWhile:
			p.why = fmt.Sprintf("stuck: did not move while the others moved by %.2f K", moved)
		case shakes > maxNoise:
			p.why = fmt.Sprintf("too noisy: ±%.2f K", shakes)
		case wander > max(maxWander, byChance*medianSD*shakes/math.Sqrt(float64(len(known(beyond)))/numBlocks)):
			p.why = fmt.Sprintf("wanders by %.2f K against the others", wander)
			wandering++
		}
	}
	if wandering > 1 && 2*wandering >= len(used) {
		c.why = fmt.Sprintf("%d of %d probes wander against the others: the bag is not at one temperature; leave it lying for longer", wandering, len(used))
	}
	c.wantTwo()
	return len(c.used()) < len(used)
}

// wantTwo notes that there is nothing left to compare with.
func (c *comparison) wantTwo() {
	if c.why == "" && len(c.used()) < 2 {
		c.why = "fewer than two probes can be compared"
	}
}
