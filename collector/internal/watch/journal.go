package watch

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// maxMarks is how many marks a journal keeps: what ten shelves with a full alarm a
// week have in a year. Half a megabyte.
const maxMarks = 2000

// A Mark is the moment at which an alert fired or was resolved.
type Mark struct {
	At       time.Time `json:"at"`
	Event    Event     `json:"event"` // Fired or Resolved
	Alert    string    `json:"alert"`
	Severity string    `json:"severity"`
	Shelves  []string  `json:"shelves"`         // ids of those that it is about
	Slot     int       `json:"slot,omitempty"`  // 0 when it is not about one slot
	Probe    string    `json:"probe,omitempty"` // name of the probe it is about, or ""
	Summary  string    `json:"summary"`         // one line for a person
	Subject  string    `json:"subject"`         // the same for both marks of an alert
}

// Marks are what a Journal keeps.
type Marks struct {
	Since time.Time `json:"since"` // nothing is known of what was before
	Marks []Mark    `json:"marks"` // by time
}

// A Journal remembers when alerts fired and were resolved, for those who look at
// the past. It keeps the last two thousand marks. It is safe for concurrent use.
type Journal struct {
	changed chan struct{}

	mu    sync.RWMutex
	kept  Marks
	fires map[string]bool // subjects whose last mark is Fired
}

// NewJournal returns a journal that goes on from what was kept; the zero Marks
// begin a new one, at now.
func NewJournal(kept Marks, now time.Time) *Journal {
	if kept.Since.IsZero() {
		kept.Since = now
	}
	j := &Journal{changed: make(chan struct{}, 1), kept: kept, fires: map[string]bool{}}
	for _, m := range kept.Marks {
		j.follow(m)
	}
	return j
}

// Note takes in a change of which the pager is told; see Ledger. What fires again
// after a restart has not begun anew.
func (j *Journal) Note(c Change) {
	event := c.Event
	if event == Settled {
		event = Resolved
	}
	if event == Updated {
		return
	}
	m := Mark{
		At: c.At, Event: event, Alert: c.Alert, Severity: c.Severity, Shelves: c.shelfIDs(),
		Slot: c.Slot, Probe: c.Probe, Summary: c.Summary, Subject: c.subject(),
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if event == Fired && j.fires[m.Subject] {
		return
	}
	j.follow(m)
	j.insert(m)
	select {
	case j.changed <- struct{}{}:
	default: // who keeps it has yet to look
	}
}

// follow keeps up with what fires. j.mu is held, or j is new.
func (j *Journal) follow(m Mark) {
	if m.Event == Fired {
		j.fires[m.Subject] = true
	} else {
		delete(j.fires, m.Subject)
	}
}

// insert adds a mark by its time: nodes do not speak in the order of their
// readings. j.mu is held.
func (j *Journal) insert(m Mark) {
	at := len(j.kept.Marks)
	for at > 0 && j.kept.Marks[at-1].At.After(m.At) {
		at--
	}
	j.kept.Marks = slices.Insert(j.kept.Marks, at, m)
	if over := len(j.kept.Marks) - maxMarks; over > 0 {
		j.kept.Since = j.kept.Marks[over-1].At.Add(time.Millisecond)
		j.kept.Marks = slices.Delete(j.kept.Marks, 0, over)
	}
}

// Unkept gets a value after a change of Kept, for who brings it to disk.
func (j *Journal) Unkept() <-chan struct{} { return j.changed }

// Kept returns what the next process should go on from.
func (j *Journal) Kept() Marks {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return Marks{j.kept.Since, slices.Clone(j.kept.Marks)}
}

// Marks returns what happened at a shelf, by its id, with from <= t <= to, and
// before it the beginnings of what fired already; in time order. Nothing is known
// of what was before since.
func (j *Journal) Marks(shelf string, from, to time.Time) (marks []Mark, since time.Time) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	fires := map[string]Mark{} // by subject, at from
	for _, m := range j.kept.Marks {
		switch {
		case m.At.After(to) || !slices.Contains(m.Shelves, shelf):
		case !m.At.Before(from):
			marks = append(marks, m)
		case m.Event == Fired:
			fires[m.Subject] = m
		default:
			delete(fires, m.Subject)
		}
	}
	before := slices.SortedFunc(maps.Values(fires), func(a, b Mark) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Subject, b.Subject))
	})
	return append(before, marks...), j.kept.Since
}
