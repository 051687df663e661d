package ds2482

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// gathering is how long a round waits for probes to join it. Whoever reads all
// its probes at once has asked for the last of them long before.
const gathering = 20 * time.Millisecond

// A Reader reads probes one by one as a program asks for them, and has those that
// are asked for at the same time share a conversion. It is safe for concurrent
// use.
//
// At most two rounds exist at a time, one under way and one that gathers probes.
// Their goroutines end when their rounds do, which is at once when nobody waits
// for them any more.
type Reader struct {
	bridge *Bridge
	turn   chan struct{} // holds one token while a round is under way

	mu   sync.Mutex
	next *round // gathers probes; nil if nobody waits for one
}

// A round is a reading of several probes.
type round struct {
	ctx     context.Context // ends when nobody waits any more
	cancel  context.CancelFunc
	waiting int // under Reader.mu
	probes  []Probe

	done    chan struct{} // closed when results are there
	results []Result      // in the order of probes
}

// NewReader returns a Reader of the probes behind b.
func NewReader(b *Bridge) *Reader {
	return &Reader{bridge: b, turn: make(chan struct{}, 1)}
}

// Read returns the temperature of p in °C, converted after the call began. It
// blocks as ReadAll does for all probes that are read at the same time, and its
// errors are those of ReadAll.
func (r *Reader) Read(ctx context.Context, p Probe) (celsius float64, err error) {
	if ctx.Err() != nil {
		return 0, fmt.Errorf("ds2482: read %s: %w", p.ROM, interruption(ctx))
	}
	round, i := r.join(p)
	defer r.leave(round)
	select {
	case <-round.done:
		return round.results[i].Celsius, round.results[i].Err
	case <-ctx.Done():
		return 0, fmt.Errorf("ds2482: read %s: %w", p.ROM, interruption(ctx))
	}
}

// join adds p to the round that gathers probes, and returns its place there.
func (r *Reader) join(p Probe) (*round, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == nil {
		ctx, cancel := context.WithCancel(context.Background())
		r.next = &round{ctx: ctx, cancel: cancel, done: make(chan struct{})}
		go r.run(r.next)
	}
	r.next.waiting++
	for i, q := range r.next.probes {
		if q == p {
			return r.next, i
		}
	}
	r.next.probes = append(r.next.probes, p)
	return r.next, len(r.next.probes) - 1
}

// leave ends a round that nobody waits for.
func (r *Reader) leave(rd *round) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if rd.waiting--; rd.waiting == 0 {
		rd.cancel()
		if r.next == rd {
			r.next = nil // nobody may join it any more
		}
	}
}

// run gathers probes until the round before has ended, and reads them.
func (r *Reader) run(rd *round) {
	defer close(rd.done)
	if wait(rd.ctx, gathering) != nil {
		return // nobody waits
	}
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-rd.ctx.Done():
		return
	}
	r.mu.Lock()
	probes := rd.probes
	if r.next == rd {
		r.next = nil
	}
	r.mu.Unlock()
	rd.results = r.bridge.ReadAll(rd.ctx, probes)
}
