package sim_test

import (
	"fmt"
	"testing"
	"time"

	"thermarack/hardware/sim"
)

// An anchor is the rise of hot over cold air that is expected a while after
// something failed.
type anchor struct {
	minute int
	deltaT float64
}

// bothFans is what the shelf is to do when both fans die.
func bothFans() []anchor {
	return []anchor{{5, 9.3}, {10, 11.4}, {30, 14.7}, {60, 16.4}, {120, 18.9}, {240, 22.8}, {360, 26.1}}
}

// follow advances s and checks each anchor to a tenth.
func follow(t *testing.T, s *sim.Shelf, anchors []anchor) {
	t.Helper()
	from := s.Elapsed()
	for _, a := range anchors {
		s.AdvanceTo(from + minutes(a.minute))
		if got := s.Truth().DeltaT; !within(got, a.deltaT, 0.10) {
			t.Errorf("ΔT after %d min = %.2f K, want %.1f K ± 10 %%", a.minute, got, a.deltaT)
		}
	}
}

func TestANormalDayIsFiveKelvinWarmerBehind(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		s := newShelf(t, nominal(seed))
		var deltaT, inlet, soc float64
		const n = 24 * 6
		for i := range n {
			s.AdvanceTo(minutes(10 * i))
			truth := s.Truth()
			deltaT += truth.DeltaT / n
			inlet += truth.Inlet / n
			for slot := 1; slot <= 108; slot++ {
				celsius, _ := s.SoC(slot)
				soc += celsius / n / 108
			}
		}
		if deltaT < 4.6 || deltaT > 5.0 {
			t.Errorf("seed %d: mean ΔT = %.2f K, want 4.6 to 5.0", seed, deltaT)
		}
		if !near(inlet, 21, 0.8) {
			t.Errorf("seed %d: mean inlet = %.2f °C, want about 21", seed, inlet)
		}
		if soc < 45 || soc > 55 {
			t.Errorf("seed %d: mean SoC = %.2f °C, want 45 to 55", seed, soc)
		}
	}
}

func TestTheNominalShelfFollowsTheAnchors(t *testing.T) {
	t.Parallel()
	s := newShelf(t, quiet())
	if got := s.Truth().DeltaT; got < 4.6 || got > 5.0 {
		t.Errorf("ΔT before = %.2f K, want 4.6 to 5.0", got)
	}
	apply(t, s, running(1, false), running(2, false))
	if got, ok := s.MinutesToCritical(48, 24*time.Hour); !ok || !near(got/60, 6, 0.3) {
		t.Errorf("critical after %.2f h (%v), want about 6", got/60, ok)
	}
	follow(t, s, bothFans())
}

func TestBothFansDeadLeaveSixHoursWhateverChanceDoes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			s := newShelf(t, nominal(seed))
			apply(t, s, running(1, false), running(2, false))
			left, ok := s.MinutesToCritical(48, 24*time.Hour)
			if hours := left / 60; !ok || hours < 5.3 || hours > 6.6 {
				t.Errorf("48 °C after %.2f h (%v), want 5.3 to 6.6", hours, ok)
			}
			follow(t, s, bothFans())
			if got := s.Truth().HottestSoC; !near(got, 81.5, 2) {
				t.Errorf("hottest SoC after six hours = %.1f °C, want about 81", got)
			}
		})
	}
}

func TestOneFanDeadAddsTwoToThreeKelvin(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			s := newShelf(t, nominal(seed))
			before := meanDeltaT(s, 12)
			apply(t, s, running(int(1+seed%2), false))
			follow(t, s, []anchor{{5, 6.0}, {20, 6.7}})
			s.AdvanceTo(s.Elapsed() + 8*time.Hour)
			settled := meanDeltaT(s, 12)
			if settled < 7.0 || settled > 8.0 {
				t.Errorf("settled ΔT = %.2f K, want 7.0 to 8.0", settled)
			}
			if rise := settled - before; rise < 2 || rise > 3 {
				t.Errorf("ΔT rises by %.2f K, want 2 to 3", rise)
			}
		})
	}
}

// meanDeltaT advances s by so many times ten minutes and returns the mean.
func meanDeltaT(s *sim.Shelf, n int) float64 {
	var sum float64
	for range n {
		s.AdvanceTo(s.Elapsed() + minutes(10))
		sum += s.Truth().DeltaT
	}
	return sum / float64(n)
}

func TestFusedProbesAgreeWithTheTruthOnceTheyHaveCaughtUp(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		s := newShelf(t, nominal(seed))
		behind := func() float64 {
			return s.Truth().DeltaT - (fused(s, rows(), 'h') - fused(s, rows(), 'c'))
		}
		if got := behind(); !near(got, 0, 0.6) {
			t.Errorf("seed %d, normal day: fused probes are %.2f K off", seed, got)
		}
		apply(t, s, running(1, false), running(2, false))
		s.AdvanceTo(minutes(5))
		if got := behind(); got < 1 || got > 3 {
			t.Errorf("seed %d: while air warms by a degree a minute, fused probes are %.2f K behind, want 1 to 3", seed, got)
		}
		for _, n := range []int{60, 120, 240, 360} {
			s.AdvanceTo(minutes(n))
			if got := behind(); !near(got, 0, 1) {
				t.Errorf("seed %d, %d min after: fused probes are %.2f K off", seed, n, got)
			}
		}
	}
}

func TestAStoppedFanStarvesItsOwnSide(t *testing.T) {
	t.Parallel()
	for fan := 1; fan <= 2; fan++ {
		s := newShelf(t, quiet())
		apply(t, s, running(fan, false))
		s.AdvanceTo(2 * time.Hour)
		truth := s.Truth()
		exhaust := truth.Field[(truth.NY-1)*truth.NX:]
		left, right := exhaust[0], exhaust[truth.NX-1]
		if fan == 1 && left < right+1 || fan == 2 && right < left+1 {
			t.Errorf("fan %d stopped: exhaust %.1f °C left, %.1f right; want its side hotter by 1 K", fan, left, right)
		}
	}
}

func TestFansThatRestartBringTheNormalDayBack(t *testing.T) {
	t.Parallel()
	s := newShelf(t, quiet())
	before := s.Truth().DeltaT
	apply(t, s, running(1, false), running(2, false))
	s.AdvanceTo(time.Hour)
	apply(t, s, running(1, true), running(2, true))
	s.AdvanceTo(24 * time.Hour)
	truth := s.Truth()
	if !near(truth.DeltaT, before, 0.02) || truth.FansRunning != 2 {
		t.Errorf("ΔT a day after the restart = %.2f K with %d fans, want %.2f K with 2", truth.DeltaT, truth.FansRunning, before)
	}
}

func TestHeatBalances(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		events []sim.Event
		settle time.Duration
	}{
		{name: "all fans", settle: 24 * time.Hour},
		{name: "one fan", events: []sim.Event{running(2, false)}, settle: 60 * time.Hour},
		{name: "no fan at half load", events: []sim.Event{running(1, false), running(2, false), load(0.5)}, settle: 150 * time.Hour},
		{name: "no fan at full load, slowed down by heat", events: []sim.Event{running(1, false), running(2, false), load(1.3)}, settle: 150 * time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newShelf(t, sim.Config{Params: sim.Nominal(4, 3).Quiet()})
			apply(t, s, tt.events...)
			s.AdvanceTo(tt.settle)
			truth := s.Truth()
			carried := truth.Airflow * truth.DeltaT
			if out := carried + truth.Losses; !within(out, truth.Power, 0.002) {
				t.Errorf("%.1f W in, %.1f W out by air and %.1f W through metal", truth.Power, carried, truth.Losses)
			}
		})
	}
}

func TestOtherSizesRunAtTheSameTemperatures(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{1, 9}, {4, 9}, {20, 6}} {
		s := newShelf(t, sim.Config{Params: sim.Nominal(size[0], size[1]).Quiet()})
		if got := s.Truth().DeltaT; !near(got, 4.9, 0.15) {
			t.Errorf("%d × %d: ΔT = %.2f K, want 4.9", size[0], size[1], got)
		}
	}
}
