package sampler_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/internal/sampler"
	"thermarack/agent/wire"
	"thermarack/agent/wire/clock"
)

// jittered runs a sampler with a jitter from 3 s before the grid on, for d.
func jittered(t *testing.T, jitter, d time.Duration, o sampler.Options) *packs {
	t.Helper()
	<-time.After(7 * time.Second)
	sink := &packs{t: t, start: time.Now()}
	o.Sink, o.Jitter = sink, jitter
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := sampler.New(o).Run(ctx); err != nil {
		t.Fatal(err)
	}
	return sink
}

func TestAPackIsHeldAndItsStampStaysOnTheGrid(t *testing.T) {
	tests := []struct {
		name          string
		jitter, takes time.Duration
		stop          time.Duration
		want          []time.Duration // of arrival, after the first stamp
	}{
		{"held until the jitter is over", 4 * time.Second, time.Second, 19500 * time.Millisecond, []time.Duration{4 * time.Second, 14 * time.Second}},
		{"not held when reading took longer", time.Second, 2 * time.Second, 19500 * time.Millisecond, []time.Duration{2 * time.Second, 12 * time.Second}},
		{"almost until the next stamp", 8999 * time.Millisecond, 0, 19500 * time.Millisecond, []time.Duration{8999 * time.Millisecond, 18999 * time.Millisecond}},
		{"what is held goes when it stops", 8 * time.Second, time.Second, 15 * time.Second, []time.Duration{8 * time.Second, 15 * time.Second}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink := jittered(t, tt.jitter, 3*time.Second+tt.stop, options(nil, probe{name: "p", delay: tt.takes}))
				var got []time.Duration
				for _, at := range sink.at {
					got = append(got, at-3*time.Second)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("arrivals (-want +got):\n%s", diff)
				}
				for i, pack := range sink.got {
					if want := fmt.Sprintf("00:00:%d0.000", i+1); pack["t"] != want {
						t.Errorf("stamp %s, want %s", pack["t"], want)
					}
				}
			})
		})
	}
}

func TestJitterGoesByTheSamplersClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(nil, probe{name: "p"})
		o.Clock = clock.Scaled(time.Now(), time.Now(), 100)
		sink := jittered(t, 5*time.Second, 270*time.Millisecond, o)
		if len(sink.at) != 2 || sink.at[1]-sink.at[0] != 100*time.Millisecond || sink.at[0]%(100*time.Millisecond) != 50*time.Millisecond {
			t.Errorf("arrivals at %v, want 50 ms after each tenth of a second", sink.at)
		}
	})
}

func TestAShelfIsSpreadEvenly(t *testing.T) {
	const nodes, bins = 108, 9
	var count [bins]int
	for i := range nodes {
		n := wire.Node(fmt.Sprintf("b827eb%06x", 0x3a41f0+i))
		jitter := sampler.Spread(n, 10*time.Second)
		if jitter < 0 || jitter >= 9*time.Second || jitter != sampler.Spread(n, 10*time.Second) {
			t.Fatalf("%s: jitter %v", n, jitter)
		}
		count[jitter/time.Second]++
	}
	for second, n := range count {
		if n < 10 || n > 14 {
			t.Errorf("%d of %d nodes publish in second %d, want 12: %v", n, nodes, second, count)
		}
	}
}

func TestTheSpreadIsWithinTheInterval(t *testing.T) {
	for _, tt := range []struct{ interval, most time.Duration }{
		{100 * time.Millisecond, 90 * time.Millisecond},
		{10 * time.Second, 9 * time.Second},
		{time.Hour, 9 * time.Second},
	} {
		largest := time.Duration(0)
		for i := range 1000 {
			largest = max(largest, sampler.Spread(wire.Node(fmt.Sprintf("%012x", i*7919)), tt.interval))
		}
		if largest >= tt.most || largest < tt.most*9/10 {
			t.Errorf("interval %v: jitters up to %v, want almost %v", tt.interval, largest, tt.most)
		}
	}
	if got := sampler.Spread("", time.Minute); got != 0 {
		t.Errorf("jitter %v of no node, want 0", got)
	}
}
