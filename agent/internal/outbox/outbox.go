// Package outbox holds encoded packs in memory until a broker has acknowledged
// them, and drops the oldest when there are too many.
package outbox

import "sync"

// Window is the most packs that are out, handed over but not acknowledged, at
// any time. It bounds what is sent twice after a lost connection, and stays
// under the window that brokers grant a client.
const Window = 32

// DefaultLimit is the memory that a Box takes at most, in bytes. It holds 24
// hours of 10 s packs of up to 660 bytes, which is a Pi with its SoC, a fan and
// four probes; a Pi with its SoC alone keeps more than two days.
const DefaultLimit = 6 << 20

// overhead is what an entry costs beside its pack: the entry itself, and the
// rounding of the pack's allocation.
const overhead = 64

// A Box is a bounded queue of packs in the order of Put, for one reader.
//
// The reader takes packs with Next and returns each with Ack. A pack leaves the
// Box by Ack only, or when the Box is full and the pack is the oldest, even if
// it is out. A Box is safe for concurrent use by any number of writers and one
// reader.
type Box struct {
	limit int
	more  chan struct{}

	mu      sync.Mutex
	entries []entry // oldest first
	first   uint64  // id of entries[0]; ids count up by one and never change
	out     int     // entries[:out] have been handed over; entries[out] is not acked
	pending int     // entries that are not acked
	bytes   int
	dropped uint64
}

type entry struct {
	pack  []byte
	acked bool
}

// New returns an empty Box that holds packs of limit bytes in all, bookkeeping
// included. The newest pack is always kept, even if it alone exceeds limit.
func New(limit int) *Box {
	return &Box{limit: limit, more: make(chan struct{}, 1)}
}

// Put adds a pack at the end and never blocks. The Box keeps the slice, so the
// caller must not change it; several Boxes may share it.
func (b *Box) Put(pack []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.entries = append(b.entries, entry{pack: pack})
	b.pending++
	b.bytes += len(pack) + overhead
	for b.bytes > b.limit && len(b.entries) > 1 {
		if !b.entries[0].acked {
			b.dropped++
			b.pending--
		}
		b.pop()
	}
	b.signal()
}

// pop removes the oldest entry. The caller holds mu.
func (b *Box) pop() {
	b.bytes -= len(b.entries[0].pack) + overhead
	b.entries[0] = entry{}
	b.entries = b.entries[1:] // append moves the rest to the front of a new array in time
	b.first++
	b.out = max(b.out-1, 0)
}

// More returns the channel that receives a value when Next may have something
// to give again. It may fire for nothing; it never fails to fire.
func (b *Box) More() <-chan struct{} { return b.more }

// signal wakes the reader if there is something for it. The caller holds mu.
func (b *Box) signal() {
	if !b.ready() {
		return
	}
	select {
	case b.more <- struct{}{}:
	default: // it has not looked since the last time
	}
}

func (b *Box) ready() bool { return b.out < len(b.entries) && b.out < Window }

// Next hands over the oldest pack that is not out yet, with the id that Ack
// wants. ok is false if there is none, or if Window packs are out.
func (b *Box) Next() (id uint64, pack []byte, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ready() {
		return 0, nil, false
	}
	id = b.first + uint64(b.out)
	pack = b.entries[b.out].pack
	b.out++
	b.skip()
	return id, pack, true
}

// skip steps over entries that were acknowledged before a Rewind. The caller
// holds mu.
func (b *Box) skip() {
	for b.out < len(b.entries) && b.entries[b.out].acked {
		b.out++
	}
}

// Ack says that the broker has the pack. An id whose pack was dropped, or has
// been acknowledged before, changes nothing.
func (b *Box) Ack(id uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if id < b.first || id-b.first >= uint64(b.out) || b.entries[id-b.first].acked {
		return
	}
	b.entries[id-b.first].acked = true
	b.pending--
	for b.out > 0 && b.entries[0].acked {
		b.pop()
	}
	b.signal()
}

// Rewind takes back every pack that is out: Next hands them over again, in
// order, but for those acknowledged meanwhile. It is for a reader that has lost
// its connection and with it the acknowledgements under way.
func (b *Box) Rewind() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.out = 0
	b.skip()
	b.signal()
}

// Len returns how many packs the broker does not have: those that wait, and
// those that are out.
func (b *Box) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pending
}

// Dropped returns how many packs were lost because the Box was full.
func (b *Box) Dropped() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dropped
}
