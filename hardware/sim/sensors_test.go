package sim_test

import (
	"math"
	"testing"
	"time"

	"thermarack/hardware/sim"
)

func TestProbesReadInStepsOfASixteenth(t *testing.T) {
	t.Parallel()
	s := newShelf(t, nominal(4))
	apply(t, s, running(1, false), fault("c4", sim.FaultDrift))
	seen := map[float64]bool{}
	for minute := range 120 {
		s.AdvanceTo(minutes(minute))
		for i := range rows() {
			celsius, reason := s.Probe(i)
			if celsius*16 != math.Trunc(celsius*16) || reason != "" {
				t.Fatalf("probe %d reads %v, %q", i, celsius, reason)
			}
			seen[celsius] = true
		}
	}
	if len(seen) < 50 {
		t.Errorf("only %d different values in two hours", len(seen))
	}
}

func TestProbesFeelTheAirWhereTheyAre(t *testing.T) {
	t.Parallel()
	cfg := quiet()
	cfg.Probes = []sim.Probe{
		{Name: "front", X: 0, Y: 0},
		{Name: "middle", X: 0.5, Y: 4.0 / 9},
		{Name: "back", X: 1, Y: 1},
		{Name: "off", X: 1, Y: 1, Offset: -1.5},
	}
	s := newShelf(t, cfg)
	truth := s.Truth()
	want := []float64{truth.Inlet, truth.Field[4*truth.NX+5], truth.HotAir, truth.HotAir - 1.5}
	for i, w := range want {
		if got, _ := s.Probe(i); !near(got, w, 0.04) {
			t.Errorf("%s reads %v °C, want %.3f", cfg.Probes[i].Name, got, w)
		}
	}
}

func TestProbesLagAndMoreSoInStillAir(t *testing.T) {
	t.Parallel()
	lagging, still := quiet(), quiet()
	still.Params.ProbeStill = 30
	exact := quiet()
	exact.Params.ProbeLag = [2]float64{}
	var reads [3]float64
	for i, cfg := range []sim.Config{exact, lagging, still} {
		s := newShelf(t, cfg)
		apply(t, s, running(1, false), running(2, false))
		s.AdvanceTo(3 * time.Minute)
		reads[i] = fused(s, rows(), 'h')
		if truth := s.Truth().HotAir; i == 0 && !near(reads[i], truth, 0.04) {
			t.Errorf("a probe without lag reads %v °C, want %v", reads[i], truth)
		}
	}
	if !(reads[0] > reads[1]+0.2 && reads[1] > reads[2]+0.2) {
		t.Errorf("while air warms: exact %.2f, lagging %.2f, in still air %.2f °C; want each cooler", reads[0], reads[1], reads[2])
	}
}

func TestFaultsOfAProbe(t *testing.T) {
	t.Parallel()
	const h1 = 1 // index in rows
	s := newShelf(t, nominal(6))
	before, _ := s.Probe(h1)
	check := func(kind string, want float64, reason string) {
		t.Helper()
		got, gotReason := s.Probe(h1)
		same := got == want || math.IsNaN(got) && math.IsNaN(want)
		if !same || gotReason != reason {
			t.Errorf("%s: reads %v, %q; want %v, %q", kind, got, gotReason, want, reason)
		}
	}
	apply(t, s, fault("h1", sim.FaultStuck))
	apply(t, s, running(1, false), running(2, false))
	s.AdvanceTo(time.Hour)
	check("stuck", before, "")
	apply(t, s, fault("h1", sim.FaultPowerOn))
	check("power-on", 85, "power-on")
	apply(t, s, fault("h1", sim.FaultNoDevice))
	check("no-device", math.NaN(), "no-device")
	apply(t, s, fault("h1", "missing"))
	check("missing", math.NaN(), "no-device")
	apply(t, s, fault("h1", sim.FaultNone))
	if got, reason := s.Probe(h1); reason != "" || !near(got, s.Truth().HotAir, 1.5) {
		t.Errorf("healed: reads %v, %q; want about %.1f", got, reason, s.Truth().HotAir)
	}
	for _, i := range []int{-1, len(rows())} {
		if got, reason := s.Probe(i); !math.IsNaN(got) || reason != "no-device" {
			t.Errorf("probe %d of 8 reads %v, %q", i, got, reason)
		}
	}
}

func TestADriftingProbeWalksAwayFromItsTwin(t *testing.T) {
	t.Parallel()
	sound, drifting := newShelf(t, nominal(7)), newShelf(t, nominal(7))
	apply(t, drifting, fault("h2", sim.FaultDrift))
	for _, s := range []*sim.Shelf{sound, drifting} {
		s.AdvanceTo(16 * time.Hour)
	}
	want, _ := sound.Probe(3)
	got, reason := drifting.Probe(3)
	if !near(got-want, 1, 0.0625) || reason != "" {
		t.Errorf("two thirds of a day of drift: %v °C, %q; want %v + 1", got, reason, want)
	}
}

func TestSoCsReadInTheStepsOfTheirConverter(t *testing.T) {
	t.Parallel()
	s := newShelf(t, nominal(8))
	for slot := 1; slot <= 108; slot++ {
		celsius, ok := s.SoC(slot)
		steps := (47.236 - celsius) / 0.538 // 47.236 is a reading of a real Pi 3
		if !ok || !near(steps, math.Round(steps), 1e-6) || celsius < 38 || celsius > 65 {
			t.Errorf("slot %d reads %v °C, %v", slot, celsius, ok)
		}
	}
	for _, slot := range []int{-1, 0, 109} {
		if celsius, ok := s.SoC(slot); ok {
			t.Errorf("slot %d of 108 reads %v °C", slot, celsius)
		}
		if watts := s.Power(slot); watts != 0 {
			t.Errorf("slot %d of 108 draws %v W", slot, watts)
		}
		if s.Throttled(slot) {
			t.Errorf("slot %d of 108 is throttled", slot)
		}
	}
}

func TestTheNoiseOfSensorsHasItsStandardDeviation(t *testing.T) {
	t.Parallel()
	cfg := quiet()
	cfg.Params.FanJitter = 0.4
	s := newShelf(t, cfg)
	const n = 5000
	var sum, square, product, last float64
	for i := range n {
		s.AdvanceTo(time.Duration(i) * 10 * time.Second)
		d := (s.FanSpeed(2) - 50) / 0.4
		sum += d / n
		square += d * d / n
		product += d * last / n
		last = d
	}
	if !near(sum, 0, 0.06) || !near(square, 1, 0.08) || !near(product, 0, 0.06) {
		t.Errorf("mean %.3f, variance %.3f, covariance of neighbours %.3f; want 0, 1, 0", sum, square, product)
	}
}

func TestAHotPiSlowsDownAndDrawsLess(t *testing.T) {
	t.Parallel()
	s := newShelf(t, quiet())
	if s.Throttled(108) {
		t.Error("a normal day throttles")
	}
	cool := s.Power(108)
	apply(t, s, running(1, false), running(2, false), load(1.3))
	s.AdvanceTo(24 * time.Hour)
	hot := s.Power(108)
	if !s.Throttled(108) || hot >= 1.3*cool || hot < 0.5*1.3*cool {
		t.Errorf("throttled %v, %.2f W; want true, below %.2f W", s.Throttled(108), hot, 1.3*cool)
	}
	if got := s.Truth().HottestSoC; got < 80 || got > 90 {
		t.Errorf("hottest SoC = %.1f °C, want it held a little above 80", got)
	}
}

func TestAStoppedFanSpinsDown(t *testing.T) {
	t.Parallel()
	s := newShelf(t, nominal(9))
	if got := s.FanSpeed(2); !near(got, 50, 2) || !s.FanRunning(2) {
		t.Errorf("healthy fan: %v 1/s, running %v", got, s.FanRunning(2))
	}
	apply(t, s, running(2, false))
	s.AdvanceTo(30 * time.Second)
	if got := s.FanSpeed(2); got < 10 || got > 30 || s.FanRunning(2) {
		t.Errorf("after 30 s: %v 1/s, running %v; want it coasting", got, s.FanRunning(2))
	}
	s.AdvanceTo(10 * time.Minute)
	if got := s.FanSpeed(2); got != 0 {
		t.Errorf("after 10 min: %v 1/s, want 0", got)
	}
	if got := s.FanSpeed(1); !near(got, 50, 2) {
		t.Errorf("the other fan: %v 1/s, want 50", got)
	}
	for _, fan := range []int{-1, 0, 3} {
		if s.FanSpeed(fan) != 0 || s.FanRunning(fan) {
			t.Errorf("fan %d of 2 turns", fan)
		}
	}
}
