// Package normal learns what is normal for each sensor of a shelf: by how much it
// is warmer than the inlets when nothing is wrong, so that a change is seen that
// no fixed limit would show.
package normal

import (
	"math"
	"slices"
	"sync"
	"time"

	"thermarack/collector/internal/rack"
)

const (
	// Memory is the time constant with which old values are forgotten: long
	// against a day, short against a season.
	Memory = 3 * 24 * time.Hour

	// Needed is how much of its life a sensor must have been watched until its
	// normal counts.
	Needed = 6 * time.Hour

	// Every is how often a shelf is looked at.
	Every = time.Minute

	// MaxSensors is how many are remembered.
	MaxSensors = 200_000
)

// A Memo is what is remembered of one sensor. Its fields are kept on disk.
type Memo struct {
	Seen time.Duration `json:"seen"` // how long it was watched, forgotten as the values are
	Mean float64       `json:"mean"` // K above the inlets
	Var  float64       `json:"var"`  // K²
	Last time.Time     `json:"last"` // when it was last watched
}

// known tells whether the memo is worth something.
func (m Memo) known() bool { return m.Seen >= Needed }

// step takes in one value. A pause counts as little as one look: what was between
// is not known.
func (m Memo) step(at time.Time, rise float64) Memo {
	passed := min(at.Sub(m.Last), Every)
	if passed <= 0 {
		m.Last = at // our clock has been set back, or this is the first look
		return m
	}
	m.Seen = time.Duration(float64(m.Seen)*math.Exp(-passed.Seconds()/Memory.Seconds())) + passed
	weight := float64(passed) / float64(m.Seen)
	off := rise - m.Mean
	m.Mean += weight * off
	m.Var = (1 - weight) * (m.Var + weight*off*off)
	m.Last = at
	return m
}

// A Learner remembers what is normal. It is safe for concurrent use. The zero
// Learner knows nothing.
type Learner struct {
	mu    sync.RWMutex
	memos map[string]Memo // by record name
}

// Resume gives the learner what it knew before a restart.
func (l *Learner) Resume(memos map[string]Memo) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.memos = memos
}

// Saved returns what the learner knows; it is the caller's own.
func (l *Learner) Saved() map[string]Memo {
	l.mu.RLock()
	defer l.mu.RUnlock()
	saved := make(map[string]Memo, len(l.memos))
	for name, memo := range l.memos {
		saved[name] = memo
	}
	return saved
}

// Learn takes in a shelf at a moment when nothing is wrong with it. The caller
// leaves out those at which an alert is pending or fires. Without enough fresh
// inlets, and while a fan does not turn as it should, nothing is learned.
func (l *Learner) Learn(s rack.State) {
	if !s.Figures.Inlet.Ok() || slices.ContainsFunc(s.Fans, func(f rack.Fan) bool { return !f.Ok() || f.V < f.Healthy }) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.memos == nil {
		l.memos = map[string]Memo{}
	}
	for record, value := range rack.Temperatures(s) {
		memo, known := l.memos[record]
		if !value.Ok() || !known && len(l.memos) >= MaxSensors {
			continue
		}
		l.memos[record] = memo.step(s.At, value.V-s.Figures.Inlet.V)
	}
}

// Normal returns by how many K a sensor is warmer than the inlets as a rule, and
// the standard deviation of that. ok is false until it has been watched for Needed.
func (l *Learner) Normal(record string) (rise, sd float64, ok bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	memo := l.memos[record]
	return memo.Mean, math.Sqrt(memo.Var), memo.known()
}

// Forget drops sensors that were last watched before a time.
func (l *Learner) Forget(before time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, memo := range l.memos {
		if memo.Last.Before(before) {
			delete(l.memos, name)
		}
	}
}
