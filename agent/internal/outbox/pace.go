package outbox

import "time"

// The backlog of an outage goes out in batches of four, a quarter of a second
// apart: 24 hours of 10 s packs in nine minutes, and no rack of a hundred nodes
// brings its broker down by coming back.
const (
	batch = 4
	every = 250 * time.Millisecond
)

// A pace says when the next pack of a backlog may go.
type pace struct {
	every time.Duration // between two batches
	left  int           // packs of the batch under way
	due   time.Time     // of the next batch
	free  bool          // no limit
}

// wait returns how long the next pack has to wait; 0 or less is not at all.
func (p *pace) wait() time.Duration {
	if p.free || p.left > 0 {
		return 0
	}
	return time.Until(p.due)
}

// spend counts a pack that goes.
func (p *pace) spend() {
	if p.left == 0 {
		p.left, p.due = batch, time.Now().Add(p.every)
	}
	p.left--
}
