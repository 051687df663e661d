package ds2482_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/hardware/ds2482"
	"thermarack/hardware/ds2482/ds2482test"
	"thermarack/hardware/fault"
)

// readTogether reads all probes at once, and returns what came and how long it took.
func readTogether(ctx context.Context, r *ds2482.Reader, probes []ds2482.Probe) ([]reading, time.Duration) {
	start := time.Now()
	got := make([]reading, len(probes))
	var all sync.WaitGroup
	for i, p := range probes {
		all.Go(func() {
			celsius, err := r.Read(ctx, p)
			got[i] = reading{celsius, reason(err)}
		})
	}
	all.Wait()
	return got, time.Since(start)
}

func TestReadersShareAConversion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := eight(
			&ds2482test.Line{Probes: []*ds2482test.Probe{probe(1, 21), probe(2, 22), probe(3, 23)}},
			&ds2482test.Line{Probes: []*ds2482test.Probe{probe(1, 24), probe(5, 25)}},
		)
		sim.Lines[1].Probes[1].Gone = true
		reader := ds2482.NewReader(ds2482.New(sim, 0x1f))
		want := []reading{{Celsius: 21}, {Celsius: 22}, {Celsius: 23}, {Celsius: 24}, {Fault: fault.Floating}}
		for range 3 {
			got, took := readTogether(t.Context(), reader, all(sim))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if took > 950*time.Millisecond {
				t.Errorf("took %v, want one conversion for all", took)
			}
			time.Sleep(10*time.Second - took)
		}
	})
}

func TestAReadDuringARoundGetsAConversionOfItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := single(probe(1, 21))
		reader := ds2482.NewReader(ds2482.New(sim, 0x18))
		// Too late for the conversion under way.
		after(200*time.Millisecond, sim, func() { sim.Lines[0].Probes[0].Celsius = 31 })
		var first sync.WaitGroup
		first.Go(func() {
			if got, err := reader.Read(t.Context(), all(sim)[0]); got != 21 || err != nil {
				t.Errorf("the first read: %v, %v", got, err)
			}
		})
		time.Sleep(200 * time.Millisecond)
		got, took := readTogether(t.Context(), reader, append(all(sim), all(sim)...))
		if diff := cmp.Diff([]reading{{Celsius: 31}, {Celsius: 31}}, got); diff != "" {
			t.Errorf("the second read (-want +got):\n%s", diff)
		}
		if took > 1500*time.Millisecond {
			t.Errorf("took %v, want the rest of one round and another", took)
		}
		first.Wait()
	})
}

func TestOneWhoGivesUpDoesNotEndTheRoundOfTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := single(probe(1, 21), probe(2, 22))
		reader := ds2482.NewReader(ds2482.New(sim, 0x18))
		var hasty sync.WaitGroup
		hasty.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if _, err := reader.Read(ctx, all(sim)[0]); reason(err) != fault.Timeout {
				t.Errorf("the hasty one: %v, want fault timeout", err)
			}
		})
		if got, err := reader.Read(t.Context(), all(sim)[1]); got != 22 || err != nil {
			t.Errorf("the patient one: %v, %v, want 22", got, err)
		}
		hasty.Wait()
	})
}

func TestARoundEndsWhenNobodyWaits(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{10 * time.Millisecond, 200 * time.Millisecond} { // while it gathers, while it waits
		synctest.Test(t, func(t *testing.T) {
			sim := single(probe(1, 21))
			reader := ds2482.NewReader(ds2482.New(sim, 0x18))
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			if _, err := reader.Read(ctx, all(sim)[0]); reason(err) != fault.Timeout {
				t.Errorf("err = %v, want fault timeout", err)
			}
			start := time.Now()
			if got, err := reader.Read(t.Context(), all(sim)[0]); got != 21 || err != nil {
				t.Errorf("the next read: %v, %v, want 21", got, err)
			}
			if took := time.Since(start); took > 850*time.Millisecond {
				t.Errorf("the next read took %v, want no more than one round", took)
			}
			cancelled, stop := context.WithCancel(t.Context())
			stop()
			if _, err := reader.Read(cancelled, all(sim)[0]); !errors.Is(err, context.Canceled) {
				t.Errorf("err = %v, want that it was cancelled", err)
			}
		}) // which fails if a goroutine is left
	}
}
