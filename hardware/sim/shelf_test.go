package sim_test

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/hardware/sim"
)

var update = flag.Bool("update", false, "write the golden files")

// record runs a day with failures and writes every digit of what is seen.
func record(t *testing.T, cfg sim.Config) []byte {
	t.Helper()
	s := newShelf(t, cfg)
	scenario := map[int][]sim.Event{
		10:  {running(2, false)},
		40:  {running(1, false), load(1.2)},
		60:  {offline(50, true), fault("h1", sim.FaultDrift), fault("c2", sim.FaultStuck)},
		200: {running(1, true), running(2, true)},
	}
	var out bytes.Buffer
	for minute := 0; minute <= 240; minute += 10 {
		s.AdvanceTo(minutes(minute))
		apply(t, s, scenario[minute]...)
		truth := s.Truth()
		h1, _ := s.Probe(1)
		c2, _ := s.Probe(2)
		soc, _ := s.SoC(108)
		fmt.Fprint(&out, minute)
		for _, v := range []float64{truth.Inlet, truth.HotAir, truth.HottestSoC, truth.Power, h1, c2, soc, s.Power(50), s.FanSpeed(1)} {
			out.WriteString(" " + strconv.FormatFloat(v, 'g', -1, 64))
		}
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// TestEveryDigitIsTheSameOnEveryArchitecture fails when a change of the
// physics, or a compiler that fuses products and sums, moves a last digit.
func TestEveryDigitIsTheSameOnEveryArchitecture(t *testing.T) {
	t.Parallel()
	got := record(t, nominal(108))
	golden := filepath.Join("testdata", "day.golden")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s differs; run go test -update and look at the diff (-want +got)\n%s", golden, diff)
	}
}

func TestTheSameSeedGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	first, again, other := record(t, nominal(1)), record(t, nominal(1)), record(t, nominal(2))
	if !bytes.Equal(first, again) {
		t.Error("two shelves with one seed differ")
	}
	if bytes.Equal(first, other) {
		t.Error("two shelves with different seeds are the same")
	}
}

func TestShelvesSideBySideAreIndependent(t *testing.T) {
	t.Parallel()
	alone := newShelf(t, nominal(1))
	alone.AdvanceTo(time.Hour)

	left, right := newShelf(t, nominal(1)), newShelf(t, nominal(2))
	for minute := range 60 {
		left.AdvanceTo(minutes(minute + 1))
		apply(t, right, running(1+minute%2, minute%3 == 0))
		right.AdvanceTo(minutes(minute + 1))
	}
	if diff := cmp.Diff(alone.Truth(), left.Truth()); diff != "" {
		t.Errorf("a neighbour changes a shelf (-alone +beside)\n%s", diff)
	}
}

func TestReadingDoesNotDisturb(t *testing.T) {
	t.Parallel()
	unread, read := newShelf(t, nominal(1)), newShelf(t, nominal(1))
	unread.AdvanceTo(time.Hour)
	for elapsed := time.Duration(0); elapsed <= time.Hour; elapsed += 7 * time.Second {
		read.AdvanceTo(elapsed)
		for i := range rows() {
			first, _ := read.Probe(i)
			if again, _ := read.Probe(i); first != again {
				t.Fatalf("probe %d reads %v, then %v at the same instant", i, first, again)
			}
		}
		read.SoC(17)
		read.FanSpeed(1)
		read.MinutesToCritical(30, time.Minute)
	}
	read.AdvanceTo(time.Hour)
	read.AdvanceTo(time.Minute) // the past changes nothing
	if diff := cmp.Diff(unread.Truth(), read.Truth()); diff != "" {
		t.Errorf("reading and small steps change the physics (-unread +read)\n%s", diff)
	}
	if got := read.Elapsed(); got != time.Hour {
		t.Errorf("Elapsed = %v, want 1h", got)
	}
}

func TestACloneLivesItsOwnLife(t *testing.T) {
	t.Parallel()
	s, untouched := newShelf(t, nominal(5)), newShelf(t, nominal(5))
	c := s.Clone()
	apply(t, c, running(1, false), running(2, false), offline(3, true), load(2), fault("h1", sim.FaultPowerOn))
	c.AdvanceTo(6 * time.Hour)

	s.AdvanceTo(time.Hour)
	untouched.AdvanceTo(time.Hour)
	if diff := cmp.Diff(untouched.Truth(), s.Truth()); diff != "" {
		t.Errorf("a clone changes its original (-untouched +original)\n%s", diff)
	}
	if _, reason := s.Probe(1); reason != "" {
		t.Errorf("the original's probe has fault %q", reason)
	}
	twin := s.Clone()
	s.AdvanceTo(3 * time.Hour)
	twin.AdvanceTo(3 * time.Hour)
	if diff := cmp.Diff(s.Truth(), twin.Truth()); diff != "" {
		t.Errorf("a clone has another future (-original +clone)\n%s", diff)
	}
}

func TestMinutesToCriticalComesTrue(t *testing.T) {
	t.Parallel()
	const critical = 40
	s := newShelf(t, nominal(2))
	if left, ok := s.MinutesToCritical(critical, 6*time.Hour); ok {
		t.Errorf("a normal day is critical after %v min", left)
	}
	apply(t, s, running(1, false), running(2, false))
	first, ok := s.MinutesToCritical(critical, 24*time.Hour)
	if !ok || first < 30 {
		t.Fatalf("after the failure: %v min, %v", first, ok)
	}
	if _, ok := s.MinutesToCritical(critical, minutes(int(first)-5)); ok {
		t.Error("the horizon is not kept when the answer is known")
	}
	s.AdvanceTo(minutes(20))
	if left, ok := s.MinutesToCritical(critical, 24*time.Hour); !ok || !near(left, first-20, 1e-9) {
		t.Errorf("20 min later: %v min, want %v", left, first-20)
	}
	crossing := time.Duration(math.Round(first*60)) * time.Second
	s.AdvanceTo(crossing - 10*time.Second)
	if got := s.Truth().HotAir; got >= critical {
		t.Errorf("hot air one step before = %v °C", got)
	}
	s.AdvanceTo(crossing)
	if got := s.Truth().HotAir; got < critical {
		t.Errorf("hot air at the crossing = %v °C", got)
	}
	if left, ok := s.MinutesToCritical(critical, time.Hour); !ok || left != 0 {
		t.Errorf("at the crossing: %v min, %v; want 0", left, ok)
	}
	apply(t, s, running(1, true), running(2, true))
	s.AdvanceTo(crossing + 3*time.Hour)
	if left, ok := s.MinutesToCritical(critical, 6*time.Hour); ok {
		t.Errorf("after the repair: critical after %v min", left)
	}
}

func TestTheFieldRunsFromColdToHot(t *testing.T) {
	t.Parallel()
	truth := newShelf(t, quiet()).Truth()
	if truth.NX != 12 || truth.NY != 10 || len(truth.Field) != 120 {
		t.Fatalf("field is %d × %d with %d values, want 12 × 10 with 120", truth.NX, truth.NY, len(truth.Field))
	}
	for i, celsius := range truth.Field {
		switch {
		case i < truth.NX && celsius != truth.Inlet:
			t.Errorf("value %d = %v, want the inlet's %v", i, celsius, truth.Inlet)
		case i >= truth.NX && celsius <= truth.Field[i-truth.NX]:
			t.Errorf("value %d = %v is no warmer than the one in front of it", i, celsius)
		}
	}
	if got := truth.Field[119]; !near(got, truth.HotAir, 1e-9) {
		t.Errorf("exhaust = %v, want the hot air's %v on an even shelf", got, truth.HotAir)
	}
}

func TestTheDayIsWarmestInTheAfternoon(t *testing.T) {
	t.Parallel()
	cfg := quiet()
	cfg.Params.RoomSwing = 1
	warmest, at := 0.0, 0
	s := newShelf(t, cfg) // starts at midnight
	for hour := range 24 {
		s.AdvanceTo(time.Duration(hour) * time.Hour)
		if inlet := s.Truth().Inlet; inlet > warmest {
			warmest, at = inlet, hour
		}
	}
	if at < 15 || at > 18 || !near(warmest, 22, 0.2) {
		t.Errorf("warmest at %d h with %.2f °C, want about 16 h with 22 °C", at, warmest)
	}
}

func TestABlockedColumnIsWarmerAndLeavesItsAirToTheOthers(t *testing.T) {
	t.Parallel()
	cfg := quiet()
	cfg.Params.Open = []float64{1, 1, 1, 0.4, 1, 1, 1, 1, 1, 1, 1, 1}
	blocked, free := newShelf(t, cfg).Truth(), newShelf(t, quiet()).Truth()
	exhaust := len(free.Field) - free.NX
	if got := blocked.Field[exhaust+3] - free.Field[exhaust+3]; got < 2 {
		t.Errorf("the blocked column's exhaust is %v K warmer, want 2 or more", got)
	}
	if got := blocked.Field[exhaust+8] - free.Field[exhaust+8]; got > -0.05 {
		t.Errorf("another column's exhaust is %v K warmer, want it cooler by 0.05 or more", got)
	}
	if !within(blocked.Airflow, free.Airflow, 0.01) {
		t.Errorf("the fans move %v W/K, want %v as before", blocked.Airflow, free.Airflow)
	}
}
