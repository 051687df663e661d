package sim_test

import (
	"math"
	"testing"
	"time"

	"thermarack/hardware/sim"
)

// rows are eight probes as a shelf has them: four on each face.
func rows() []sim.Probe {
	var probes []sim.Probe
	for i, x := range []float64{0.1, 0.37, 0.63, 0.9} {
		digit := string(rune('1' + i))
		probes = append(probes,
			sim.Probe{Name: "c" + digit, X: x, Y: 0},
			sim.Probe{Name: "h" + digit, X: x, Y: 1})
	}
	return probes
}

// quiet is a nominal shelf without chance, nominal one with.
func quiet() sim.Config { return sim.Config{Params: sim.Nominal(12, 9).Quiet(), Probes: rows()} }

func nominal(seed uint64) sim.Config {
	return sim.Config{
		Params: sim.Nominal(12, 9), Probes: rows(), Seed: seed,
		Start: time.Date(2026, 1, 2, 9, 0, 0, 0, time.UTC),
	}
}

func newShelf(tb testing.TB, cfg sim.Config) *sim.Shelf {
	tb.Helper()
	s, err := sim.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func apply(tb testing.TB, s *sim.Shelf, events ...sim.Event) {
	tb.Helper()
	for _, e := range events {
		if err := s.Apply(e); err != nil {
			tb.Fatal(err)
		}
	}
}

func running(fan int, is bool) sim.Event      { return sim.Event{Fan: fan, Running: &is} }
func offline(slot int, is bool) sim.Event     { return sim.Event{Slot: slot, Offline: &is} }
func load(factor float64) sim.Event           { return sim.Event{Load: &factor} }
func fault(probe string, f string) sim.Event  { return sim.Event{Probe: probe, Fault: &f} }
func minutes(n int) time.Duration             { return time.Duration(n) * time.Minute }
func near(got, want, tolerance float64) bool  { return math.Abs(got-want) <= tolerance }
func within(got, want, relative float64) bool { return near(got, want, relative*math.Abs(want)) }

// fused returns the mean of the probes whose names begin with face.
func fused(s *sim.Shelf, probes []sim.Probe, face byte) float64 {
	sum, n := 0.0, 0
	for i, p := range probes {
		if p.Name[0] == face {
			celsius, _ := s.Probe(i)
			sum += celsius
			n++
		}
	}
	return sum / float64(n)
}
