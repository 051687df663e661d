package onewire_test

import (
	"context"
	"io/fs"
	"path"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"thermarack/hardware/onewire"
	"thermarack/hardware/onewire/w1test"
)

func TestAnAbsentProbeDelaysNoOther(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		bulk bool
		took time.Duration // three tries, all but the bulk one with a conversion
	}{
		{"bulk", true, 3100 * time.Millisecond},
		{"no bulk", false, 3500 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := w1test.New()
				if !tt.bulk {
					k.Deny(syscall.EACCES)
				}
				_, probes := shelf(k, 10, w1test.Options{})
				r := onewire.NewReader(k, k)
				check(t, round(t.Context(), r, probes), degrees(10)...)
				probes[4].Unplug()
				time.Sleep(9 * time.Second)
				got := round(t.Context(), r, probes)
				if got[4].reason != "no-device" || got[4].took > tt.took {
					t.Errorf("the absent one: %+v, want no-device within %v", got[4], tt.took)
				}
				took := check(t, append(got[:4:4], got[5:]...), append(degrees(4), degrees(10)[5:]...)...)
				if goal := 1200 * time.Millisecond; took > goal {
					t.Errorf("the others took %v, want %v at most", took, goal)
				}
				probes[4].Plug()
				time.Sleep(9 * time.Second)
				check(t, round(t.Context(), r, probes), degrees(10)...)
			})
		})
	}
}

func TestASignalCostsOneMoreConversion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := w1test.New()
		_, probes := shelf(k, 1, w1test.Options{})
		probes[0].Interrupt(200 * time.Millisecond)
		check(t, round(t.Context(), onewire.NewReader(k, k), probes), 20)
		if n := probes[0].Conversions(); n != 2 {
			t.Errorf("%d conversions, want 2", n)
		}
	})
}

func TestPartsThatHoldTheBusTakeTurns(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]w1test.Options{"parasite power": {Parasite: true}, "the kernel polls": {Polls: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := w1test.New()
				_, probes := shelf(k, 6, o)
				r := onewire.NewReader(k, nil)
				check(t, round(t.Context(), r, probes), degrees(6)...)
				checkTurns(t, r, probes)
			})
		})
	}
}

func TestPartsThatDidNotSayHowTheyArePoweredAreAskedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := w1test.New()
		_, probes := shelf(k, 6, w1test.Options{Parasite: true})
		r := onewire.NewReader(k, nil)
		for _, p := range probes {
			p.Unplug()
		}
		for _, a := range round(t.Context(), r, probes) {
			if a.reason != "no-device" {
				t.Errorf("unplugged: %+v, want no-device", a)
			}
		}
		for _, p := range probes {
			p.Plug()
		}
		check(t, round(t.Context(), r, probes), degrees(6)...)
		checkTurns(t, r, probes)
	})
}

// checkTurns reads probes for two seconds only: whoever is late must not be left
// in the kernel's line, but for the one that converts then.
func checkTurns(t *testing.T, r *onewire.Reader, probes []*w1test.Probe) {
	t.Helper()
	before := conversions(probes)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	good, late := 0, 0
	for _, a := range round(ctx, r, probes) {
		switch {
		case a.reason == "" && a.took <= 2*time.Second:
			good++
		case a.reason == "timeout" && a.took == 2*time.Second:
			late++
		default:
			t.Errorf("answer %+v", a)
		}
	}
	time.Sleep(5 * time.Second)
	if n := conversions(probes) - before; good < 2 || late < 2 || n != good+1 {
		t.Errorf("%d good, %d late, %d conversions", good, late, n)
	}
}

func conversions(probes []*w1test.Probe) (n int) {
	for _, p := range probes {
		n += p.Conversions()
	}
	return n
}

func TestABusOnParasitePowerConvertsInBulkToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := w1test.New()
		_, probes := shelf(k, 6, w1test.Options{Parasite: true})
		if took := check(t, round(t.Context(), onewire.NewReader(k, k), probes), degrees(6)...); took > time.Second {
			t.Errorf("took %v, want a second at most", took)
		}
	})
}

func TestMastersWorkSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := w1test.New()
		var probes []*w1test.Probe
		var want []float64
		for range 4 {
			_, more := shelf(k, 5, w1test.Options{})
			probes, want = append(probes, more...), append(want, degrees(5)...)
		}
		hungBus, hung := shelf(k, 3, w1test.Options{})
		r := onewire.NewReader(k, k)
		release := hungBus.Hold()
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
			got := round(ctx, r, append(probes[:len(probes):len(probes)], hung...))
			cancel()
			if took := check(t, got[:20], want...); took > 850*time.Millisecond {
				t.Errorf("the healthy buses took %v, want 850 ms at most", took)
			}
			for _, a := range got[20:] {
				if a.reason != "timeout" {
					t.Errorf("the hung bus: %+v, want timeout", a)
				}
			}
		}
		if got := triggers(t, k); got != 3*4+1 {
			t.Errorf("%d triggers, want 12 and one that hangs", got)
		}
		release()
		for i, p := range hung {
			p.Set(50 + float64(i))
		}
		check(t, round(t.Context(), r, hung), 50, 51, 52)
		time.Sleep(9 * time.Second)
		check(t, round(t.Context(), r, hung), 50, 51, 52)
	})
}

// A counting root counts how often each file is opened.
type counting struct {
	*w1test.Kernel
	mu     sync.Mutex
	opened map[string]int // by the file's own name
}

func (c *counting) Open(name string) (fs.File, error) {
	c.mu.Lock()
	c.opened[path.Base(name)]++
	c.mu.Unlock()
	return c.Kernel.Open(name)
}

func TestWhatDoesNotChangeIsAskedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		root := &counting{Kernel: w1test.New(), opened: map[string]int{}}
		_, probes := shelf(root.Kernel, 7, w1test.Options{})
		r := onewire.NewReader(root, root)
		const rounds = 10
		for range rounds {
			check(t, round(t.Context(), r, probes), degrees(7)...)
			time.Sleep(9 * time.Second)
		}
		root.Deny(syscall.EACCES)
		for range rounds {
			check(t, round(t.Context(), r, probes), degrees(7)...)
			time.Sleep(9 * time.Second)
		}
		root.mu.Lock()
		defer root.mu.Unlock()
		for file, want := range map[string]int{
			"conv_time": 7, "resolution": 0, "ext_power": 7, "features": 7, "temperature": 0,
			"w1_slave": 2 * rounds * 7, "w1_master_slaves": 2 * rounds,
		} {
			if got := root.opened[file]; got != want {
				t.Errorf("%s opened %d times, want %d", file, got, want)
			}
		}
	})
}

func TestAHungTriggerIsNotWatchedForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		root := &counting{Kernel: w1test.New(), opened: map[string]int{}}
		m, probes := shelf(root.Kernel, 7, w1test.Options{})
		r := onewire.NewReader(root, root)
		release := m.Hold()
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
			round(ctx, r, probes)
			cancel()
		}
		root.mu.Lock()
		if n := root.opened["therm_bulk_read"]; n > 200 {
			t.Errorf("looked at the flag %d times in a quarter of an hour, want 200 at most", n)
		}
		root.mu.Unlock()
		release()
		check(t, round(t.Context(), r, probes), degrees(7)...)
	})
}

func TestAnotherResolutionIsLearntFromATriggerThatEndsTooSoon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := w1test.New()
		_, probes := shelf(k, 5, w1test.Options{})
		r := onewire.NewReader(k, k)
		check(t, round(t.Context(), r, probes), degrees(5)...)
		for _, p := range probes {
			p.SetBits(9)
		}
		var took time.Duration
		for range 2 {
			time.Sleep(9 * time.Second)
			took = check(t, round(t.Context(), r, probes), degrees(5)...)
		}
		if took > 200*time.Millisecond {
			t.Errorf("the second round took %v, want 200 ms at most", took)
		}
	})
}
