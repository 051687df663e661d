package tsdb

import (
	"math"
	"runtime"
	"testing"
	"time"

	"thermarack/collector/internal/store"
)

// TestABacklogAfterAPauseCostsNoSampleThatIsOnlyInTheLog stores half a day,
// pauses until after midnight, and gets what was missed. The blocks of these
// late samples end at midnight and later, the others at ten; joined, they would
// make the library skip what is left of wal/ when it is opened.
func TestABacklogAfterAPauseCostsNoSampleThatIsOnlyInTheLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openHere(t, dir)
	var want []store.Point
	for after := -4 * time.Hour; after <= 10*time.Hour+30*time.Minute; after += 30 * time.Minute {
		one := sample("temperature", after, after.Hours())
		fill(t, s, one)
		want = append(want, one.Point)
		if err := s.janitor.compact(t.Context(), &s.appending); err != nil {
			t.Fatal(err)
		}
	}
	fill(t, s, sample("humidity", 12*time.Hour+30*time.Minute, 40))
	for after := 12*time.Hour + 20*time.Minute; after > 11*time.Hour; after -= 20 * time.Minute {
		fill(t, s, sample("humidity", after, 41))
	}
	if err := s.janitor.compact(t.Context(), &s.appending); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = openHere(t, dir)
	t.Cleanup(func() { _ = s.Close() })
	got, err := s.Range(t.Context(), "urn:dev:ow:28f6fb1e0d0000c5:temperature", noon.Add(-12*time.Hour), noon.Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Errorf("%d samples left of %d; the last is of %v", len(got), len(want), got[len(got)-1].Time)
	}
}

func TestLateSamplesOfAnEarlierProcessAreInBlocks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openHere(t, dir)
	fill(t, s, sample("temperature", 0, 20))
	for i := range 40 { // more than the library keeps in one chunk
		fill(t, s, sample("temperature", -time.Duration(i+1)*time.Minute, 19))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openHere(t, dir)
	t.Cleanup(func() { _ = s.Close() })
	if late := s.db.Head().MinOOOTime(); late != math.MaxInt64 || len(s.db.Blocks()) == 0 {
		t.Errorf("late samples from %d on, %d blocks, want none and some", late, len(s.db.Blocks()))
	}
	got, err := s.Range(t.Context(), "urn:dev:ow:28f6fb1e0d0000c5:temperature", noon.Add(-time.Hour), noon.Add(time.Hour))
	if err != nil || len(got) != 41 {
		t.Errorf("%d samples, %v, want 41", len(got), err)
	}
}

// TestBlocksAreWrittenAsTimePasses appends a day, of which nobody asks the store
// to make blocks, and waits for the janitor.
func TestBlocksAreWrittenAsTimePasses(t *testing.T) {
	t.Parallel()
	s := openHere(t, t.TempDir())
	t.Cleanup(func() { _ = s.Close() })
	for i := range 24 {
		fill(t, s, sample("temperature", time.Duration(i)*time.Hour, float64(i)))
	}
	last, deadline := noon.Add(23*time.Hour).UnixMilli(), time.Now().Add(30*time.Second)
	for last-s.db.Head().MinTime() > 3*time.Hour.Milliseconds() {
		if time.Now().After(deadline) {
			t.Fatal("no block was written in 30 s")
		}
		runtime.Gosched()
	}
	got, err := s.Range(t.Context(), "urn:dev:ow:28f6fb1e0d0000c5:temperature", noon, noon.Add(24*time.Hour))
	if err != nil || len(got) != 24 || len(s.db.Blocks()) == 0 {
		t.Errorf("%d samples, %v, %d blocks, want 24 and some", len(got), err, len(s.db.Blocks()))
	}
}

func TestAFailedCompactionLeavesTheStoreInUse(t *testing.T) {
	t.Parallel()
	s := openHere(t, t.TempDir())
	t.Cleanup(func() { _ = s.Close() })
	s.janitor.close()
	fill(t, s, sample("temperature", 0, 20), sample("temperature", 10*time.Hour, 21))
	if err := s.janitor.compact(t.Context(), &s.appending); err == nil {
		t.Error("a compaction went on after the janitor was stopped")
	}
	fill(t, s, sample("temperature", 10*time.Hour+time.Minute, 22))
	got, err := s.Range(t.Context(), "urn:dev:ow:28f6fb1e0d0000c5:temperature", noon, noon.Add(24*time.Hour))
	if err != nil || len(got) != 3 {
		t.Errorf("%d samples, %v, want 3", len(got), err)
	}
}
