package tach

import "time"

// A Phase says how to take a fan's speed.
type Phase int

// Phases of a fan.
const (
	// Starting: it began to turn, or was first looked at, a moment ago. A low
	// speed, or none, means nothing yet.
	Starting Phase = iota
	// Turning: the speed is what the fan does.
	Turning
	// Stopped: it stands and has had time to start.
	Stopped
)

// String returns the phase in lower case.
func (p Phase) String() string {
	return [...]string{"starting", "turning", "stopped"}[p]
}

// spinUp is how long a fan may take from standstill to its speed; large ones
// take a few seconds.
const spinUp = 5 * time.Second

// A State is what is remembered of a fan. The zero State is of one that nobody
// has looked at.
type State struct {
	Phase Phase
	Since time.Time
}

// Step folds a speed measured at a time into s. Measurements come in order.
func Step(s State, at time.Time, speed float64) State {
	turns := speed > 0
	switch {
	case s.Since.IsZero(), s.Phase == Stopped && turns:
		return State{Starting, at}
	case s.Phase == Starting && at.Sub(s.Since) < spinUp:
		return s
	case turns && s.Phase != Turning:
		return State{Turning, at}
	case !turns && s.Phase != Stopped:
		return State{Stopped, at}
	}
	return s
}
