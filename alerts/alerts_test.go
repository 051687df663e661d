package alerts_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"thermarack/alerts"
)

// played is one sample a minute, and what each is to do.
type played struct {
	value float64
	want  alerts.Change
}

func play(t *testing.T, rule alerts.Threshold, samples []played) alerts.State {
	t.Helper()
	var s alerts.State
	at := time.Unix(1.8e9, 0)
	for i, p := range samples {
		var got alerts.Change
		s, got = rule.Step(s, at.Add(time.Duration(i)*time.Minute), p.value)
		if got != p.want {
			t.Errorf("sample %d (%v): change %v, want %v", i, p.value, got, p.want)
		}
	}
	return s
}

func TestThreshold(t *testing.T) {
	hot := alerts.Threshold{Limit: 45, Clear: 43, For: 2 * time.Minute}
	fan := alerts.Threshold{Limit: 40, Clear: 42, Below: true}
	tests := []struct {
		name    string
		rule    alerts.Threshold
		samples []played
	}{
		{"fires after For, and resolves at the clear level only", hot, []played{
			{44, alerts.None}, {46, alerts.Began}, {46, alerts.None}, {46, alerts.Fired}, {47, alerts.None}, {44, alerts.None}, {43, alerts.Resolved}}},
		{"a short excursion ends without a page", hot, []played{
			{46, alerts.Began}, {45, alerts.Ended}, {46, alerts.Began}, {46, alerts.None}, {46, alerts.Fired}}},
		{"the limit itself is not beyond", hot, []played{{45, alerts.None}, {45, alerts.None}}},
		{"without For the first sample fires", alerts.Threshold{Limit: 45, Clear: 43}, []played{{46, alerts.Fired}, {43, alerts.Resolved}}},
		{"below, for a fan", fan, []played{{50, alerts.None}, {0, alerts.Fired}, {41, alerts.None}, {42, alerts.Resolved}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { play(t, tt.rule, tt.samples) })
	}
}

func TestASampleDeliveredTwiceOrLateChangesNothing(t *testing.T) {
	rule := alerts.Threshold{Limit: 45, Clear: 43}
	at := time.Unix(1.8e9, 0)
	s, change := rule.Step(alerts.State{}, at, 46)
	if change != alerts.Fired {
		t.Fatalf("change %v", change)
	}
	for _, late := range []time.Time{at, at.Add(-time.Hour)} {
		if again, change := rule.Step(s, late, 20); change != alerts.None || again != s {
			t.Errorf("at %v: %v, %v", late, again, change)
		}
	}
}

func TestAnExcursionBeginsAnewAfterALongSilence(t *testing.T) {
	rule := alerts.DefaultRules().Temperature(45)
	at := time.Unix(1.8e9, 0)
	s, _ := rule.Step(alerts.State{}, at, 50)
	s, change := rule.Step(s, at.Add(24*time.Hour), 50)
	if change == alerts.Fired || !s.Since.Equal(at.Add(24*time.Hour)) {
		t.Errorf("one sample a day: %v, since %v", change, s.Since)
	}
	if _, change = rule.Step(s, at.Add(24*time.Hour+2*time.Minute), 50); change != alerts.Fired {
		t.Errorf("change %v, want it to fire from there", change)
	}
}

func TestFiredAndResolvedPairUpForAnyStream(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		rule := alerts.Threshold{Limit: 45, Clear: 45 - 3*random.Float64(), For: time.Duration(random.IntN(5)) * time.Minute}
		var s alerts.State
		firing := false
		at := time.Unix(1.8e9, 0)
		for range 300 {
			at = at.Add(time.Duration(random.IntN(200)-20) * time.Second)
			var change alerts.Change
			s, change = rule.Step(s, at, 40+10*random.Float64())
			if change == alerts.Fired && firing || change == alerts.Resolved && !firing {
				t.Fatalf("change %v while firing = %v", change, firing)
			}
			if change == alerts.Fired || change == alerts.Resolved {
				firing = !firing
			}
			if s.Firing != firing || s.Firing && s.Pending() {
				t.Fatalf("state %+v while firing = %v", s, firing)
			}
		}
	}
}

func TestJudge(t *testing.T) {
	tests := []struct {
		name                  string
		failing, heard, total int
		want                  alerts.Verdict
	}{
		{"no tachometers", 0, 0, 0, alerts.Unknown},
		{"never heard of", 0, 0, 2, alerts.Unknown},
		{"both turn", 0, 2, 2, alerts.Healthy},
		{"one turns, one was never heard of", 0, 1, 2, alerts.Healthy},
		{"one is dead", 1, 2, 2, alerts.Degraded},
		{"one is dead, one was never heard of", 1, 1, 2, alerts.Degraded},
		{"both are dead", 2, 2, 2, alerts.Failed},
	}
	for _, tt := range tests {
		if got := alerts.Judge(tt.failing, tt.heard, tt.total); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
