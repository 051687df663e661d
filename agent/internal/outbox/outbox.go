// Package outbox holds encoded packs in memory, and on disk if it is told to,
// until a broker has acknowledged them, and drops the oldest when there are too
// many.
package outbox

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"thermarack/agent/wire/clock"
)

// Window is the most packs that are out, handed over but not acknowledged, at
// any time. It bounds what is sent twice after a lost connection, and stays
// under the window that brokers grant a client.
const Window = 32

const (
	// reserve is the part of the Window that the backlog leaves to live packs.
	reserve = 8
	// blip is the longest backlog that is none: so few packs go at once, in
	// order, before the live ones.
	blip = 3
)

// DefaultLimit is the memory that a Box takes at most, in bytes. A Pi with seven
// 1-Wire probes, a climate sensor, a PoE HAT and two fans makes 8640 packs of
// 1.5 kB a day at 10 s, which take less than a fifth of it.
const DefaultLimit = 6_000_000

// A Box is a bounded queue of packs for one reader.
//
// The reader takes packs with Next and returns each with Ack. A pack leaves the
// Box by Ack only, or when the Box is full and the pack is the oldest, even if
// it is out.
//
// Packs come in two lanes, each in the order of Put. What waits when the reader
// calls Rewind, which it does when its connection stands, is the backlog. It
// comes behind what is put after that, the live packs, at no more than 16 packs
// a second; three packs or fewer are no backlog and come first.
//
// A Box is safe for concurrent use by any number of writers and one reader.
type Box struct {
	limit int
	more  chan struct{}
	spool *spool // nil without one; only Open, Run and Close touch it

	mu      sync.Mutex
	store   // what is there is what the broker does not have
	out     []uint64
	mark    uint64 // ids below are the backlog
	back    uint64 // the backlog is handed over up to here,
	live    uint64 // and the live packs up to here
	pace    pace
	timer   *time.Timer // fires when pace allows more; nil before it is needed
	dropped uint64
	ledger  ledger
}

// New returns an empty Box in memory that holds packs of limit bytes in all,
// bookkeeping included, on the wall clock. The newest pack is always kept, even
// if it alone exceeds limit.
func New(limit int) *Box {
	b, _ := Open(Options{Limit: limit}) // nothing is opened
	return b
}

// Options is what a Box is made of. The zero Options are those of a Box in
// memory.
type Options struct {
	Limit int         // bytes of memory; 0 is DefaultLimit
	Clock clock.Clock // its speed is that of the backlog's pace

	Spool Spool
	Log   *slog.Logger // of the spool; needed if there is one
}

// Open returns a Box that holds what its spool has kept, in the order in which it
// was put once, and nothing else. A spool needs Run, and Close at the end.
//
// The error is ErrInUse, or says what is wrong with the options. A directory that
// cannot be used is none: it is logged once, and tried again by Run.
func Open(o Options) (*Box, error) {
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	b := &Box{
		limit: o.Limit - fixedCost,
		more:  make(chan struct{}, 1),
		pace:  pace{every: time.Duration(float64(every) / o.Clock.Speed())},
	}
	if o.Spool.Dir == "" {
		return b, nil
	}
	if err := o.Spool.check(); err != nil {
		return nil, err
	}
	b.ledger.work = make(chan struct{}, 1)
	b.spool = newSpool(b, o.Spool, o.Log)
	if err := b.spool.start(); err != nil {
		return nil, err
	}
	return b, nil
}

// Put adds a copy of a pack at the end and never blocks.
func (b *Box) Put(pack []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.push(pack)
	for b.bytes > b.limit && b.count > 1 {
		b.dropped++
		b.leave(b.first)
	}
	b.signal()
	if b.ledger.idle {
		b.ledger.nudge()
	}
}

// leave takes out a pack that is there. The caller holds mu.
func (b *Box) leave(id uint64) {
	b.remove(id)
	b.ledger.settle(id)
}

// More returns the channel that receives a value when Next may have something
// to give again. It may fire for nothing; it never fails to fire.
func (b *Box) More() <-chan struct{} { return b.more }

// signal wakes the reader if there is something for it, or sets the timer that
// will. The caller holds mu.
func (b *Box) signal() {
	lane, wait := b.lane()
	switch {
	case lane != nil:
		select {
		case b.more <- struct{}{}:
		default: // it has not looked since the last time
		}
	case wait > 0 && b.timer == nil:
		b.timer = time.AfterFunc(wait, func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.signal()
		})
	case wait > 0:
		b.timer.Reset(wait)
	}
}

// lane returns the position in the lane that Next serves now. It is nil if there
// is none; a wait above 0 is how long to wait for the backlog. The caller holds
// mu.
func (b *Box) lane() (position *uint64, wait time.Duration) {
	b.back, b.live = b.next(b.back), b.next(b.live)
	switch {
	case len(b.out) >= Window:
	case b.live < b.end:
		return &b.live, 0
	case b.back < b.mark && b.late() < Window-reserve:
		if wait = b.pace.wait(); wait <= 0 {
			return &b.back, 0
		}
	}
	return nil, wait
}

// late returns how many packs of the backlog are out.
func (b *Box) late() (n int) {
	for _, id := range b.out {
		if id < b.mark {
			n++
		}
	}
	return n
}

// Next hands over the oldest live pack that is not out yet, else the oldest of
// the backlog, with the id that Ack wants. ok is false if there is none, if
// Window packs are out, or if the backlog has to wait; More then tells when to
// ask again.
func (b *Box) Next() (id uint64, pack []byte, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	lane, _ := b.lane()
	if lane == nil {
		b.signal()
		return 0, nil, false
	}
	if lane == &b.back {
		b.pace.spend()
	}
	id = *lane
	*lane++
	b.out = append(b.out, id)
	return id, b.pack(id), true
}

// Ack says that the broker has the pack. An id that is not out changes nothing.
func (b *Box) Ack(id uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.out, id)
	if i < 0 {
		return
	}
	b.out = slices.Delete(b.out, i, i+1)
	if b.has(id) { // else it was dropped
		b.leave(id)
	}
	b.signal()
}

// Rewind takes back every pack that is out, and makes the backlog of all that
// the broker does not have. It is for a reader that has a new connection, and
// has lost with the old one the acknowledgements under way.
func (b *Box) Rewind() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.out = b.out[:0]
	b.back, b.mark = b.first, b.end
	if b.count <= blip {
		b.mark = b.first
	}
	b.live = b.mark
	b.pace.free = false
	b.signal()
}

// Rush lets the backlog go as fast as the broker acknowledges until the next
// Rewind. It is for a reader that is about to go.
func (b *Box) Rush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pace.free = true
	b.signal()
}

// Len returns how many packs the broker does not have: those that wait, and
// those that are out.
func (b *Box) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count
}

// Dropped returns how many packs were lost because the Box was full.
func (b *Box) Dropped() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dropped
}
