package heatmap_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/rack"
	"thermarack/hardware/sim"
)

// The conditions in which the field is tried.
var conditions = [...]string{"normal", "one fan dead", "both fans dead", "blocked columns"}

// Seeds of the shelves. The constants of the field were set on other shelves,
// from trainSeed on, and must not be set on those of testSeed.
const (
	testSeed  = 1
	trainSeed = 1001
)

// A scene is a shelf at one moment: what its sensors say, and what is true.
type scene struct {
	state rack.State
	fed   rack.State // state, with the power of each port
	truth sim.Truth
}

// scenes are 40 random shelves in each condition; with -short eight, because the
// race detector makes a simulator slow.
var scenes = sync.OnceValue(func() [][len(conditions)]scene {
	n := 40
	if testing.Short() {
		n = 8
	}
	out := make([][len(conditions)]scene, n)
	var work sync.WaitGroup
	for i := range out {
		work.Go(func() { out[i] = sceneOf(testSeed + uint64(i)) })
	}
	work.Wait()
	return out
})

// randomShelf draws the parameters of a shelf, as widely as real ones may
// differ, with calibrated probes that have 0.15 K of noise.
func randomShelf(chance *rand.Rand) sim.Params {
	p := sim.Nominal(12, 9)
	for _, spread := range []struct {
		of *float64
		by float64 // sd of the logarithm
	}{
		{&p.PiPower, 0.1}, {&p.Airflow, 0.12}, {&p.Buoyancy, 0.25},
		{&p.BoardAir, 0.15}, {&p.BoardAirStill, 0.15}, {&p.ResistanceSoC, 0.1},
		{&p.MetalHeat, 0.2}, {&p.MetalAir, 0.2}, {&p.MetalStructure, 0.25},
		{&p.StructureHeat, 0.25}, {&p.StructureRoom, 0.25},
	} {
		*spread.of *= math.Exp(spread.by * chance.NormFloat64())
	}
	p.HalfFlow = 0.5 + 0.18*chance.Float64()
	p.Skew = 0.2 + 0.4*chance.Float64()
	p.Room = 18 + 6*chance.Float64()
	p.Recirculation = 0.02 + 0.08*chance.Float64()
	p.ProbeOffset, p.ProbeNoise = 0, [2]float64{0.15, 0.15}
	return p
}

// block narrows one to three neighbouring columns to 0.3 to 0.7 of their
// passage.
func block(p *sim.Params, chance *rand.Rand) {
	p.Open = slices.Repeat([]float64{1}, p.Columns)
	n := 1 + chance.IntN(3)
	first := chance.IntN(p.Columns - n + 1)
	for c := range n {
		p.Open[first+c] = 0.3 + 0.4*chance.Float64()
	}
}

// sceneOf lets one shelf run in each condition: a dead fan has settled, two have
// been dead for one to three hours.
func sceneOf(seed uint64) (out [len(conditions)]scene) {
	chance := rand.New(rand.NewPCG(seed, 77))
	cfg := sim.Config{
		Params: randomShelf(chance), Probes: twelve(), Seed: seed,
		Start: noon.Add(time.Duration(chance.IntN(24)) * time.Hour),
	}
	healthy := mustSim(cfg)
	one, both := healthy.Clone(), healthy.Clone()
	stop(one, 1+chance.IntN(2))
	stop(both, 1)
	stop(both, 2)
	one.AdvanceTo(2 * time.Hour)
	both.AdvanceTo(time.Hour + time.Duration(chance.Float64()*float64(2*time.Hour)))
	block(&cfg.Params, chance)
	for i, s := range []*sim.Shelf{healthy, one, both, mustSim(cfg)} {
		out[i] = observe(s)
	}
	return out
}

func mustSim(cfg sim.Config) *sim.Shelf {
	s, err := sim.New(cfg)
	if err != nil {
		panic(err) // of a test's own parameters
	}
	return s
}

func stop(s *sim.Shelf, fan int) {
	running := false
	if err := s.Apply(sim.Event{Fan: fan, Running: &running}); err != nil {
		panic(err)
	}
}

// twelve are four probes on each face and four half way.
func twelve() []sim.Probe {
	var out []sim.Probe
	for _, y := range []float64{0, 0.5, 1} {
		for i := range 4 {
			out = append(out, sim.Probe{Name: string(rune('a' + len(out))), X: 0.125 + 0.25*float64(i), Y: y})
		}
	}
	return out
}

// observe reads every sensor.
func observe(s *sim.Shelf) scene {
	state := shelf(12, 9)
	for i, p := range twelve() {
		celsius, _ := s.Probe(i)
		probe(&state, p.Name, p.X, p.Y, fresh(celsius))
	}
	fed := state
	fed.Slots = slices.Clone(state.Slots)
	for i := range state.Slots {
		celsius, _ := s.SoC(i + 1)
		state.Slots[i].SoC, fed.Slots[i].SoC = fresh(celsius), fresh(celsius)
		fed.Slots[i].Power = fresh(s.Power(i + 1))
	}
	return scene{state, fed, s.Truth()}
}

// air returns the true air at a place of the shelf, linear between the
// simulator's points.
func (s scene) air(x, y float64) float64 {
	t := s.truth
	i, u := cell(x*float64(t.NX)-0.5, t.NX)
	j, v := cell(y*float64(t.NY-1), t.NY)
	row := func(j int) float64 {
		return t.Field[j*t.NX+i]*(1-u) + t.Field[j*t.NX+min(i+1, t.NX-1)]*u
	}
	return row(j)*(1-v) + row(min(j+1, t.NY-1))*v
}

// cell returns the point before place among n, and the share of the way on.
func cell(place float64, n int) (int, float64) {
	place = min(max(place, 0), float64(n-1))
	return int(place), place - math.Floor(place)
}

// A score is how a field compares with the truth.
type score struct {
	squares, points, covered float64
	missing                  int
}

// rmse is in K.
func (s score) rmse() float64 { return math.Sqrt(s.squares / s.points) }

// coverage is the share of points, in %, of which the 90 % band holds the truth.
func (s score) coverage() float64 { return 100 * s.covered / s.points }

// compare adds a field's points to the score.
func (s *score) compare(f *heatmap.Field, with scene) {
	for k, v := range f.Value {
		if math.IsNaN(v) {
			s.missing++
			continue
		}
		x, y := (float64(k%f.NX)+0.5)/float64(f.NX), (float64(k/f.NX)+0.5)/float64(f.NY)
		missed := v - with.air(x, y)
		s.squares += missed * missed
		s.points++
		if math.Abs(missed) <= 1.645*f.SD[k] {
			s.covered++
		}
	}
}
