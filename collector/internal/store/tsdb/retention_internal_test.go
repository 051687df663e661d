package tsdb

import (
	"testing"
	"time"

	"thermarack/collector/internal/store"
)

// days stores reports of two nodes, a minute apart, and lets the janitor work
// every two hours.
func days(t *testing.T, s *Store, days int) {
	t.Helper()
	f := newFleet(2)
	at := noon
	for range days * 12 {
		var samples []store.Sample
		for range 120 {
			samples = append(samples, f.report(at)...)
			at = at.Add(time.Minute)
		}
		fill(t, s, samples...)
		if err := s.janitor.compact(t.Context(), &s.appending); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheOldestBlocksGoWhenTheStoreIsTooLarge(t *testing.T) {
	t.Parallel()
	const limit = (128 + 160) << 10 // the file of complete chunks takes 128 KiB from its beginning
	s, err := Open(Options{Dir: t.TempDir(), MinFree: 1, MaxBytes: limit})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	days(t, s, 7)
	kept := s.db.Head().Size()
	for _, b := range s.db.Blocks() {
		kept += b.Size()
		if b.Size() > limit/10 {
			t.Errorf("block %v takes %d bytes: with it goes more than a tenth of %d at once", b.Meta().ULID, b.Size(), limit)
		}
	}
	if kept > limit || kept < limit*6/10 {
		t.Errorf("%d bytes kept, want up to %d and most of that", kept, limit)
	}
	_, to, ok, err := s.Bounds(t.Context())
	last := noon.Add(7*24*time.Hour - time.Minute)
	if err != nil || !ok || !to.After(last) {
		t.Errorf("kept until %v, %v, want %v too", to, err, last)
	}
	got, err := s.Range(t.Context(), newFleet(1).now[0].Name(), noon, to)
	if err != nil || len(got) == 0 || len(got) == 7*24*60 {
		t.Fatalf("%d samples left, %v, want some and not all", len(got), err)
	}
	if first := got[0].Time; len(got) != int(last.Sub(first)/time.Minute)+1 {
		t.Errorf("%d samples since %v, want one a minute: only the oldest go", len(got), first)
	}
}

func TestWithoutALimitNothingGoes(t *testing.T) {
	t.Parallel()
	s := openHere(t, t.TempDir())
	t.Cleanup(func() { _ = s.Close() })
	days(t, s, 3)
	from, _, ok, err := s.Bounds(t.Context())
	got := count(t, s)
	for name, n := range got {
		if n != 3*24*60 {
			t.Errorf("%s: %d samples, want one a minute", name, n)
		}
	}
	if err != nil || !ok || from.After(noon) || len(got) != 20 {
		t.Errorf("kept from %v, %v, %v, %d series, want %v, 20", from, ok, err, len(got), noon)
	}
}

func TestAnEmptyStoreHasNoBounds(t *testing.T) {
	t.Parallel()
	s := openHere(t, t.TempDir())
	t.Cleanup(func() { _ = s.Close() })
	if from, to, ok, err := s.Bounds(t.Context()); ok || err != nil {
		t.Errorf("from %v to %v, %v, %v", from, to, ok, err)
	}
	fill(t, s, sample("temperature", 0, 20), sample("temperature", -time.Hour, 20))
	from, to, ok, err := s.Bounds(t.Context())
	if err != nil || !ok || from.After(noon.Add(-time.Hour)) || !to.After(noon) {
		t.Errorf("from %v to %v, %v, %v, want the hour before noon and noon", from, to, ok, err)
	}
}
