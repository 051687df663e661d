package alerts_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"thermarack/alerts"
)

// sample is one value and what it is to do, so many seconds after noon.
type sample struct {
	at    int
	value float64
	want  alerts.Change
}

func TestGrowth(t *testing.T) {
	rule := alerts.Growth{Quiet: 10 * time.Minute}
	tests := []struct {
		name    string
		samples []sample
		by      float64
	}{
		{"the first count may be of years ago", []sample{{0, 17, alerts.None}, {30, 17, alerts.None}}, 0},
		{"it fires when it grows, once", []sample{{0, 17, alerts.None}, {30, 18, alerts.Fired}, {60, 20, alerts.None}}, 3},
		{"and resolves when it has stood still", []sample{
			{0, 17, alerts.None}, {30, 18, alerts.Fired}, {60, 19, alerts.None}, {659, 19, alerts.None}, {660, 19, alerts.Resolved}}, 0},
		{"a switch that was restarted counts anew", []sample{{0, 17, alerts.None}, {30, 0, alerts.None}, {60, 1, alerts.Fired}}, 1},
		{"a restart is no growth, and no end", []sample{{0, 17, alerts.None}, {30, 18, alerts.Fired}, {60, 0, alerts.None}, {630, 0, alerts.Resolved}}, 0},
		{"what is late or told twice changes nothing", []sample{{30, 17, alerts.None}, {30, 18, alerts.None}, {0, 20, alerts.None}, {60, 17, alerts.None}}, 0},
		{"growth that nobody saw is told when it is seen", []sample{{0, 17, alerts.None}, {7200, 19, alerts.Fired}}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s alerts.Grown
			for _, sample := range tt.samples {
				var got alerts.Change
				if s, got = rule.Step(s, second(sample.at), sample.value); got != sample.want {
					t.Errorf("at %d s: change %v, want %v", sample.at, got, sample.want)
				}
			}
			if s.By != tt.by {
				t.Errorf("grown by %v, want %v", s.By, tt.by)
			}
		})
	}
}

func TestFlapping(t *testing.T) {
	rule := alerts.Flapping{Changes: 2, Within: 10 * time.Minute}
	tests := []struct {
		name    string
		samples []sample
	}{
		{"off and on by hand", []sample{{0, 1, alerts.None}, {60, 0, alerts.None}, {90, 1, alerts.None}, {600, 1, alerts.None}}},
		{"once more is too much", []sample{{0, 1, alerts.None}, {60, 0, alerts.None}, {90, 1, alerts.None}, {120, 0, alerts.Fired}, {150, 1, alerts.None}}},
		{"but not when it is spread", []sample{{0, 1, alerts.None}, {60, 0, alerts.None}, {90, 1, alerts.None}, {661, 0, alerts.None}}},
		{"it ends when nothing has changed for as long", []sample{
			{0, 1, alerts.None}, {60, 0, alerts.None}, {90, 1, alerts.None}, {120, 0, alerts.Fired}, {500, 1, alerts.None}, {1099, 1, alerts.None}, {1100, 1, alerts.Resolved}}},
		{"what is late changes nothing", []sample{{60, 1, alerts.None}, {0, 0, alerts.None}, {10, 1, alerts.None}, {20, 0, alerts.None}, {30, 1, alerts.None}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s alerts.Flap
			for _, sample := range tt.samples {
				var got alerts.Change
				if s, got = rule.Step(s, second(sample.at), sample.value == 1); got != sample.want {
					t.Errorf("at %d s: change %v, want %v", sample.at, got, sample.want)
				}
			}
		})
	}
}

func TestCountersAndPortsGoOnAfterOurClockIsSetBack(t *testing.T) {
	growth, flapping := alerts.Growth{Quiet: time.Minute}, alerts.Flapping{Changes: 1, Within: time.Minute}
	count, _ := growth.Step(alerts.Grown{}, second(3600), 1)
	count, _ = growth.Step(count, second(3610), 2)
	port, _ := flapping.Step(alerts.Flap{}, second(3600), true)
	port, _ = flapping.Step(port, second(3610), false)
	port, _ = flapping.Step(port, second(3620), true)
	if !count.Firing || !port.Firing {
		t.Fatal("neither fires")
	}
	count, port = count.Forget(second(0)), port.Forget(second(0))
	for at, want := range map[int]alerts.Change{0: alerts.None, 59: alerts.None, 60: alerts.Resolved} {
		c, p := count, port
		var counted, flapped alerts.Change
		for _, s := range []int{0, at} { // the first is taken as it is
			c, counted = growth.Step(c, second(s), 2)
			p, flapped = flapping.Step(p, second(s), true)
		}
		if counted != want || flapped != want {
			t.Errorf("at %d s: %v and %v, want %v", at, counted, flapped, want)
		}
	}
}

func TestCountersAndPortsFireAndResolveInTurnWhateverTheyDo(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	growth, flapping := alerts.Growth{Quiet: 2 * time.Minute}, alerts.Flapping{Changes: 2, Within: 4 * time.Minute}
	for range 200 {
		var count alerts.Grown
		var port alerts.Flap
		firing := [2]bool{}
		at := noon
		for range 300 {
			at = at.Add(time.Duration(random.IntN(120)-20) * time.Second)
			if random.IntN(50) == 0 {
				at = at.Add(-time.Hour)
				count, port = count.Forget(at), port.Forget(at)
			}
			var changes [2]alerts.Change
			count, changes[0] = growth.Step(count, at, float64(random.IntN(3)/2+random.IntN(100)/99))
			port, changes[1] = flapping.Step(port, at, random.IntN(3) == 0)
			for i, is := range [2]bool{count.Firing, port.Firing} {
				if changes[i] == alerts.Fired && firing[i] || changes[i] == alerts.Resolved && !firing[i] || is != firing[i] && changes[i] == alerts.None {
					t.Fatalf("%d: change %v, firing %v → %v", i, changes[i], firing[i], is)
				}
			}
			firing = [2]bool{count.Firing, port.Firing}
			if len(port.Changes) > 3 {
				t.Fatalf("%d changes are remembered", len(port.Changes))
			}
		}
	}
}

func TestUsageIsHeldAgainstWhatTheSwitchSays(t *testing.T) {
	rules := alerts.DefaultRules()
	for limit, want := range map[float64]float64{0.8: 0.8, 1: 1, 0: rules.PoEUsage, -1: rules.PoEUsage, 80: rules.PoEUsage} {
		if got := rules.Usage(limit); got.Limit != want || got.Clear >= got.Limit {
			t.Errorf("%v: %+v, want the limit %v and a clear level below", limit, got, want)
		}
	}
}
