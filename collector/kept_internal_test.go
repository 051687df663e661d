package main

import (
	"log/slog"
	"testing"

	"thermarack/collector/internal/state"
	"thermarack/collector/internal/watch"
)

func TestTenThousandAlertsAtOnceAreAFewWrites(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func() (*state.Document[[]string], []string) {
		d, err := state.OpenDir(dir, slog.New(slog.DiscardHandler), nil)
		if err != nil {
			t.Fatal(err)
		}
		firing, subjects, err := state.Open[[]string](d, "firing", firingVersion)
		if err != nil {
			t.Fatal(err)
		}
		return firing, subjects
	}
	firing, _ := open()
	m := &notebook{ledger: watch.NewLedger(nil), firing: firing}
	for slot := range 10_000 {
		if !m.note(watch.Change{Event: watch.Fired, Active: watch.Active{Alert: "SocTemperature", Slot: slot + 1}}) {
			t.Fatalf("the pager is not told of slot %d", slot+1)
		}
		if slot > 0 {
			continue
		}
		if _, kept := open(); len(kept) != 1 {
			t.Fatalf("the first is not on disk: %q", kept)
		}
	}
	if _, kept := open(); len(kept) == 10_000 {
		t.Error("each was written down before the next")
	}
	if len(m.ledger.Unkept()) != 1 {
		t.Error("nobody is told that more is to be kept")
	}
}
