package watch_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"thermarack/collector/internal/watch"
)

func TestTheLedgerTellsOfWhatFiredBeforeARestartAndOfNothingElse(t *testing.T) {
	var disk []string
	open := func() func(watch.Event, int) bool {
		l := watch.NewLedger(disk, func(firing []string) error { disk = firing; return nil })
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
	if diff := cmp.Diff(disk, []string(nil)); diff != "" {
		t.Errorf("still kept -got +want\n%s", diff)
	}
}

func TestTheLedgerTellsThePagerThoughTheDiskIsFull(t *testing.T) {
	full := errors.New("no space left on device")
	l := watch.NewLedger(nil, func([]string) error { return full })
	if tell, err := l.Note(watch.Change{Event: watch.Fired}); !tell || !errors.Is(err, full) {
		t.Errorf("tell %v, %v, want true and the error of the disk", tell, err)
	}
}
