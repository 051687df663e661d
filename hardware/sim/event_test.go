package sim_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/hardware/sim"
)

func TestApplyNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	yes, one, odd := true, 1.0, "melted"
	tests := []struct {
		name  string
		event sim.Event
		want  string
	}{
		{"nothing", sim.Event{}, "says nothing"},
		{"two things", sim.Event{Fan: 1, Running: &yes, Load: &one}, "several things"},
		{"a property without its thing and another", sim.Event{Running: &yes, Offline: &yes}, "several things"},
		{"fan beyond the last", running(3, false), "fan 3: the shelf has fans 1 to 2"},
		{"fan before the first", running(-1, false), "fan -1: the shelf has fans 1 to 2"},
		{"running without a fan", sim.Event{Running: &yes}, "fan 0: the shelf has fans 1 to 2"},
		{"fan without running", sim.Event{Fan: 2}, "fan 2: say running"},
		{"slot beyond the last", offline(109, true), "slot 109: the shelf has slots 1 to 108"},
		{"slot without offline", sim.Event{Slot: 17}, "slot 17: say offline"},
		{"unknown probe", fault("h9", sim.FaultStuck), `probe "h9": the shelf has c1, h1, c2`},
		{"probe without fault", sim.Event{Probe: "h1"}, `probe "h1": say fault: none, stuck`},
		{"unknown fault", fault("h1", odd), `probe "h1": fault "melted": need none, stuck`},
		{"negative load", load(-0.1), "load -0.1: need 0 to 10"},
		{"no number as load", load(math.NaN()), "load NaN: need 0 to 10"},
	}
	s := newShelf(t, nominal(1))
	before := s.Clone()
	for _, tt := range tests {
		err := s.Apply(tt.event)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: err = %v, want one line with %q", tt.name, err, tt.want)
		}
	}
	s.AdvanceTo(time.Hour)
	before.AdvanceTo(time.Hour)
	if diff := cmp.Diff(before.Truth(), s.Truth()); diff != "" {
		t.Errorf("a refused event changes the shelf (-before +after)\n%s", diff)
	}
}

func TestAShelfWithoutProbesSaysSo(t *testing.T) {
	t.Parallel()
	s := newShelf(t, sim.Config{Params: sim.Nominal(2, 2)})
	if err := s.Apply(fault("h1", sim.FaultStuck)); err == nil || !strings.Contains(err.Error(), "no probes") {
		t.Errorf("err = %v, want that there are no probes", err)
	}
}

func TestAnOfflineSlotDrawsNothingAndCools(t *testing.T) {
	t.Parallel()
	s := newShelf(t, nominal(1))
	warm, _ := s.SoC(17)
	total := s.Truth().Power
	drawn := s.Power(17)

	apply(t, s, offline(17, true))
	if got := s.Truth().Power; !near(got, total-drawn, 1e-9) {
		t.Errorf("power without slot 17 = %v W, want %v", got, total-drawn)
	}
	s.AdvanceTo(30 * time.Minute)
	if celsius, ok := s.SoC(17); ok || s.Power(17) != 0 {
		t.Errorf("offline: SoC %v (%v), %v W", celsius, ok, s.Power(17))
	}
	apply(t, s, offline(17, false))
	s.AdvanceTo(30*time.Minute + 10*time.Second)
	if cool, ok := s.SoC(17); !ok || cool > warm-5 {
		t.Errorf("back online: SoC %v °C (%v), want it 5 K cooler than %v", cool, ok, warm)
	}
	s.AdvanceTo(2 * time.Hour)
	if again, _ := s.SoC(17); !near(again, warm, 8) || s.Power(17) < 2 {
		t.Errorf("two hours on: SoC %v °C at %v W, want about %v °C", again, s.Power(17), warm)
	}
}

func TestAnEmptyShelfGoesToRoomTemperature(t *testing.T) {
	t.Parallel()
	s := newShelf(t, sim.Config{Params: sim.Nominal(4, 3).Quiet()})
	for slot := range 12 {
		apply(t, s, offline(slot+1, true))
	}
	s.AdvanceTo(48 * time.Hour)
	truth := s.Truth()
	if truth.Power != 0 || truth.HottestSoC != 0 || !near(truth.DeltaT, 0, 0.01) {
		t.Errorf("empty shelf: %v W, hottest SoC %v, ΔT %v K", truth.Power, truth.HottestSoC, truth.DeltaT)
	}
}

func TestLoadScalesPowerAndRise(t *testing.T) {
	t.Parallel()
	s := newShelf(t, quiet())
	before := s.Truth()
	apply(t, s, load(1.2))
	s.AdvanceTo(12 * time.Hour)
	after := s.Truth()
	if !within(after.Power, 1.2*before.Power, 1e-9) || !within(after.DeltaT, 1.2*before.DeltaT, 0.02) {
		t.Errorf("load 1.2: %v W and %.2f K, from %v W and %.2f K", after.Power, after.DeltaT, before.Power, before.DeltaT)
	}
}

func FuzzApply(f *testing.F) {
	f.Add(1, true, 0.0, 0, "", "")
	f.Add(0, false, 1.2, 0, "", "")
	f.Add(0, true, 0.0, 17, "", "")
	f.Add(0, false, 0.0, 0, "h1", "stuck")
	f.Add(3, false, math.Inf(1), -1, "h9", "melted")
	cfg := sim.Config{Params: sim.Nominal(4, 5), Probes: rows()}
	shelf := newShelf(f, cfg)
	f.Fuzz(func(t *testing.T, fan int, flag bool, factor float64, slot int, probe, reason string) {
		s := shelf.Clone()
		for _, e := range []sim.Event{running(fan, flag), load(factor), offline(slot, flag), fault(probe, reason)} {
			if err := s.Apply(e); err != nil && strings.ContainsRune(err.Error(), '\n') {
				t.Errorf("%+v: error of several lines: %v", e, err)
			}
		}
		s.AdvanceTo(5 * time.Minute)
		if got := s.Truth().HotAir; !(got > 0 && got < 300) {
			t.Errorf("hot air = %v °C", got)
		}
	})
}
