package ds2482_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/hardware/ds2482"
	"thermarack/hardware/ds2482/ds2482test"
	"thermarack/hardware/fault"
	"thermarack/hardware/i2c/i2ctest"
)

func TestSearchFindsEveryPartOnEveryLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		foreign := &ds2482test.Probe{ROM: ds2482test.NewROM(0x29, 7)}
		sim := eight(
			&ds2482test.Line{Probes: []*ds2482test.Probe{probe(1, 0), probe(3, 0), probe(2, 0)}},
			&ds2482test.Line{},
			&ds2482test.Line{Probes: []*ds2482test.Probe{foreign}},
			&ds2482test.Line{Shorted: true},
		)
		sim.Lines[7].Probes = []*ds2482test.Probe{probe(1<<30, 0), probe(1, 0)} // the same address again
		got, err := ds2482.New(sim, 0x1f).Search(t.Context())
		want := []ds2482.Probe{
			{Channel: 0, ROM: ds2482test.NewROM(0x28, 2)}, // the algorithm takes zeros first, low bits first
			{Channel: 0, ROM: ds2482test.NewROM(0x28, 1)},
			{Channel: 0, ROM: ds2482test.NewROM(0x28, 3)},
			{Channel: 2, ROM: ds2482test.NewROM(0x29, 7)},
			{Channel: 7, ROM: ds2482test.NewROM(0x28, 1<<30)},
			{Channel: 7, ROM: ds2482test.NewROM(0x28, 1)},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("parts (-want +got):\n%s", diff)
		}
		if reason(err) != fault.Zeros {
			t.Errorf("err = %v, want that channel 3 is shorted", err)
		}
	})
}

func TestSearchFindsManyPartsInTheirTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		families := []byte{0x10, 0x22, 0x28, 0x3b, 0x42, 0x01}
		var probes []*ds2482test.Probe
		want := map[ds2482.Probe]bool{}
		for range 60 {
			p := &ds2482test.Probe{ROM: ds2482test.NewROM(families[random.IntN(len(families))], random.Uint32())}
			probes = append(probes, p)
			want[ds2482.Probe{ROM: p.ROM}] = true
		}
		start := time.Now()
		found, err := ds2482.New(single(probes...), 0x18).Search(t.Context())
		got := map[ds2482.Probe]bool{}
		for _, p := range found {
			got[p] = true
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil || len(found) != len(want) {
			t.Errorf("%d parts, %v (-want +got):\n%s", len(found), err, diff)
		}
		if took := time.Since(start); took > 60*45*time.Millisecond {
			t.Errorf("took %v for 60 parts, want 45 ms each at most", took)
		}
	})
}

func TestSearchOfABareLineFindsNothing(t *testing.T) {
	t.Parallel()
	sim := ds2482test.New(0x18, &ds2482test.Line{Probes: []*ds2482test.Probe{{ROM: ds2482test.NewROM(0x28, 1), Gone: true}}})
	if got, err := ds2482.New(sim, 0x18).Search(t.Context()); len(got) != 0 || err != nil {
		t.Errorf("got %v, %v, want nothing", got, err)
	}
}

func TestSearchTriesAgainIfTheLineIsDisturbed(t *testing.T) {
	t.Parallel()
	want := []ds2482.Probe{{ROM: ds2482test.NewROM(0x28, 1)}, {ROM: ds2482test.NewROM(0x28, 1<<20)}}
	slices.Reverse(want)
	for _, at := range []int{1, 9, 10, 100, 190, 200, 260, 300, 390} { // slots
		line := &ds2482test.Line{Probes: []*ds2482test.Probe{probe(1, 0), probe(1<<20, 0)}}
		var n int
		line.Noise = func(level bool) bool {
			n++
			return level != (n == at)
		}
		got, err := ds2482.New(ds2482test.New(0x18, line), 0x18).Search(t.Context())
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("slot %d flipped: %v (-want +got):\n%s", at, err, diff)
		}
	}
}

func TestSearchGivesUpOnALineOfNoise(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, want string
		noise      func(bool) bool
	}{
		{"zeros only", fault.Zeros, func(bool) bool { return false }},
		{"ones only", fault.CRC, func(bool) bool { return true }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sim := ds2482test.New(0x18, &ds2482test.Line{Probes: []*ds2482test.Probe{probe(1, 0)}, Noise: tt.noise})
			got, err := ds2482.New(sim, 0x18).Search(t.Context())
			if len(got) != 0 || reason(err) != tt.want {
				t.Errorf("got %v, %v, want fault %s", got, err, tt.want)
			}
		})
	}
}

func TestSearchSurvivesEachRefusal(t *testing.T) {
	t.Parallel()
	want := []ds2482.Probe{{ROM: ds2482test.NewROM(0x28, 1)}}
	for at := 0; ; at++ {
		sim := ds2482test.New(0x18, &ds2482test.Line{Probes: []*ds2482test.Probe{probe(1, 0)}})
		var n int
		sim.Fail = func([]byte) error {
			if n++; n == at+1 {
				return i2ctest.NoAck
			}
			return nil
		}
		got, err := ds2482.New(sim, 0x18).Search(t.Context())
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Fatalf("transaction %d refused: %v (-want +got):\n%s", at, err, diff)
		}
		if n <= at {
			break
		}
	}
}

func TestSearchNoticesAPowerDip(t *testing.T) {
	t.Parallel()
	sim := ds2482test.New(0x18, &ds2482test.Line{Probes: []*ds2482test.Probe{probe(1, 0)}})
	var n, resets int
	sim.Fail = func(w []byte) error {
		if n++; n == 50 {
			sim.PowerCycle()
		}
		if w[0] == 0xf0 {
			resets++
		}
		return nil
	}
	got, err := ds2482.New(sim, 0x18).Search(t.Context())
	if len(got) != 1 || err != nil || resets != 2 {
		t.Errorf("got %v, %v after %d resets of the bridge, want the probe after 2", got, err, resets)
	}
}

func TestSearchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := ds2482.New(single(probe(1, 0)), 0x18).Search(ctx)
		if reason(err) != fault.Timeout {
			t.Errorf("err = %v, want fault timeout", err)
		}
		if took := time.Since(start); took > 25*time.Millisecond {
			t.Errorf("took %v, want 20 ms", took)
		}
		cancelled, stop := context.WithCancel(t.Context())
		stop()
		if _, err := ds2482.New(single(), 0x18).Search(cancelled); !errors.Is(err, context.Canceled) {
			t.Errorf("err = %v, want that it was cancelled", err)
		}
	})
}
