package tsdb

import (
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// written writes a snapshot into a new directory, and closes it.
func written(tb testing.TB, snap *Snapshot) (dir string) {
	tb.Helper()
	dir = tb.TempDir()
	for _, f := range snap.Files {
		data, err := io.ReadAll(f.Open())
		if err != nil || int64(len(data)) != f.Size {
			tb.Fatalf("%s: %d bytes, %v, want %d", f.Name, len(data), err, f.Size)
		}
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	if err := snap.Close(); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// count returns how many samples a store has of each series.
func count(tb testing.TB, s *Store) map[string]int {
	tb.Helper()
	got := map[string]int{}
	all, err := s.Series(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	for _, series := range all {
		points, err := s.Range(tb.Context(), series.Name(), noon.Add(-1000*time.Hour), noon.Add(1000*time.Hour))
		if err != nil {
			tb.Fatal(err)
		}
		got[series.Name()] = len(points)
	}
	return got
}

func TestASnapshotHoldsWhatWasAcknowledgedAndNothingByHalves(t *testing.T) {
	t.Parallel()
	s := openHere(t, t.TempDir())
	t.Cleanup(func() { _ = s.Close() })
	f := newFleet(3)
	var mu sync.Mutex
	acknowledged, stop := 0, make(chan struct{})
	var sender sync.WaitGroup
	sender.Go(func() {
		for i := 0; ; i++ {
			// Three steps forward and one back, so that both logs grow, and blocks
			// are made beside.
			at := noon.Add(time.Duration(i-i%4*2) * 3 * time.Minute)
			fill(t, s, f.report(at)...)
			mu.Lock()
			acknowledged = i + 1
			mu.Unlock()
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	for range 5 {
		mu.Lock()
		before := acknowledged
		mu.Unlock()
		snap, err := s.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		restored := openHere(t, written(t, snap))
		got := count(t, restored)
		if err := restored.Close(); err != nil {
			t.Fatal(err)
		}
		fewest, most := 1<<30, 0
		for _, n := range got {
			fewest, most = min(fewest, n), max(most, n)
		}
		if before > 0 && (len(got) != len(f.now) || fewest != most || fewest < before) {
			t.Errorf("%d series of %d, with %d to %d samples, of %d that were acknowledged before", len(got), len(f.now), fewest, most, before)
		}
	}
	close(stop)
	sender.Wait()
}

func TestASnapshotOutlivesTheFilesThatItHolds(t *testing.T) {
	t.Parallel()
	s := openHere(t, t.TempDir())
	f := newFleet(2)
	f.flushed(t, s, 800)
	want := count(t, s)
	snap, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(s.dir); err != nil {
		t.Fatal(err)
	}
	restored := openHere(t, written(t, snap))
	t.Cleanup(func() { _ = restored.Close() })
	got := count(t, restored)
	for name, n := range want {
		if got[name] != n {
			t.Errorf("%s: %d samples, want %d", name, got[name], n)
		}
	}
}

func TestASnapshotWaitsForTheJanitorAndForNobodyElse(t *testing.T) {
	t.Parallel()
	s := openHere(t, t.TempDir())
	fill(t, s, sample("temperature", 0, 20))
	if err := s.janitor.pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		snap, err := s.Snapshot(t.Context())
		if err == nil {
			err = snap.Close()
		}
		ended <- err
	}()
	fill(t, s, sample("temperature", time.Minute, 21)) // not held up meanwhile
	select {
	case err := <-ended:
		t.Errorf("a snapshot was taken while blocks were made, %v", err)
	default:
	}
	s.janitor.resume()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Snapshot(t.Context()); err == nil {
		t.Error("a closed store gave a snapshot")
	}
}
