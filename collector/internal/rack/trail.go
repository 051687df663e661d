package rack

import (
	"time"

	"thermarack/collector/internal/aisle"
	"thermarack/collector/internal/store"
)

// A trail is one sample a minute of the last quarter of an hour, the oldest first.
type trail []store.Point

// trails are those of the inlets, by record name. What is older than the rate of
// change reaches back is forgotten.
type trails map[string]trail

// trailStep is how far the samples of a trail are apart, and by how much the
// moment that is asked for may be missed.
const trailStep = time.Minute

// add takes in a sample that is newer than those before, unless it comes less than
// a step after them. After our clock was set back the trail begins anew.
func (ts trails) add(name string, p store.Point) {
	t := ts[name]
	if n := len(t); n > 0 {
		switch last := t[n-1].Time; {
		case p.Time.Before(last):
			t = t[:0]
		case p.Time.Sub(last) < trailStep:
			return
		}
	}
	for len(t) > 0 && p.Time.Sub(t[0].Time) > aisle.RiseOver+trailStep {
		t = append(t[:0], t[1:]...)
	}
	ts[name] = append(t, p)
}

// at returns the value of the sample that is next to a time.
func (t trail) at(when time.Time) (value float64, ok bool) {
	nearest := trailStep
	for _, p := range t {
		if d := p.Time.Sub(when).Abs(); d <= nearest {
			nearest, value, ok = d, p.Value, true
		}
	}
	return value, ok
}

// earlier returns what an inlet had a quarter of an hour before its newest sample.
// m.mu is held.
func (m *Model) earlier(record string) (float64, bool) {
	return m.trails[record].at(m.known[record].Time.Add(-aisle.RiseOver))
}
