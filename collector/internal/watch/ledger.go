package watch

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"thermarack/alerts"
)

// A Ledger remembers what was handed to the pager and has not been resolved, so
// that the first healthy sample after a restart resolves it, and what never fired
// is not mentioned. It is safe for concurrent use.
type Ledger struct {
	changed chan struct{}

	mu     sync.Mutex
	firing map[string]bool // by subject
}

// NewLedger returns a ledger of what was firing when it was last kept.
func NewLedger(firing []string) *Ledger {
	l := &Ledger{changed: make(chan struct{}, 1), firing: map[string]bool{}}
	for _, s := range firing {
		l.firing[s] = true
	}
	return l
}

// Note takes in a change and tells whether the pager must hear of it: of what
// fires, of what is resolved, and of what has settled if it fired before a
// restart.
func (l *Ledger) Note(c Change) (tell bool) {
	subject := c.subject()
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case c.Event == Updated, c.Event == Settled && !l.firing[subject]:
		return false
	case c.Event == Fired:
		l.firing[subject] = true
	default:
		delete(l.firing, subject)
	}
	select {
	case l.changed <- struct{}{}:
	default: // who keeps it has yet to look
	}
	return true
}

// Unkept gets a value after a change of Kept, for who brings it to disk.
func (l *Ledger) Unkept() <-chan struct{} { return l.changed }

// Kept returns what the next process should go on from, sorted.
func (l *Ledger) Kept() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.firing))
}

// Fired tells whether the pager believes that an alert fires.
func (l *Ledger) Fired(a Active) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.firing[a.subject()]
}

// subject names what an alert is about, as its labels do at the pager. What was
// kept by an older version must be found again: words are only added behind.
func (a Active) subject() string {
	words := []string{a.Alert, a.Severity, a.ShelfID(), strconv.Itoa(a.Slot), a.Probe}
	if a.Alert == alerts.PoEFault {
		words = append(words, a.Cause, a.Switch, strconv.Itoa(a.Supply))
	}
	return strings.Join(words, " ")
}
