package watch_test

import (
	"os"
	"path/filepath"
	"testing"

	"thermarack/collector/internal/watch"
)

func TestTheLedgerTellsOfWhatFiredBeforeARestartAndOfNothingElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "firing.json")
	open := func() func(watch.Event, int) bool {
		l, err := watch.OpenLedger(path)
		if err != nil {
			t.Fatal(err)
		}
		return func(e watch.Event, slot int) bool {
			tell, err := l.Note(watch.Change{Event: e, Active: watch.Active{Alert: "SocTemperature", Site: "hex", Rack: "a1", Shelf: "s3", Slot: slot}})
			if err != nil {
				t.Error(err)
			}
			return tell
		}
	}
	note := open()
	if !note(watch.Fired, 1) || !note(watch.Fired, 2) || !note(watch.Resolved, 2) || note(watch.Updated, 1) || note(watch.Settled, 3) {
		t.Error("told of other than what fires and what is resolved")
	}
	note = open()
	if !note(watch.Settled, 1) {
		t.Error("what fired before the restart was not resolved")
	}
	if note(watch.Settled, 1) || note(watch.Settled, 2) {
		t.Error("told of what has been resolved")
	}
	if err := os.WriteFile(path, []byte("["), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := watch.OpenLedger(path); err == nil {
		t.Error("a damaged ledger was taken")
	}
}
