package calibrate

import (
	"math"
	"slices"
	"time"
)

const (
	numParts  = 60 // of the time; a mean of readings counts once a part
	numBlocks = 6  // of parts, whose medians tell what the noise of parts hides
)

// A comparison is that of all probes over a time.
type comparison struct {
	span   time.Duration
	probes []*probe
	common []float64 // °C a part, by all probes that are used; NaN where none was read
	why    string    // no offset can be believed, "" while they can
}

// A probe is one of a comparison.
type probe struct {
	Probe
	samples  int
	constant bool      // all readings are equal
	step     float64   // K, the least difference of two readings
	values   []float64 // °C a part, NaN where it was not read
	offset   float64   // K
	why      string    // it is not used, "" when it is
}

func newComparison(from, to time.Time, probes []Probe) *comparison {
	c := &comparison{span: to.Sub(from), common: make([]float64, numParts)}
	for _, given := range probes {
		p := &probe{Probe: given, values: make([]float64, numParts)}
		var counts [numParts]float64
		var all []float64
		for _, r := range given.Readings {
			if r.Time.Before(from) || !r.Time.Before(to) || math.IsNaN(r.Celsius) || math.IsInf(r.Celsius, 0) {
				continue
			}
			part := int(float64(r.Time.Sub(from)) / float64(c.span) * numParts)
			p.values[min(part, numParts-1)] += r.Celsius
			counts[min(part, numParts-1)]++
			all = append(all, r.Celsius)
		}
		for i := range p.values {
			p.values[i] /= counts[i] // NaN for none
		}
		p.samples = len(all)
		slices.Sort(all)
		all = slices.Compact(all)
		p.constant, p.step = len(all) == 1, leastStep(all)
		c.probes = append(c.probes, p)
	}
	return c
}

// leastStep returns the least difference of sorted values; of a single one it is
// taken for that of a DS18B20 at 12 bits.
func leastStep(sorted []float64) float64 {
	if len(sorted) < 2 {
		return 1. / 16
	}
	least := math.Inf(1)
	for i := 1; i < len(sorted); i++ {
		least = min(least, sorted[i]-sorted[i-1])
	}
	return least
}

// used returns the probes that are not refused.
func (c *comparison) used() (used []*probe) {
	for _, p := range c.probes {
		if p.why == "" {
			used = append(used, p)
		}
	}
	return used
}

// fit finds the offsets of the probes that are used, by turns with the temperature
// that they have in common: medians both, so that a few bad readings count for
// nothing, and a probe that misses some does not shift the others.
func (c *comparison) fit() {
	const turns, enough = 50, 1e-5
	used := c.used()
	for change, turn := math.Inf(1), 0; change > enough && turn < turns; turn++ {
		c.middle()
		change = 0
		sum := 0.0
		for _, p := range used {
			more := median(c.beyond(p))
			change = max(change, math.Abs(more))
			p.offset += more
			sum += p.offset
		}
		for _, p := range used {
			p.offset -= sum / float64(len(used))
		}
	}
	c.middle()
}

// middle computes what the probes that are used have in common, by their offsets.
func (c *comparison) middle() {
	used := c.used()
	for i := range c.common {
		var values []float64
		for _, p := range used {
			if v := p.values[i]; !math.IsNaN(v) {
				values = append(values, v+p.offset)
			}
		}
		c.common[i] = median(values)
	}
}

// beyond returns by how much a probe with its offset is below the others, a part.
func (c *comparison) beyond(p *probe) []float64 {
	d := make([]float64, numParts)
	for i := range d {
		d[i] = c.common[i] - p.values[i] - p.offset
	}
	return d
}

// bag returns the temperature in the middle of the time, and how fast it rises, in K
// an hour.
func (c *comparison) bag() (celsius, rate float64) {
	blocks := c.blocks(c.common)
	apart := c.span.Hours() * float64(len(blocks)-1) / numBlocks
	return median(c.common), (blocks[len(blocks)-1] - blocks[0]) / apart
}

// blocks returns the medians of the blocks of parts in which anything is known.
func (c *comparison) blocks(parts []float64) (medians []float64) {
	for block := range slices.Chunk(parts, numParts/numBlocks) {
		if m := median(block); !math.IsNaN(m) {
			medians = append(medians, m)
		}
	}
	return medians
}

// toSD makes the median absolute deviation of a normal distribution its standard
// deviation, and medianSD the standard deviation of a mean that of a median.
const (
	toSD     = 1.4826
	medianSD = 1.2533
)

// noise returns the standard deviation of parts, by how they differ from the next.
func noise(parts []float64) float64 {
	parts = known(parts)
	var off []float64
	for i := 1; i < len(parts); i++ {
		off = append(off, math.Abs(parts[i]-parts[i-1]))
	}
	return toSD * median(off) / math.Sqrt2
}

// sd returns the standard deviation of a probe's offset in a bag that warms at a
// rate: by the noise of its parts or what of it is slower, by its steps, and by
// what it lags behind the others.
func (p *probe) sd(c *comparison, rate float64) float64 {
	beyond := c.beyond(p)
	blocks := c.blocks(beyond)
	mean, squares := 0.0, 0.0
	for _, m := range blocks {
		mean += m / float64(len(blocks))
	}
	for _, m := range blocks {
		squares += (m - mean) * (m - mean)
	}
	slow := squares / float64(max(len(blocks)-1, 1)) / float64(len(blocks))
	fast := medianSD * noise(beyond) / math.Sqrt(float64(len(known(beyond))))
	steps := p.step / math.Sqrt(12)
	lag := rate * lagSD.Hours()
	return math.Sqrt(max(slow, fast*fast) + steps*steps + lag*lag)
}

// known returns the values that are.
func known(values []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(values), math.IsNaN)
}

// median returns that of the values that are known, NaN of none.
func median(values []float64) float64 {
	sorted := known(values)
	if len(sorted) == 0 {
		return math.NaN()
	}
	slices.Sort(sorted)
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// spanOf returns the range of values, 0 of none.
func spanOf(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	return slices.Max(values) - slices.Min(values)
}
