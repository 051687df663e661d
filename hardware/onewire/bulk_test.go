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
	for _, n := range []int{2, 5, 10, 20} { // one alone has no bulk conversion
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := w1test.New()
				_, probes := shelf(k, n, w1test.Options{})
				r := onewire.NewReader(k, k)
				for i := range 3 {
					took := check(t, round(t.Context(), r, probes), degrees(n)...)
					if goal := conversion + time.Duration(n)*20*time.Millisecond; took > goal {
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

func TestARoundWithoutBulkIsWithinItsGoal(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 5, 10, 20} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := w1test.New()
				_, probes := shelf(k, n, w1test.Options{})
				r := onewire.NewReader(k, nil)
				for i := range 2 { // the first asks for the power as well
					took := check(t, round(t.Context(), r, probes), degrees(n)...)
					if goal := conversion + time.Duration(n)*35*time.Millisecond; took > goal {
						t.Errorf("round %d took %v, want %v at most", i, took, goal)
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
				took := check(t, round(t.Context(), r, probes), degrees(n)...)
				if goal := conversion + n*35*time.Millisecond; took > goal {
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
