package watch

import (
	"time"

	"thermarack/agent/wire"
)

// setBack is how much earlier than the last a message must be received for our
// clock to have been set back.
const setBack = time.Second

// follow notes what time it is. When the clock has been set back it forgets when
// things were sampled, and not what they were: else nothing would be judged until
// the clock is again where it was. w.mu is held.
func (w *Watch) follow(now time.Time) {
	now = now.Round(0) // the monotonic reading of a time is never set back
	was := w.clock
	w.clock = now
	if was.Sub(now) < setBack {
		return
	}
	for k, s := range w.states {
		if s.Last.After(now) {
			s.Last = time.Time{} // what was pending begins anew: that is a gap
			w.states[k] = s
		}
	}
	for _, s := range w.shelves {
		forgetTimes(s.hot, now)
		forgetTimes(s.speeds, now)
		s.updated = time.Time{}
	}
	for _, p := range w.ports {
		p.forget(now)
	}
	for _, s := range w.supplies {
		s.forget(now)
	}
}

func forgetTimes(newest map[string]wire.Reading, now time.Time) {
	for name, r := range newest {
		forgetTime(&r, now)
		newest[name] = r
	}
}

func forgetTime(r *wire.Reading, now time.Time) {
	if r.Time.After(now) {
		r.Time = time.Time{}
	}
}
