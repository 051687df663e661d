package tsdb

import (
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
		if err := s.db.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	fill(t, s, sample("humidity", 12*time.Hour+30*time.Minute, 40))
	for after := 12*time.Hour + 20*time.Minute; after > 11*time.Hour; after -= 20 * time.Minute {
		fill(t, s, sample("humidity", after, 41))
	}
	if err := s.db.Compact(t.Context()); err != nil {
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
