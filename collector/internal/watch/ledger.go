package watch

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"thermarack/alerts"
)

// A Ledger remembers what was handed to the pager and has not been resolved, so
// that the first healthy sample after a restart resolves it, and what never fired
// is not mentioned. It is not safe for concurrent use.
type Ledger struct {
	firing map[string]bool // by subject
	keep   func(firing []string) error
}

// NewLedger returns a ledger of what was firing when it was last kept. keep
// brings a later list to disk; the list is sorted.
func NewLedger(firing []string, keep func(firing []string) error) *Ledger {
	l := &Ledger{firing: map[string]bool{}, keep: keep}
	for _, s := range firing {
		l.firing[s] = true
	}
	return l
}

// Note takes in a change and tells whether the pager must hear of it: of what
// fires, of what is resolved, and of what has settled if it fired before a
// restart. The error is that of keep; the answer holds all the same.
func (l *Ledger) Note(c Change) (tell bool, err error) {
	subject := c.subject()
	switch {
	case c.Event == Updated, c.Event == Settled && !l.firing[subject]:
		return false, nil
	case c.Event == Fired:
		l.firing[subject] = true
	default:
		delete(l.firing, subject)
	}
	return true, l.keep(slices.Sorted(maps.Keys(l.firing)))
}

// Fired tells whether the pager believes that an alert fires.
func (l *Ledger) Fired(a Active) bool { return l.firing[a.subject()] }

// subject names what an alert is about, as its labels do at the pager. What was
// kept by an older version must be found again: words are only added behind.
func (a Active) subject() string {
	words := []string{a.Alert, a.Severity, a.ShelfID(), strconv.Itoa(a.Slot), a.Probe}
	if a.Alert == alerts.PoEFault {
		words = append(words, a.Cause, a.Switch, strconv.Itoa(a.Supply))
	}
	return strings.Join(words, " ")
}
