package normal

import (
	"context"
	"time"

	"thermarack/agent/wire/clock"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/rack"
)

// Racks are where the shelves are looked at.
type Racks interface {
	Layout() *layout.Layout
	State(ctx context.Context, shelf string, at time.Time) (rack.State, error)
}

// Options say what Run looks at.
type Options struct {
	Racks    Racks
	Clock    clock.Clock
	Troubled func(shelf string) bool     // whether an alert of the shelf is pending or fires
	Keep     func(map[string]Memo) error // writes down what is known; called every KeepEvery of wall time and at the end
	Failed   func(error)                 // is told that Keep failed; what is known goes on
}

// KeepEvery is how often what is known is written down: what a crash costs is less
// than a hundredth of Memory.
const KeepEvery = 30 * time.Minute

// Run looks at every shelf each minute of the clock, until ctx ends. It returns the
// error of the last Keep.
func (l *Learner) Run(ctx context.Context, o Options) error {
	kept := time.Now()
	for next := o.Clock.Now(); ; {
		next = next.Add(Every)
		if o.Clock.SleepUntil(ctx, next) != nil {
			return o.Keep(l.Saved())
		}
		if now := o.Clock.Now(); now.Sub(next) > Every || next.Sub(now) > Every {
			next = now // the clock was set, or is faster than we are
		}
		l.look(ctx, o)
		if time.Since(kept) >= KeepEvery {
			kept = time.Now()
			l.Forget(o.Clock.Now().Add(-3 * Memory))
			if err := o.Keep(l.Saved()); err != nil {
				o.Failed(err)
			}
		}
	}
}

// look learns from every shelf that nothing is wrong with.
func (l *Learner) look(ctx context.Context, o Options) {
	shelves := o.Racks.Layout().Shelves
	for i := range shelves {
		id := shelves[i].ID()
		if o.Troubled(id) {
			continue
		}
		if state, err := o.Racks.State(ctx, id, time.Time{}); err == nil { // else a provisional one that is gone again
			l.Learn(state)
		}
	}
}
