package watch_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/collector/internal/watch"
)

var dawn = time.Date(2026, 3, 14, 6, 0, 0, 0, time.UTC)

// told is what a journal is told: minutes after dawn, what happened, to which
// slot of the shelf.
func told(j *watch.Journal, minute int, event watch.Event, slot int) {
	j.Note(watch.Change{At: dawn.Add(time.Duration(minute) * time.Minute), Event: event, Active: watch.Active{
		Alert: "SocTemperature", Severity: "warning", Site: "hex", Rack: "a1", Shelf: "s3", Slot: slot, Summary: "hot",
	}})
}

// lines returns marks in short: minute, event and slot.
func lines(marks []watch.Mark) (out []string) {
	for _, m := range marks {
		out = append(out, fmt.Sprintf("%.0f %s %d", m.At.Sub(dawn).Minutes(), m.Event, m.Slot))
	}
	return out
}

func minutes(n int) time.Time { return dawn.Add(time.Duration(n) * time.Minute) }

func TestAJournalTellsWhatHappenedInASpanAndWhatFiredWhenItBegan(t *testing.T) {
	t.Parallel()
	j := watch.NewJournal(watch.Marks{}, minutes(0))
	told(j, 1, watch.Fired, 1)
	told(j, 2, watch.Fired, 2)
	told(j, 3, watch.Updated, 2)
	told(j, 4, watch.Resolved, 1)
	told(j, 6, watch.Fired, 3)
	told(j, 5, watch.Fired, 1) // a node that speaks later
	told(j, 10, watch.Resolved, 2)
	told(j, 11, watch.Resolved, 3)
	tests := []struct {
		name     string
		from, to int
		want     []string
	}{
		{"all", 0, 60, []string{"1 fired 1", "2 fired 2", "4 resolved 1", "5 fired 1", "6 fired 3", "10 resolved 2", "11 resolved 3"}},
		{"one fires on, another has ended", 5, 10, []string{"2 fired 2", "5 fired 1", "6 fired 3", "10 resolved 2"}},
		{"both ends belong to it", 4, 4, []string{"1 fired 1", "2 fired 2", "4 resolved 1"}},
		{"before it all", -5, 0, nil},
		{"one still fires", 30, 40, []string{"5 fired 1"}},
	}
	for _, tt := range tests {
		marks, since := j.Marks("hex/a1/s3", minutes(tt.from), minutes(tt.to))
		if diff := cmp.Diff(lines(marks), tt.want); diff != "" || !since.Equal(dawn) {
			t.Errorf("%s: since %v, -got +want\n%s", tt.name, since, diff)
		}
	}
	if marks, _ := j.Marks("hex/a1/s4", minutes(0), minutes(60)); len(marks) > 0 {
		t.Errorf("another shelf: %v", marks)
	}
}

func TestAnAlertThatFiresOnAfterARestartHasNotBegunAnew(t *testing.T) {
	t.Parallel()
	first := watch.NewJournal(watch.Marks{}, minutes(0))
	told(first, 1, watch.Fired, 1)
	told(first, 2, watch.Fired, 2)
	disk, err := json.Marshal(first.Kept())
	if err != nil {
		t.Fatal(err)
	}
	var kept watch.Marks
	if err := json.Unmarshal(disk, &kept); err != nil {
		t.Fatal(err)
	}
	second := watch.NewJournal(kept, minutes(60))
	told(second, 61, watch.Fired, 1)
	told(second, 62, watch.Settled, 2)
	told(second, 63, watch.Resolved, 1)
	told(second, 64, watch.Fired, 1)
	marks, since := second.Marks("hex/a1/s3", minutes(0), minutes(90))
	want := []string{"1 fired 1", "2 fired 2", "62 resolved 2", "63 resolved 1", "64 fired 1"}
	if diff := cmp.Diff(lines(marks), want); diff != "" || !since.Equal(dawn) {
		t.Errorf("since %v, -got +want\n%s", since, diff)
	}
}

func TestAJournalOfThousandsSaysSinceWhenItKnows(t *testing.T) {
	t.Parallel()
	j := watch.NewJournal(watch.Marks{}, minutes(-5))
	for n := range 1500 {
		told(j, 2*n, watch.Fired, n+1)
		told(j, 2*n+1, watch.Resolved, n+1)
	}
	marks, since := j.Marks("hex/a1/s3", minutes(-5), minutes(1e6))
	if len(marks) != 2000 || !since.After(minutes(999)) || since.After(marks[0].At) || !marks[0].At.Equal(minutes(1000)) {
		t.Errorf("%d marks from %v since %v", len(marks), marks[0].At, since)
	}
	select {
	case <-j.Unkept():
	default:
		t.Error("nobody is told that there is something to keep")
	}
}

func TestAMarkOfSeveralShelvesIsFoundAtEach(t *testing.T) {
	t.Parallel()
	j := watch.NewJournal(watch.Marks{}, dawn)
	j.Note(watch.Change{At: minutes(1), Event: watch.Fired, Active: watch.Active{
		Alert: "PoEFault", Severity: "critical", Site: "hex", Rack: "a1", Shelf: "s3", Shelves: "hex/a1/s3\nhex/a1/s4",
	}})
	for shelf, want := range map[string]int{"hex/a1/s3": 1, "hex/a1/s4": 1, "hex/a1/s5": 0} {
		if marks, _ := j.Marks(shelf, minutes(0), minutes(2)); len(marks) != want {
			t.Errorf("%s: %d marks, want %d", shelf, len(marks), want)
		}
	}
}
