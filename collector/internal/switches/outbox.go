package switches

import (
	"sync"

	"thermarack/agent/wire"
	"thermarack/collector/internal/ingest"
)

// maxKept is how many messages of one switch may await their commit: while the
// store fails, the newest few polls.
const maxKept = 8

// A message is one that ingest shall take.
type message struct {
	topic   wire.Topic
	payload []byte
}

// An outbox hands the messages of one switch to ingest, one after the other and in
// order, each until it is committed. It is safe for concurrent use.
type outbox struct {
	offer   func(ingest.Delivery) bool
	dropped func() // is told of each pack of readings that is given up

	mu      sync.Mutex
	waiting []message // the oldest first
	out     bool      // waiting[0] has been offered
}

// put appends a message. An earlier status or inventory that still waits is
// replaced; of too many the oldest goes.
func (b *outbox) put(m message) {
	b.mu.Lock()
	if m.topic.Kind != wire.KindReadings {
		b.remove(m.topic.Kind)
	}
	b.waiting = append(b.waiting, m)
	if len(b.waiting) > maxKept && b.remove(wire.KindReadings) {
		b.dropped()
	}
	b.mu.Unlock()
	b.flush()
}

// remove takes out the oldest message of a kind that has not been offered. b.mu is
// held.
func (b *outbox) remove(kind wire.Kind) bool {
	first := 0
	if b.out {
		first = 1
	}
	for i := first; i < len(b.waiting); i++ {
		if b.waiting[i].topic.Kind == kind {
			b.waiting = append(b.waiting[:i], b.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// flush offers the oldest message, unless that has been done.
func (b *outbox) flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.out || len(b.waiting) == 0 {
		return
	}
	m := b.waiting[0]
	b.out = b.offer(ingest.Delivery{Topic: m.topic.String(), Payload: m.payload, Done: b.done})
}

// done is told that the message that was offered is committed, or, with an error,
// that it is to be offered again at the next flush.
func (b *outbox) done(err error) {
	b.mu.Lock()
	b.out = false
	if err == nil {
		b.waiting = b.waiting[1:]
	}
	b.mu.Unlock()
	if err == nil {
		b.flush()
	}
}

// holds returns how many messages are not yet committed.
func (b *outbox) holds() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting)
}
