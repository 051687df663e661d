package tach_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"thermarack/hardware/fault"
	"thermarack/hardware/tach"
)

const us = time.Microsecond

// fan5000 is a second of a fan at 5000 RPM with two pulses a revolution.
func fan5000() []time.Duration { return every(6*ms, 3*ms, time.Second) }

// held returns edges as a reader gets them who is away from one time to another:
// all at its return, the oldest beyond the kernel's queue lost.
func held(edges []time.Duration, from, to time.Duration) []time.Duration {
	var got, waiting []time.Duration
	for _, at := range edges {
		switch {
		case at < from || at >= to:
			got = append(got, at)
		default:
			waiting = append(waiting, to+time.Duration(len(waiting))*20*us)
		}
	}
	got = append(got, waiting[:min(len(waiting), 16)]...)
	slices.Sort(got)
	return got
}

// bounced returns edges with so many extra ones right behind each.
func bounced(edges []time.Duration, extra int) []time.Duration {
	var got []time.Duration
	for _, at := range edges {
		for i := range extra + 1 {
			got = append(got, at+time.Duration(i)*30*us)
		}
	}
	return got
}

// uneven returns pairs of pulses, the first of each pair followed after share of
// a revolution.
func uneven(share float64) []time.Duration {
	var edges []time.Duration
	for _, at := range every(12*ms, 3*ms, time.Second) {
		edges = append(edges, at, at+time.Duration(share*float64(12*ms)))
	}
	return edges
}

func TestSpeed(t *testing.T) {
	t.Parallel()
	busy := fan5000()
	for at := 50 * ms; at < 950*ms; at += 100 * ms {
		busy = held(busy, at, at+25*ms)
	}
	for _, tt := range []struct {
		name     string
		train    tach.Train
		speed    float64
		within   float64 // of the speed
		glitches int
		want     string // fault
	}{
		{"steady", tach.Train{Edges: fan5000()}, 1 / 0.012, 1e-9, 0, ""},
		{"one edge late", tach.Train{Edges: held(fan5000(), 400*ms, 404*ms)}, 1 / 0.012, 1e-9, 0, ""},
		{"the reader is away for 60 ms", tach.Train{Edges: held(fan5000(), 400*ms, 460*ms)}, 1 / 0.012, 0.01, 0, ""},
		{"the reader is away for so long that edges are lost", tach.Train{Edges: held(fan5000(), 400*ms, 700*ms)}, 1 / 0.012, 0.02, 0, ""},
		{"the reader is away at the start", tach.Train{Edges: held(fan5000(), 0, 80*ms)}, 1 / 0.012, 0.02, 0, ""},
		{"the reader is away at the end", tach.Train{Edges: held(fan5000(), 900*ms, 1100*ms)}, 1 / 0.012, 0.02, 0, ""},
		{"a busy machine", tach.Train{Edges: busy}, 1 / 0.012, 0.02, 0, ""},
		{"each edge bounces once", tach.Train{Edges: bounced(fan5000(), 1)}, 1 / 0.012, 1e-9, 166, ""},
		{"each edge bounces twice: too much to believe", tach.Train{Edges: bounced(fan5000(), 2)}, 0, 0, 332, fault.Range},
		{"pulses at 40 and 60 % of a revolution", tach.Train{Edges: uneven(0.4)}, 1 / 0.012, 0.01, 0, ""},
		{"pulses at 30 and 70 %", tach.Train{Edges: uneven(0.3)}, 1 / 0.012, 0.01, 0, ""},
		{"nothing", tach.Train{Silence: time.Second}, 0, 0, 0, ""},
		{"one stray edge", tach.Train{Edges: []time.Duration{400 * ms}, Silence: 600 * ms}, 0, 0, 1, ""},
		{"two stray edges are no speed", tach.Train{Edges: []time.Duration{900 * ms, 920 * ms}, Silence: 900 * ms}, 0, 0, 2, ""},
		{"the fan stopped during the measurement", tach.Train{Edges: fan5000()[:100], Silence: 400 * ms}, 0, 0, 100, ""},
		{"a silence that a slow fan may have", tach.Train{Edges: every(300*ms, 0, 3*time.Second), Silence: 300 * ms}, 1 / 0.6, 1e-9, 0, ""},
		{"faster than a fan can turn", tach.Train{Edges: append(every(1100*us, 0, 45*ms), bounced(every(1700*us, 46*ms, 97*ms), 1)...)}, 0, 0, 0, fault.Range},
		{"25 kHz from the fan's own drive", tach.Train{Edges: every(40*us, 0, 50*ms)}, 0, 0, 1250, fault.Range},
	} {
		got, glitches, err := tach.Speed(tt.train, 2)
		reason, _ := fault.Of(err)
		if math.Abs(got-tt.speed) > tt.within*tt.speed || glitches != tt.glitches || reason != tt.want {
			t.Errorf("%s: %v/s, %d glitches, %v; want %v/s, %d, %q", tt.name, got, glitches, err, tt.speed, tt.glitches, tt.want)
		}
	}
}

func TestStepGivesAFanTimeToStart(t *testing.T) {
	t.Parallel()
	type at struct {
		second float64
		speed  float64
		want   tach.Phase
	}
	for _, tt := range []struct {
		name  string
		steps []at
	}{
		{"a fan that turns when first looked at", []at{{0, 40, tach.Starting}, {4.9, 40, tach.Starting}, {5, 40, tach.Turning}, {15, 38, tach.Turning}}},
		{"a dead fan", []at{{0, 0, tach.Starting}, {10, 0, tach.Stopped}, {20, 0, tach.Stopped}}},
		{"a fan that fails is stopped at once", []at{{0, 40, tach.Starting}, {10, 40, tach.Turning}, {20, 0, tach.Stopped}}},
		{"and gets time when it comes back", []at{{0, 0, tach.Starting}, {10, 0, tach.Stopped}, {20, 3, tach.Starting}, {22, 20, tach.Starting}, {25, 40, tach.Turning}}},
		{"a start in jerks", []at{{0, 0, tach.Starting}, {10, 0, tach.Stopped}, {20, 3, tach.Starting}, {22, 0, tach.Starting}, {24, 9, tach.Starting}, {26, 40, tach.Turning}}},
		{"a start that fails", []at{{0, 0, tach.Starting}, {10, 0, tach.Stopped}, {20, 3, tach.Starting}, {30, 0, tach.Stopped}}},
	} {
		epoch := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		var s tach.State
		for _, step := range tt.steps {
			s = tach.Step(s, epoch.Add(time.Duration(step.second*float64(time.Second))), step.speed)
			if s.Phase != step.want {
				t.Errorf("%s: at %v s: %v, want %v", tt.name, step.second, s.Phase, step.want)
			}
		}
	}
}

func FuzzSpeed(f *testing.F) {
	f.Add([]byte{60, 60, 60, 60, 60}, 2, uint32(0))
	f.Add([]byte{200, 0, 0, 0, 200, 0, 0}, 1, uint32(300))
	f.Add([]byte{}, 4, uint32(1000))
	f.Fuzz(func(t *testing.T, gaps []byte, pulses int, silence uint32) {
		if pulses < 1 || pulses > 64 {
			t.Skip()
		}
		train := tach.Train{Silence: time.Duration(silence) * us}
		var at time.Duration
		for _, g := range gaps {
			at += time.Duration(g) * time.Duration(g) * us
			train.Edges = append(train.Edges, at)
		}
		speed, glitches, err := tach.Speed(train, pulses)
		if glitches < 0 || glitches > len(gaps) {
			t.Errorf("%d glitches of %d edges", glitches, len(gaps))
		}
		if reason, _ := fault.Of(err); err != nil && (reason != fault.Range || speed != 0) {
			t.Errorf("%v, %v: want no value and a reason", speed, err)
		}
		if math.IsNaN(speed) || speed < 0 || speed > 500 {
			t.Errorf("speed %v", speed)
		}
	})
}
