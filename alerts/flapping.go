package alerts

import (
	"slices"
	"time"
)

// A Flapping fires when something goes on and off more than Changes times within
// a while, and resolves when it has done neither for as long.
type Flapping struct {
	Changes int // that are well, 1 or more: on and off are two
	Within  time.Duration
}

// A Flap is what a Flapping remembers of one switchable thing. The zero Flap has
// not seen it.
type Flap struct {
	Changes []time.Time // the newest, oldest first: at most one more than is well; not to be changed
	Since   time.Time   // of the newest change; of what did not change, since when it is known
	Last    time.Time   // newest sample taken
	Firing  bool

	on bool
}

// Step folds one sample into s. A sample that is not newer than the last one taken
// changes nothing.
func (r Flapping) Step(s Flap, at time.Time, on bool) (Flap, Change) {
	if !at.After(s.Last) {
		return s, None
	}
	first, changed := s.Last.IsZero(), on != s.on
	s.on, s.Last = on, at
	switch {
	case first:
		s.Since = at
		return s, None
	case changed:
		return r.change(s, at)
	case s.Firing && r.Still(s):
		s.Changes, s.Firing = nil, false
		return s, Resolved
	}
	return s, None
}

func (r Flapping) change(s Flap, at time.Time) (Flap, Change) {
	s.Since = at
	s.Changes = append(slices.Clone(s.Changes), at)
	for len(s.Changes) > r.Changes+1 || at.Sub(s.Changes[0]) > r.Within {
		s.Changes = s.Changes[1:]
	}
	if s.Firing || len(s.Changes) <= r.Changes {
		return s, None
	}
	s.Firing = true
	return s, Fired
}

// Still tells whether nothing has gone on or off for so long that nothing is
// wrong.
func (r Flapping) Still(s Flap) bool { return s.Last.Sub(s.Since) >= r.Within }

// Forget returns s without its times if they lie behind now: our clock was set
// back. What fires goes on firing.
func (s Flap) Forget(now time.Time) Flap {
	if s.Last.After(now) {
		s.Changes, s.Since, s.Last = nil, time.Time{}, time.Time{}
	}
	return s
}
