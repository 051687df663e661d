package onewire_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/hardware/onewire"
	"thermarack/hardware/onewire/w1test"
)

// shelf is a fake bus of n thermometers; number i is at 20+i °C.
func shelf(k *w1test.Kernel, n int, o w1test.Options) (*w1test.Master, []*w1test.Probe) {
	m := k.AddMaster()
	var probes []*w1test.Probe
	for i := range n {
		probes = append(probes, m.Add(fmt.Sprintf("28-0000%s%06x", m.Name()[len("w1_bus_master"):]+"0", i), 20+float64(i), o))
	}
	return m, probes
}

// An answer is what one read brought: a temperature, or the reason why not.
type answer struct {
	celsius float64
	reason  string
	took    time.Duration
}

// round reads all probes at the same time.
func round(ctx context.Context, r *onewire.Reader, probes []*w1test.Probe) []answer {
	answers := make([]answer, len(probes))
	var all sync.WaitGroup
	for i, p := range probes {
		all.Go(func() {
			start := time.Now()
			celsius, err := r.Read(ctx, p.Slave())
			answers[i] = answer{celsius, reason(err), time.Since(start)}
			if err != nil && answers[i].reason == "" {
				answers[i].reason = err.Error()
			}
		})
	}
	all.Wait()
	return answers
}

// check compares the temperatures with want and returns how long the slowest took.
func check(t *testing.T, got []answer, want ...float64) (slowest time.Duration) {
	t.Helper()
	for i, a := range got {
		if a.reason != "" || a.celsius != want[i] {
			t.Errorf("probe %d: got %v %q after %v, want %v", i, a.celsius, a.reason, a.took, want[i])
		}
		slowest = max(slowest, a.took)
	}
	return slowest
}

// degrees is 20, 21, 22 and so on.
func degrees(n int) (list []float64) {
	for i := range n {
		list = append(list, 20+float64(i))
	}
	return list
}

// triggers counts the bulk conversions and fails the test if anything else was
// ever written.
func triggers(t *testing.T, k *w1test.Kernel) (n int) {
	t.Helper()
	for _, w := range k.Writes() {
		if ok, _ := path.Match("sys/bus/w1/devices/w1_bus_master*/therm_bulk_read", w.Name); !ok || w.Data != "trigger\n" {
			t.Errorf("wrote %q to %s", w.Data, w.Name)
		}
		n++
	}
	return n
}

func TestARoundTakesOneConversionForAll(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, 5, 10, 20} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := w1test.New()
				_, probes := shelf(k, n, w1test.Options{})
				r := onewire.NewReader(k, k)
				for i := range 3 {
					took := check(t, round(t.Context(), r, probes), degrees(n)...)
					if goal := 750*time.Millisecond + time.Duration(n)*20*time.Millisecond; took > goal {
						t.Errorf("round %d took %v, want %v at most", i, took, goal)
					}
					if got := triggers(t, k); got != i+1 {
						t.Errorf("%d triggers after %d rounds", got, i+1)
					}
					time.Sleep(10 * time.Second)
				}
				for _, p := range probes {
					if p.Conversions() != 3 {
						t.Errorf("%s converted %d times, want 3", p.Slave().Dir, p.Conversions())
					}
				}
			})
		})
	}
}

func TestWithoutPermissionPartsConvertBesideEachOther(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		refuse func(*w1test.Kernel, *w1test.Master) onewire.Opener
		reason error
	}{
		{"not root", func(k *w1test.Kernel, _ *w1test.Master) onewire.Opener { k.Deny(syscall.EACCES); return k }, fs.ErrPermission},
		{"forbidden", func(k *w1test.Kernel, _ *w1test.Master) onewire.Opener { k.Deny(syscall.EPERM); return k }, fs.ErrPermission},
		{"sysfs is read-only", func(k *w1test.Kernel, _ *w1test.Master) onewire.Opener { k.Deny(syscall.EROFS); return k }, syscall.EROFS},
		{"not on this master", func(k *w1test.Kernel, m *w1test.Master) onewire.Opener { m.HideBulk(); return k }, fs.ErrNotExist},
		{"no opener", func(*w1test.Kernel, *w1test.Master) onewire.Opener { return nil }, errors.ErrUnsupported},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const n = 10
				k := w1test.New()
				m, probes := shelf(k, n, w1test.Options{})
				r := onewire.NewReader(k, tt.refuse(k, m))
				if err := r.Bulk(m.Name()); !errors.Is(err, tt.reason) {
					t.Errorf("Bulk = %v, want %v", err, tt.reason)
				}
				check(t, round(t.Context(), r, probes), degrees(n)...) // asks for the power as well
				took := check(t, round(t.Context(), r, probes), degrees(n)...)
				if goal := 750*time.Millisecond + n*35*time.Millisecond; took > goal {
					t.Errorf("a round took %v, want %v at most", took, goal)
				}
				if got := triggers(t, k); got != 0 {
					t.Errorf("%d triggers, want none", got)
				}
			})
		})
	}
}

func TestBulkIsAllRightWhereNothingIsToBeGained(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := w1test.New()
		k.Deny(syscall.EACCES)
		one, probes := shelf(k, 1, w1test.Options{})
		one.Add("42-000000000001", 30, w1test.Options{}) // takes no part
		r := onewire.NewReader(k, k)
		if err := r.Bulk(one.Name()); err != nil {
			t.Errorf("one probe: %v", err)
		}
		k.Deny(nil)
		check(t, round(t.Context(), r, probes), 20)
		two, _ := shelf(k, 2, w1test.Options{})
		if err := r.Bulk(two.Name()); err != nil {
			t.Errorf("as root: %v", err)
		}
		if got := triggers(t, k); got != 0 {
			t.Errorf("%d triggers for a single probe, want none", got)
		}
	})
}

func TestATriggerThatWasCutShortDoesNotCount(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cut  time.Duration
		busy time.Duration // the bus is held before
	}{
		{"at once", time.Millisecond, 0},
		{"half way", 400 * time.Millisecond, 0},
		{"just before the end", 590 * time.Millisecond, 0},
		{"behind a search that took as long as was missing", 500 * time.Millisecond, 400 * time.Millisecond},
		{"behind a search of 1.5 s", 300 * time.Millisecond, 1500 * time.Millisecond},
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
				other, err := k.OpenWriter("sys/bus/w1/devices/" + m.Name() + "/therm_bulk_read")
				if err != nil {
					t.Fatal(err)
				}
				if _, err := other.Write([]byte("trigger\n")); err != nil {
					t.Fatal(err)
				}
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

func TestAnAbsentProbeDelaysNoOther(t *testing.T) {
	t.Parallel()
	for _, bulk := range []bool{true, false} {
		t.Run(fmt.Sprint("bulk ", bulk), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := w1test.New()
				if !bulk {
					k.Deny(syscall.EACCES)
				}
				_, probes := shelf(k, 10, w1test.Options{})
				r := onewire.NewReader(k, k)
				check(t, round(t.Context(), r, probes), degrees(10)...)
				probes[4].Unplug()
				time.Sleep(9 * time.Second)
				got := round(t.Context(), r, probes)
				if got[4].reason != "no-device" || got[4].took > 5*time.Second {
					t.Errorf("the absent one: %+v, want no-device", got[4])
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

func TestPartsOnParasitePowerTakeTurns(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]w1test.Options{"parasite": {Parasite: true}, "polls": {Polls: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := w1test.New()
				_, probes := shelf(k, 6, o)
				r := onewire.NewReader(k, nil)
				check(t, round(t.Context(), r, probes), degrees(6)...)
				before := 0
				for _, p := range probes {
					before += p.Conversions()
				}
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
				after := 0
				for _, p := range probes {
					after += p.Conversions()
				}
				// Whoever is late is not left in the kernel's line, but for the one
				// that was converting.
				if good < 2 || late < 2 || after-before != good+1 {
					t.Errorf("%d good, %d late, %d conversions", good, late, after-before)
				}
			})
		})
	}
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

func TestAFamilyThatTakesNoPartConvertsBesideTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := w1test.New()
		m, probes := shelf(k, 5, w1test.Options{})
		probes = append(probes, m.Add("42-000000000001", 40, w1test.Options{}))
		r := onewire.NewReader(k, k)
		for range 2 {
			if took := check(t, round(t.Context(), r, probes), 20, 21, 22, 23, 24, 40); took > 900*time.Millisecond {
				t.Errorf("took %v, want 900 ms at most", took)
			}
			time.Sleep(9 * time.Second)
		}
		if got := triggers(t, k); got != 2 {
			t.Errorf("%d triggers, want 2", got)
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
		if diff := cmp.Diff(3, triggers(t, k)); diff != "" {
			t.Errorf("triggers (-want +got):\n%s", diff)
		}
	})
}

func TestAPowerOnValueAfterABulkConversionIsMeasuredAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := w1test.New()
		_, probes := shelf(k, 3, w1test.Options{})
		r := onewire.NewReader(k, k)
		time.AfterFunc(700*time.Millisecond, probes[1].Plug) // its power fails for a moment
		check(t, round(t.Context(), r, probes), 20, 21, 22)
	})
}

func TestCoarserPartsAreNotWaitedForLonger(t *testing.T) {
	t.Parallel()
	for bits, wait := range map[int]time.Duration{9: 95, 10: 190, 11: 375} {
		t.Run(fmt.Sprint(bits), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := w1test.New()
				_, probes := shelf(k, 5, w1test.Options{Bits: bits})
				took := check(t, round(t.Context(), onewire.NewReader(k, k), probes), degrees(5)...)
				if goal := wait*time.Millisecond + 100*time.Millisecond; took > goal {
					t.Errorf("took %v, want %v at most", took, goal)
				}
				if got := triggers(t, k); got != 1 {
					t.Errorf("%d triggers, want 1", got)
				}
			})
		})
	}
}
