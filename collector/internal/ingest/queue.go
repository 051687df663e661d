package ingest

import (
	"sync"
	"time"
)

// What may wait at a time, deliveries that are being committed included. Offer
// refuses what is beyond.
const (
	maxWaiting      = 16384
	maxWaitingBytes = 64 << 20 // of payloads
)

// A waiting delivery has been accepted and awaits its commit.
type waiting struct {
	Delivery
	received time.Time // on the collector's clock
}

// A queue holds deliveries in the order of arrival. It is safe for concurrent
// use.
type queue struct {
	wake chan struct{} // receives when something was put since the last take

	mu     sync.Mutex
	items  []waiting
	count  int // put and not released
	bytes  int // of their payloads
	closed bool
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

// put appends w; false when the queue is full or closed.
func (q *queue) put(w waiting) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.count >= maxWaiting || q.bytes+len(w.Payload) > maxWaitingBytes {
		return false
	}
	q.items = append(q.items, w)
	q.count++
	q.bytes += len(w.Payload)
	select {
	case q.wake <- struct{}{}:
	default: // awake already
	}
	return true
}

// take removes up to n items, oldest first.
func (q *queue) take(n int) []waiting {
	q.mu.Lock()
	defer q.mu.Unlock()
	n = min(n, len(q.items))
	taken := q.items[:n:n]
	if q.items = q.items[n:]; len(q.items) == 0 {
		q.items = nil // lets go of the payloads that were taken
	}
	return taken
}

// release makes room for what was taken.
func (q *queue) release(taken []told) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.count -= len(taken)
	for _, m := range taken {
		q.bytes -= len(m.Payload)
	}
}

// crowded tells whether less than a quarter of the room is left.
func (q *queue) crowded() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.count > maxWaiting/4*3 || q.bytes > maxWaitingBytes/4*3
}

// ready returns how many items can be taken.
func (q *queue) ready() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}

// held returns how many items have been put and not released.
func (q *queue) held() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.count
}

// close makes put refuse everything. What waits can still be taken.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}
