// Package alerts decides what is wrong: values and times in, changes out. It
// knows no clock, no store and no network, so that a live stream, a recording
// and a test are all the same to it.
package alerts

import "time"

// A Threshold fires when a value stays beyond a limit for a while, and resolves
// at a clear level of its own, so that a value that trembles around the limit
// pages once.
type Threshold struct {
	Limit float64       // in the unit of the value
	Clear float64       // resolves here: at most Limit, or at least Limit when Below
	For   time.Duration // how long beyond Limit before it fires; 0 fires at once
	Gap   time.Duration // silence after which an excursion begins anew; 0 means never
	Below bool          // beyond means below the limit, as for a fan's speed
}

// A State is what a Threshold remembers about one series. The zero State is
// quiet.
type State struct {
	Since  time.Time // first sample of the current excursion; zero when quiet
	Last   time.Time // newest sample taken
	Firing bool
}

// Pending tells whether the value is beyond the limit, but not for long enough.
func (s State) Pending() bool { return !s.Since.IsZero() && !s.Firing }

// A Change says what a sample did to an alert.
type Change int

// Changes, in the order in which one alert goes through them.
const (
	None     Change = iota // as before
	Began                  // quiet → pending
	Fired                  // pending or quiet → firing
	Ended                  // pending → quiet: it never fired
	Resolved               // firing → quiet
)

// Clears tells whether value is at the clear level or on the good side of it.
func (t Threshold) Clears(value float64) bool {
	if t.Below {
		return value >= t.Clear
	}
	return value <= t.Clear
}

// Step folds one sample into s. A sample that is not newer than the last one
// taken, such as one delivered twice, changes nothing.
func (t Threshold) Step(s State, at time.Time, value float64) (State, Change) {
	if !at.After(s.Last) {
		return s, None
	}
	if t.Gap > 0 && at.Sub(s.Last) > t.Gap && !s.Firing {
		s.Since = time.Time{}
	}
	s.Last = at
	beyond := value > t.Limit
	if t.Below {
		beyond = value < t.Limit
	}
	switch {
	case s.Firing && t.Clears(value):
		return State{Last: at}, Resolved
	case s.Firing:
		return s, None
	case !beyond && s.Since.IsZero():
		return s, None
	case !beyond:
		return State{Last: at}, Ended
	}
	began := s.Since.IsZero()
	if began {
		s.Since = at
	}
	if at.Sub(s.Since) >= t.For {
		s.Firing = true
		return s, Fired
	}
	if began {
		return s, Began
	}
	return s, None
}
