package watch_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"thermarack/collector/internal/watch"
)

func TestTheLedgerTellsOfWhatFiredBeforeARestartAndOfNothingElse(t *testing.T) {
	var disk []string
	open := func() func(watch.Event, int) bool {
		l := watch.NewLedger(disk)
		return func(e watch.Event, slot int) bool {
			tell := l.Note(watch.Change{Event: e, Active: watch.Active{Alert: "SocTemperature", Site: "hex", Rack: "a1", Shelf: "s3", Slot: slot}})
			disk = l.Kept()
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
	if diff := cmp.Diff(disk, []string(nil)); diff != "" {
		t.Errorf("still kept -got +want\n%s", diff)
	}
}

// Whoever keeps it on disk waits for that; who tells the pager must not.
func TestManyChangesOfTheLedgerAreOneToKeep(t *testing.T) {
	l := watch.NewLedger(nil)
	for slot := range 10_000 {
		l.Note(watch.Change{Event: watch.Fired, Active: watch.Active{Alert: "SocTemperature", Slot: slot}})
	}
	<-l.Unkept()
	select {
	case <-l.Unkept():
		t.Error("it is to be kept twice")
	default:
	}
	if n := len(l.Kept()); n != 10_000 {
		t.Errorf("%d are kept", n)
	}
	if l.Note(watch.Change{Event: watch.Updated}); len(l.Unkept()) != 0 {
		t.Error("what changes nothing is to be kept")
	}
}
