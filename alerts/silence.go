package alerts

import "time"

// A Silence is how long something that used to speak may say nothing.
type Silence struct {
	For  time.Duration // since it spoke
	Gone time.Duration // since it was said to have gone, if that is sooner; 0: that is nothing to go by
}

// Heard is what is known of one that speaks.
type Heard struct {
	Spoke time.Time // when it last did; zero: not since Since
	Gone  time.Time // when it was said to have gone; zero when it has spoken since
	Since time.Time // since when anything could be heard at all: what was before is nobody's silence
}

// A Hush is what a Silence remembers of one that speaks. The zero Hush has heard
// nothing yet.
type Hush struct {
	Spoke  time.Time // when it last did, never later than the last step
	Silent bool      // until it speaks
	Late   bool      // it says nothing, and two thirds of the wait are over; a silent one is late too

	heard time.Time // Spoke as it was given
}

// Step judges one that speaks at now. One that is silent stays so until it has
// spoken: that our clock was set back, or that nothing could be heard for a while,
// is no sign of life.
func (r Silence) Step(h Hush, now time.Time, is Heard) Hush {
	if !is.Spoke.Equal(h.heard) {
		h = Hush{Spoke: is.Spoke, heard: is.Spoke}
	}
	if h.Spoke.After(now) {
		h.Spoke = now
	}
	due := later(h.Spoke, is.Since).Add(r.For)
	if !is.Gone.IsZero() && r.Gone > 0 {
		due = sooner(due, later(is.Gone, is.Since).Add(r.Gone))
	}
	h.Silent = h.Silent || !now.Before(due)
	h.Late = h.Silent || !now.Before(due.Add(-r.For/3))
	return h
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func sooner(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// A Crowd counts those that stand together, such as the agents of a shelf.
type Crowd struct {
	All    int // that are expected to speak
	Late   int // of All, the silent ones among them
	Silent int // of Late
}

// most tells whether n are more than half of the crowd, and not just one.
func (c Crowd) most(n int) bool { return n >= 2 && 2*n > c.All }

// A CrowdState is what is remembered of a crowd. The zero CrowdState is quiet.
type CrowdState struct {
	Firing bool // the silence of most is told as one
	Hold   bool // the silence of one is not told: it is, or may be about to become, that of most
	silent int
	back   time.Time // when fewer became silent
}

// StepCrowd decides whether the silence of many is one event. It is when more than
// half of them, and at least two, are silent at once. Those that fall silent
// together do so one after the other: while most are late, the silence of one is
// held back. It ends when all speak, or when most do and no other has come back
// for r.For: a shelf does not start all at once.
func (r Silence) StepCrowd(s CrowdState, now time.Time, c Crowd) (CrowdState, Change) {
	if c.Silent < s.silent || s.back.After(now) {
		s.back = now
	}
	s.silent = c.Silent
	change := None
	switch {
	case !s.Firing && c.most(c.Silent):
		s.Firing, s.back, change = true, now, Fired
	case s.Firing && (c.Silent == 0 || !c.most(c.Silent) && now.Sub(s.back) >= r.For):
		s.Firing, change = false, Resolved
	}
	s.Hold = s.Firing || c.most(c.Late)
	return s, change
}
