package timekeeper_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/internal/timekeeper"
	"thermarack/agent/wire"
)

const (
	interval = 10 * time.Second
	device   = "urn:dev:mac:b827ebfffe000001"
)

// noon is when each test begins, by the right clock.
var noon = time.Date(2026, time.June, 1, 12, 0, 3, 0, time.UTC)

// A world has a right clock, and a host whose clock may be wrong.
type world struct {
	began time.Time // by the clock of the test's bubble

	mu     sync.Mutex
	wrong  time.Duration // of the host's clock
	synced bool
	cut    bool          // has no address
	up     time.Duration // of the host at the beginning
}

func (w *world) even() time.Duration { return time.Since(w.began) }

func (w *world) right() time.Time { return noon.Add(w.even()) }

func (w *world) clocks() timekeeper.Clocks {
	locked := func(f func()) {
		w.mu.Lock()
		defer w.mu.Unlock()
		f()
	}
	return timekeeper.Clocks{
		Even:         w.even,
		Wall:         func() (t time.Time) { locked(func() { t = w.right().Add(w.wrong) }); return t },
		Synchronised: func() (yes bool) { locked(func() { yes = w.synced }); return yes },
		Online:       func() (yes bool) { locked(func() { yes = !w.cut }); return yes },
		Up:           func() (d time.Duration) { locked(func() { d = w.up + w.even() }); return d },
	}
}

// set sets the host's clock, so that it is wrong by d.
func (w *world) set(d time.Duration, synced bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong, w.synced = d, synced
}

// sink keeps packs, and the right time at which they came.
type sink struct {
	w     *world
	packs [][]byte
	at    []time.Time
}

func (s *sink) Put(pack []byte) {
	s.packs = append(s.packs, pack)
	s.at = append(s.at, s.w.right())
}

// A bench is a world with a keeper in it.
type bench struct {
	*world
	keeper *timekeeper.Keeper
	out    *sink
	log    *bytes.Buffer
	made   []time.Time // the right time of each sample
	packs  [][]byte
	last   int64 // stamp of the last sample
}

// begin starts a keeper in the world, which ends with the test.
func begin(t *testing.T, w *world, limit int) *bench {
	t.Helper()
	w.began = time.Now()
	b := &bench{world: w, out: &sink{w: w}, log: new(bytes.Buffer)}
	b.keeper = timekeeper.New(timekeeper.Options{
		Clocks: w.clocks(), Interval: interval, Next: b.out, Limit: limit,
		Log: slog.New(slog.NewTextHandler(b.log, nil)),
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.keeper.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	})
	return b
}

// sample makes a pack of now, as a sampler does: stamped by the host's clock.
func (b *bench) sample(t *testing.T) []byte {
	t.Helper()
	stamp := b.clocks().Wall().Truncate(interval)
	b.made = append(b.made, b.right())
	pack, err := wire.EncodePack([]wire.Reading{
		{Device: device + "_soc", Quantity: "temperature", Unit: "Cel", Time: stamp, Value: 48.25},
		{Device: device, Quantity: "seq", Time: stamp, Value: float64(len(b.made))},
		{Device: device, Quantity: "boot", Time: stamp, Text: "b1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.packs = append(b.packs, pack)
	return pack
}

// live lives for d, and samples whenever the host's clock is on the grid.
func (b *bench) live(t *testing.T, d time.Duration) {
	t.Helper()
	for range int(d / time.Second) {
		time.Sleep(time.Second)
		if wall := b.clocks().Wall(); wall.Unix()%10 == 0 && wall.Unix() != b.last {
			b.last = wall.Unix()
			b.keeper.Put(b.sample(t))
		}
		synctest.Wait()
	}
}

// check checks that the packs from the first on have come, each once, in order,
// with stamps of the grid that increase and are right within an interval.
func (b *bench) check(t *testing.T, first int) {
	t.Helper()
	if got, want := len(b.out.packs), len(b.packs)-first; got != want {
		t.Fatalf("%d packs have come, want %d", got, want)
	}
	var last time.Time
	for i, pack := range b.out.packs {
		readings, bad, err := wire.DecodePack(pack, time.Time{})
		if err != nil || len(bad) > 0 || len(readings) != 3 {
			t.Fatalf("pack %s: %v, %v", pack, err, bad)
		}
		stamp, made := readings[0].Time, b.made[first+i]
		if readings[1].Value != float64(first+i+1) || readings[0].Value != 48.25 || readings[2].Text != "b1" {
			t.Errorf("pack %d is %s", i, pack)
		}
		if off := made.Sub(stamp); off.Abs() >= interval || stamp.Unix()%10 != 0 || stamp.After(b.out.at[i]) {
			t.Errorf("pack %d of %v is stamped %v", i, made, stamp)
		}
		if !stamp.After(last) {
			t.Errorf("pack %d is stamped %v after %v", i, stamp, last)
		}
		for _, r := range readings {
			if !r.Time.Equal(stamp) {
				t.Errorf("pack %d has two stamps: %s", i, pack)
			}
		}
		last = stamp
	}
}

// increase checks that all packs have come in order, with stamps of the grid that
// increase and are not ahead. Each time that the clock was set may have put one
// back by an interval.
func (b *bench) increase(t *testing.T) {
	t.Helper()
	if len(b.out.packs) != len(b.packs) {
		t.Fatalf("%d packs have come, want %d", len(b.out.packs), len(b.packs))
	}
	last := time.Time{}
	for i, pack := range b.out.packs {
		readings, _, err := wire.DecodePack(pack, time.Time{})
		if err != nil || readings[1].Value != float64(i+1) {
			t.Fatalf("pack %d is %s: %v", i, pack, err)
		}
		stamp := readings[0].Time
		if off := b.made[i].Sub(stamp); off < 0 || off > 6*interval || !stamp.After(last) || stamp.Unix()%10 != 0 {
			t.Errorf("pack %d of %v is stamped %v, the one before %v", i, b.made[i], stamp, last)
		}
		last = stamp
	}
}

// unchanged checks that all packs have come as they were.
func (b *bench) unchanged(t *testing.T) {
	t.Helper()
	if diff := cmp.Diff(b.packs, b.out.packs); diff != "" {
		t.Errorf("packs (-want +got):\n%s", diff)
	}
}

func (b *bench) logged(t *testing.T, want ...string) {
	t.Helper()
	if got := strings.Count(b.log.String(), "\n"); got != len(want) {
		t.Errorf("%d lines in the log, want %d:\n%s", got, len(want), b.log)
	}
	for _, w := range want {
		if !strings.Contains(b.log.String(), w) {
			t.Errorf("the log lacks %q:\n%s", w, b.log)
		}
	}
}
