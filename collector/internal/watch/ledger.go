package watch

import (
	"maps"
	"slices"
	"strconv"
	"strings"
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
	subject := strings.Join([]string{c.Alert, c.Severity, c.ShelfID(), strconv.Itoa(c.Slot), c.Probe}, " ")
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
