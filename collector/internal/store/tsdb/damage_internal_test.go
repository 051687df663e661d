package tsdb

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// sample returns one of a series, some time after noon.
func sample(quantity string, after time.Duration, value float64) store.Sample {
	return store.Sample{
		Series: store.Series{Site: "hex", Node: "b827eb000001", Device: "urn:dev:ow:28f6fb1e0d0000c5", Quantity: quantity, Unit: wire.UnitOf(quantity)},
		Point:  store.Point{Time: noon.Add(after), Value: value},
	}
}

// fill stores samples that must all be accepted.
func fill(t testing.TB, s *Store, samples ...store.Sample) {
	t.Helper()
	if refused, err := s.Append(t.Context(), samples); refused != nil || err != nil {
		t.Fatalf("Append: %v, %v", refused, err)
	}
}

// openHere opens a store in dir, without a test's need for free space.
func openHere(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(Options{Dir: dir, MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAppendReturnsOnceItsLogsAreSynced(t *testing.T) {
	t.Parallel()
	s := openHere(t, t.TempDir())
	t.Cleanup(func() { _ = s.Close() })
	var synced []string
	s.sync.fsync = func(path string) error {
		synced = append(synced, filepath.Base(filepath.Dir(path)))
		return fsync(path)
	}
	for _, tt := range []struct {
		name   string
		sample store.Sample
		want   []string
	}{
		{"in order", sample("temperature", 0, 20), []string{"wal"}},
		{"late", sample("temperature", -time.Hour, 19), []string{"wal", "wbl"}},
		{"again", sample("temperature", -time.Hour, 19), nil},
	} {
		synced = nil
		fill(t, s, tt.sample)
		if !slices.Equal(synced, tt.want) {
			t.Errorf("%s: synced segments of %v, want %v", tt.name, synced, tt.want)
		}
	}
}

// isDamaged checks that Append fails, and that what was stored can be read.
func isDamaged(t *testing.T, s *Store, after time.Duration) {
	t.Helper()
	_, err := s.Append(t.Context(), []store.Sample{sample("temperature", after, 21)})
	if !errors.Is(err, ErrDamaged) {
		t.Errorf("err = %v, want ErrDamaged", err)
	}
	points, err := s.Range(t.Context(), "urn:dev:ow:28f6fb1e0d0000c5:temperature", noon, noon.Add(time.Second))
	if len(points) != 1 || err != nil {
		t.Errorf("Range = %v, %v, want the first sample", points, err)
	}
}

func TestAFailedSyncStopsTheStoreUntilItIsOpenedAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openHere(t, dir)
	fill(t, s, sample("temperature", 0, 20))
	s.sync.fsync = func(string) error { return errors.New("bad block") }
	isDamaged(t, s, time.Minute)
	s.sync.fsync = fsync // the kernel says that all is well again; it has forgotten
	isDamaged(t, s, time.Minute)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openHere(t, dir)
	fill(t, s, sample("temperature", time.Minute, 21))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestALateSampleThatIsNotLoggedIsNotAcknowledged makes the next segment of
// wbl/ a full device: the library's commit then succeeds, and logs nothing.
func TestALateSampleThatIsNotLoggedIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("needs /dev/full:", err)
	}
	dir := t.TempDir()
	s := openHere(t, dir)
	fill(t, s, sample("temperature", 0, 20))
	if err := os.Symlink("/dev/full", filepath.Join(dir, "wbl", "00000001")); err != nil {
		t.Fatal(err)
	}
	if err := s.db.CompactOOOHead(t.Context()); err != nil { // begins a segment
		t.Fatal(err)
	}
	isDamaged(t, s, -time.Minute)
	isDamaged(t, s, -time.Minute) // it is in memory now, but not on disk
	isDamaged(t, s, time.Minute)
	if err := s.Close(); err == nil {
		t.Error("Close wrote to a full device")
	}
}

// TestAChunkThatCannotBeWrittenIsNoPanic makes the file of complete chunks a full
// device.
func TestAChunkThatCannotBeWrittenIsNoPanic(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("needs /dev/full:", err)
	}
	for _, late := range []bool{false, true} {
		dir := t.TempDir()
		s := openHere(t, dir)
		fill(t, s, sample("temperature", 0, 20))
		if err := os.Symlink("/dev/full", filepath.Join(dir, "chunks_head", "000001")); err != nil {
			t.Fatal(err)
		}
		var err error
		step := time.Second
		if late {
			step = -step
		}
		for i := 1; i < 1000 && err == nil; i++ {
			_, err = s.Append(t.Context(), []store.Sample{sample("temperature", time.Duration(i)*step, 20)})
		}
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("late %v: err = %v, want ErrDamaged", late, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("late %v: Close: %v", late, err)
		}
	}
}
