package calibrate_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"thermarack/collector/internal/calibrate"
)

var (
	noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	half = noon.Add(30 * time.Minute)
)

// A bag is a time in which probes lie in still air, and what is wrong with each.
type bag struct {
	seed  uint64
	rate  float64 // K an hour
	part  []part
	every time.Duration
}

// A part is one DS18B20: by the facts that the simulated shelf is made from, of
// parts in still air.
type part struct {
	error float64                        // K
	noise float64                        // K
	fault func(i int, v float64) float64 // of reading i; NaN is none
}

// parts are those of a shelf, their errors drawn.
func parts(random *rand.Rand, n int) []part {
	all := make([]part, n)
	for i := range all {
		all[i] = part{error: 0.2 * random.NormFloat64(), noise: 0.05 + 0.1*random.Float64()}
	}
	return all
}

// read returns what the probes read, from 12:00 on for half an hour.
func (b bag) read() []calibrate.Probe {
	random := rand.New(rand.NewPCG(b.seed, 7))
	air := func(at time.Duration) float64 {
		return 21.3 + b.rate*at.Hours() + 0.1*math.Sin(at.Minutes()/5+float64(b.seed))
	}
	probes := make([]calibrate.Probe, len(b.part))
	for i, p := range b.part {
		probes[i].Name = fmt.Sprint("p", i+1)
		lag := 3 * (25 + 50*random.Float64()) // s
		inside := air(0) - b.rate*lag/3600
		for at, n := time.Duration(0), 0; at < 30*time.Minute; at, n = at+b.every, n+1 {
			inside += (air(at) - inside) * (1 - math.Exp(-b.every.Seconds()/lag))
			v := math.Round((inside+p.error+p.noise*random.NormFloat64())*16) / 16
			if random.Float64() < 0.002 {
				continue
			}
			if p.fault != nil {
				v = p.fault(n, v)
			}
			if !math.IsNaN(v) {
				probes[i].Readings = append(probes[i].Readings, calibrate.Reading{Time: noon.Add(at), Celsius: v})
			}
		}
	}
	return probes
}

func newBag(seed uint64, n int) bag {
	return bag{seed: seed, rate: 0.5, part: parts(rand.New(rand.NewPCG(seed, 3)), n), every: 10 * time.Second}
}

// wants returns the offsets that make the parts which are not refused agree.
func (b bag) wants(verdicts []calibrate.Verdict) []float64 {
	sum, n := 0.0, 0.0
	for i, v := range verdicts {
		if v.Why == "" {
			sum, n = sum+b.part[i].error, n+1
		}
	}
	all := make([]float64, len(b.part))
	for i, p := range b.part {
		all[i] = sum/n - p.error
	}
	return all
}

func TestKnownOffsetsAreFoundWithinTheirUncertainty(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		n      int
		rate   float64
		every  time.Duration
		within float64 // K, the most that the middle of all uncertainties may be
	}{
		{"twelve probes in a bag that lies still", 12, 0, 10 * time.Second, 0.03},
		{"twelve probes in a bag that still cools", 12, -2.5, 10 * time.Second, 0.05},
		{"four probes", 4, 0.5, 10 * time.Second, 0.03},
		{"two probes", 2, 0.5, 10 * time.Second, 0.03},
		{"readings a minute apart", 8, 0.5, time.Minute, 0.035},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			all, inside, worst := 0, 0, 0.0
			var sds []float64
			for seed := range uint64(100) {
				b := newBag(seed, tt.n)
				b.rate, b.every = tt.rate, tt.every
				got := calibrate.Find(noon, half, b.read())
				if got.Why != "" {
					t.Fatalf("seed %d: %s", seed, got.Why)
				}
				want := b.wants(got.Probes)
				for i, v := range got.Probes {
					if v.Why != "" {
						t.Fatalf("seed %d: %s is refused: %s", seed, v.Name, v.Why)
					}
					all++
					off := math.Abs(v.Offset-want[i]) / v.SD
					if off <= 2 {
						inside++
					}
					worst = max(worst, off)
					sds = append(sds, v.SD)
				}
			}
			slices.Sort(sds)
			t.Logf("%d of %d within 2 sd, the worst %.1f sd off, sd of the middle one %.3f K", inside, all, worst, sds[len(sds)/2])
			if float64(inside) < 0.95*float64(all) || worst > 4 {
				t.Errorf("%d of %d within 2 sd, the worst %.1f off", inside, all, worst)
			}
			if sds[len(sds)/2] > tt.within {
				t.Errorf("the middle sd is %.3f K, want at most %v", sds[len(sds)/2], tt.within)
			}
		})
	}
}

func TestAProbeThatCannotBeBelievedIsRefusedAndTheOthersAreNot(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		fault func(i int, v float64) float64
		want  string
	}{
		{"it is stuck", func(int, float64) float64 { return 21.3125 }, `stuck: did not move while the others moved by 0\.\d\d K`},
		{"it was never read", func(int, float64) float64 { return math.NaN() }, "no readings"},
		{"it was read for a while only", func(i int, v float64) float64 { return onlyIf(i < 20, v) }, "too few readings: in 7 of 60 parts of the time, want 20"},
		{"it is noisy", func(i int, v float64) float64 { return v + 2*math.Sin(float64(i*i)) }, `too noisy: ±0\.\d\d K`},
		{"it hangs elsewhere", func(_ int, v float64) float64 { return v + 2.6 }, `\+[23]\.\d K off`},
		{"it hangs in colder air", func(_ int, v float64) float64 { return v - 4 }, `-[34]\.\d K off`},
		{"it drifts", func(i int, v float64) float64 { return v + float64(i)/200 }, `wanders by 0\.\d\d K against the others`},
		{"it was put into the bag late", func(i int, v float64) float64 { return v + 3*math.Exp(-float64(i)/30) }, `wanders by \d\.\d\d K against the others`},
		{"it says no number", func(int, float64) float64 { return math.Inf(1) }, "no readings"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(10) {
				b := newBag(seed, 8)
				b.rate, b.part[3].fault = 1, tt.fault
				got := calibrate.Find(noon, half, b.read())
				if got.Why != "" || !regexp.MustCompile("^"+tt.want+"$").MatchString(got.Probes[3].Why) || got.Probes[3].Offset != 0 || got.Probes[3].SD != 0 {
					t.Fatalf("seed %d: %q, %+v, want %q", seed, got.Why, got.Probes[3], tt.want)
				}
				want := b.wants(got.Probes)
				for i, v := range got.Probes {
					if i != 3 && (v.Why != "" || math.Abs(v.Offset-want[i]) > 4*v.SD) {
						t.Errorf("seed %d: %+v, want %.3f", seed, v, want[i])
					}
				}
			}
		})
	}
}

func onlyIf(is bool, v float64) float64 {
	if is {
		return v
	}
	return math.NaN()
}

func TestAFewWildReadingsMoveNothing(t *testing.T) {
	t.Parallel()
	b := newBag(1, 6)
	calm := calibrate.Find(noon, half, b.read())
	b.part[2].fault = func(i int, v float64) float64 {
		if i%40 == 7 {
			return v + 30
		}
		return v
	}
	got := calibrate.Find(noon, half, b.read())
	for i, v := range got.Probes {
		if v.Why != "" || math.Abs(v.Offset-calm.Probes[i].Offset) > v.SD {
			t.Errorf("%+v, without them %+v", v, calm.Probes[i])
		}
	}
}

func TestABagThatIsNotAtOneTemperatureIsFound(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		rate  float64
		fault func(probe, i int, v float64) float64
		want  string
	}{
		{"the probes hang in their shelf", 0, func(p, _ int, v float64) float64 { return v + 5*float64(p%2) }, "8 of 8 probes are more than 2 K off"},
		{"the bag lies half on something warm", 0, func(p, _ int, v float64) float64 { return v + 1.8*float64(p%2) }, "the probes differ by ±"},
		{"one end of it warms", 0, func(p, i int, v float64) float64 { return v + float64(p*i)/600 }, "probes wander against the others: the bag is not at one temperature"},
		{"it came from the cold", 8, nil, "the bag changes by +"},
		{"nobody reads them", 0, func(int, int, float64) float64 { return math.NaN() }, "fewer than two probes"},
		{"one is read", 0, func(p, _ int, v float64) float64 { return onlyIf(p == 0, v) }, "fewer than two probes"},
		{"of two left one is far", 0, func(p, _ int, v float64) float64 { return onlyIf(p < 2, v) + 3*float64(p) }, "2 of 2 probes are more than 2 K off"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBag(2, 8)
			b.rate = tt.rate
			for p := range b.part {
				if tt.fault != nil {
					b.part[p].fault = func(i int, v float64) float64 { return tt.fault(p, i, v) }
				}
			}
			got := calibrate.Find(noon, half, b.read())
			if !strings.HasPrefix(got.Why, tt.want) && !strings.Contains(got.Why, " "+tt.want) {
				t.Errorf("why = %q, want %q", got.Why, tt.want)
			}
			for _, v := range got.Probes {
				if v.Offset != 0 || v.SD != 0 {
					t.Errorf("%+v of a bag that is no good", v)
				}
			}
		})
	}
}

func TestABagIsDescribed(t *testing.T) {
	t.Parallel()
	b := newBag(4, 6)
	b.rate = 2
	got := calibrate.Find(noon, half, b.read())
	if math.Abs(got.Celsius-21.8) > 0.3 || math.Abs(got.Rate-2) > 0.6 {
		t.Errorf("%.2f °C, %+.2f K/h, want 21.8 and 2", got.Celsius, got.Rate)
	}
	if n := got.Probes[0].Samples; n < 175 || n > 180 {
		t.Errorf("%d samples, want nearly 180", n)
	}
}

func TestEqualReadingsAreUncertainByAStep(t *testing.T) {
	t.Parallel()
	probes := make([]calibrate.Probe, 3)
	for i := range probes {
		for at := noon; at.Before(half); at = at.Add(10 * time.Second) {
			probes[i].Readings = append(probes[i].Readings, calibrate.Reading{Time: at, Celsius: 21 + float64(i)/16})
		}
	}
	got := calibrate.Find(noon, half, probes)
	for i, v := range got.Probes {
		if want := float64(1-i) / 16; v.Why != "" || v.Offset != want || math.Abs(v.SD-0.018) > 0.001 {
			t.Errorf("%+v, want %v ± 0.018", v, want)
		}
	}
}

func TestNothingIsFoundInNoTime(t *testing.T) {
	t.Parallel()
	got := calibrate.Find(noon, noon, newBag(1, 3).read())
	if got.Why == "" || len(got.Probes) != 3 || !math.IsNaN(got.Celsius) || !math.IsNaN(got.Rate) {
		t.Errorf("%+v", got)
	}
}
