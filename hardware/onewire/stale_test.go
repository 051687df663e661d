package onewire_test

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"thermarack/hardware/onewire"
	"thermarack/hardware/onewire/w1test"
)

func TestATriggerThatWasCutShortDoesNotCount(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cut  time.Duration
		busy time.Duration // the bus is held before
	}{
		{"at once", time.Millisecond, 0},
		{"half way", 400 * time.Millisecond, 0},
		{"just before parts are done", 590 * time.Millisecond, 0},
		{"just before the kernel would be done", 740 * time.Millisecond, 0},
		{"behind a search that took as long as was missing", 500 * time.Millisecond, 400 * time.Millisecond},
		{"behind a search of 1.5 s", 300 * time.Millisecond, 1500 * time.Millisecond},
		{"behind a bus that hung", 300 * time.Millisecond, 5 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := w1test.New()
				m, probes := shelf(k, 4, w1test.Options{})
				r := onewire.NewReader(k, k)
				check(t, round(t.Context(), r, probes), degrees(4)...)
				time.Sleep(10 * time.Second)
				for i, p := range probes {
					p.Set(30 + float64(i))
				}
				m.InterruptTrigger(tt.cut)
				release := m.Hold()
				time.AfterFunc(tt.busy, release)
				check(t, round(t.Context(), r, probes), 30, 31, 32, 33)
				if got := triggers(t, k); got != 2 {
					t.Errorf("%d triggers, want 2", got)
				}
				for _, p := range probes { // by both triggers, then by itself
					if p.Conversions() != 3 {
						t.Errorf("%s converted %d times, want 3", p.Slave().Dir, p.Conversions())
					}
				}
			})
		})
	}
}

func TestATriggerBehindASearchCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := w1test.New()
		m, probes := shelf(k, 10, w1test.Options{})
		r := onewire.NewReader(k, k)
		time.AfterFunc(300*time.Millisecond, m.Hold())
		took := check(t, round(t.Context(), r, probes), degrees(10)...)
		if goal := 1250 * time.Millisecond; took > goal {
			t.Errorf("took %v, want %v at most", took, goal)
		}
	})
}

func TestALeftoverOfSomebodyElsesTriggerIsNotDelivered(t *testing.T) {
	t.Parallel()
	for _, allowed := range []bool{true, false} {
		t.Run(fmt.Sprint("bulk allowed ", allowed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := w1test.New()
				m, probes := shelf(k, 3, w1test.Options{})
				trigger(t, k, m)
				time.Sleep(time.Hour)
				for i, p := range probes {
					p.Set(30 + float64(i))
				}
				if !allowed {
					k.Deny(syscall.EACCES)
				}
				check(t, round(t.Context(), onewire.NewReader(k, k), probes), 30, 31, 32)
			})
		})
	}
}

func TestAPartThatOnlyShowsAnEarlierConversionIsStale(t *testing.T) {
	t.Parallel()
	old := string(measured(336).text("YES"))
	root := script{
		"sys/bus/w1/devices/w1_bus_master1/therm_bulk_read": {"1\n"},
		probe + "/w1_slave": {old, "", old, "", old, ""}, // what is left of a bulk conversion, then no new one
	}
	s := slave(t, probe)
	s.Master = "w1_bus_master1"
	synctest.Test(t, func(t *testing.T) {
		if got, err := onewire.Read(t.Context(), root, s); reason(err) != "stale" {
			t.Errorf("got %v, %v, want fault stale", got, err)
		}
	})
}

func TestReadAgainAtOnceMeasuresAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := w1test.New()
		_, probes := shelf(k, 3, w1test.Options{})
		r := onewire.NewReader(k, k)
		check(t, round(t.Context(), r, probes[:2]), 20, 21)
		for _, p := range probes {
			p.Set(30)
		}
		check(t, round(t.Context(), r, probes[:2]), 30, 30)
		for _, p := range probes {
			p.Set(40)
		}
		time.Sleep(2 * time.Second) // what was measured at 30 °C is too old now
		check(t, round(t.Context(), r, probes[2:]), 40)
		if got := triggers(t, k); got != 3 {
			t.Errorf("%d triggers, want 3", got)
		}
	})
}

func TestAPowerOnValueAfterABulkConversionIsMeasuredAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := w1test.New()
		_, probes := shelf(k, 10, w1test.Options{})
		r := onewire.NewReader(k, k)
		for n := 1; n <= 2; n++ {
			time.AfterFunc(700*time.Millisecond, func() { // their power fails for a moment
				for _, p := range probes[:9] {
					p.Plug()
				}
			})
			check(t, round(t.Context(), r, probes), degrees(10)...)
			if got, want := conversions(probes), n*(10+9); got != want {
				t.Errorf("%d conversions after %d rounds, want %d", got, n, want)
			}
			time.Sleep(9 * time.Second)
		}
	})
}

func TestTwoReadsOfOnePartShareAConversion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := w1test.New()
		_, probes := shelf(k, 1, w1test.Options{})
		r := onewire.NewReader(k, nil)
		for n := 1; n <= 2; n++ {
			check(t, round(t.Context(), r, append(probes, probes...)), 20, 20)
			if got := probes[0].Conversions(); got != n {
				t.Errorf("%d conversions after %d rounds", got, n)
			}
		}
	})
}

func TestATriggerUnderWayIsNotDisturbed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := w1test.New()
		m, probes := shelf(k, 3, w1test.Options{})
		var other sync.WaitGroup
		other.Go(func() { trigger(t, k, m) })
		time.Sleep(300 * time.Millisecond)
		check(t, round(t.Context(), onewire.NewReader(k, k), probes), 20, 21, 22)
		other.Wait()
		if got := triggers(t, k); got != 1 {
			t.Errorf("%d triggers, want only somebody else's", got)
		}
	})
}

// trigger is another program's.
func trigger(t *testing.T, k *w1test.Kernel, m *w1test.Master) {
	t.Helper()
	w, err := k.OpenWriter("sys/bus/w1/devices/" + m.Name() + "/therm_bulk_read")
	if err != nil {
		t.Error(err)
		return
	}
	if _, err := w.Write([]byte("trigger\n")); err != nil {
		t.Error(err)
	}
}

func TestNoTriggerWhileAPartIsReadByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := w1test.New()
		_, probes := shelf(k, 3, w1test.Options{})
		r := onewire.NewReader(k, k)
		probes[0].Unplug()
		var all sync.WaitGroup
		all.Go(func() { // for two seconds
			if got := round(t.Context(), r, probes[:1]); got[0].reason != "no-device" {
				t.Errorf("the absent one: %+v", got[0])
			}
		})
		time.Sleep(1900 * time.Millisecond) // the bulk conversion is too old now
		check(t, round(t.Context(), r, probes[1:]), 21, 22)
		all.Wait()
		if got := triggers(t, k); got != 1 {
			t.Errorf("%d triggers, want 1", got)
		}
	})
}

func TestWhatTheKernelHeldTooLongIsMeasuredAgain(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		n    int
		hold time.Duration
	}{
		{"a conversion of its own", 1, 400 * time.Millisecond},
		{"after a bulk conversion", 2, 750 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := w1test.New()
				m, probes := shelf(k, tt.n, w1test.Options{})
				r := onewire.NewReader(k, k)
				time.AfterFunc(tt.hold, func() { // once it converts
					time.AfterFunc(30*time.Second, m.Hold())
				})
				ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
				defer cancel()
				if got := round(ctx, r, probes); got[0].reason != "timeout" {
					t.Errorf("got %+v, want timeout", got[0])
				}
				probes[0].Set(50)
				check(t, round(t.Context(), r, probes[:1]), 50)
			})
		})
	}
}
