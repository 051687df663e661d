package alerts

import "time"

// A Growth fires when a counter grows, and resolves when it has stood still for a
// while. A counter that goes back has begun anew: its switch was restarted.
type Growth struct {
	Quiet time.Duration
}

// A Grown is what a Growth remembers of one counter. The zero Grown has not seen
// it.
type Grown struct {
	By     float64   // that it has grown since it began to fire; 0 when quiet
	Since  time.Time // when it last grew; of one that did not, since when it is known
	Last   time.Time // newest count taken
	Firing bool

	count float64
}

// Step folds one count into s. A count that is not newer than the last one taken
// changes nothing, nor does the first: it may have been reached years ago.
func (r Growth) Step(s Grown, at time.Time, count float64) (Grown, Change) {
	if !at.After(s.Last) {
		return s, None
	}
	first, by := s.Last.IsZero(), count-s.count
	s.count, s.Last = count, at
	switch {
	case first:
		s.Since = at
		return s, None
	case by > 0:
		change := Fired
		if s.Firing {
			change = None
		}
		s.By, s.Since, s.Firing = s.By+by, at, true
		return s, change
	case s.Firing && r.Still(s):
		s.By, s.Firing = 0, false
		return s, Resolved
	}
	return s, None
}

// Still tells whether the counter has stood still for so long that nothing is
// wrong.
func (r Growth) Still(s Grown) bool { return s.Last.Sub(s.Since) >= r.Quiet }

// Forget returns s without its times if they lie behind now: our clock was set
// back. What fires goes on firing.
func (s Grown) Forget(now time.Time) Grown {
	if s.Last.After(now) {
		s.Since, s.Last = time.Time{}, time.Time{}
	}
	return s
}
