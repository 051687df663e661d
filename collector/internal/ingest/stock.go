package ingest

import (
	"slices"
	"sync"

	"thermarack/collector/internal/store"
)

// maxStocked is how many samples may be decoded and await their commit. Beyond
// it nothing more is decoded, and messages wait as they came.
const maxStocked = 1 << 18

// maxSpare is the largest group, in samples, whose memory is used again: 8 MB. A
// store on a server commits as many at once when messages come flat out.
const maxSpare = 1 << 16

// A told message has been decoded and told to the observers.
type told struct {
	waiting
	samples int // how many of its group's samples are its own
}

// A group is what one commit stores: the samples of its messages, in the order
// of arrival.
type group struct {
	messages []told
	samples  []store.Sample
}

// emptied returns the memory of a group, for another.
func (g group) emptied() group {
	clear(g.messages) // lets go of the payloads
	return group{g.messages[:0], g.samples[:0]}
}

// A stock holds what has been told to the observers and awaits its commit. It is
// safe for concurrent use.
type stock struct {
	mu     sync.Mutex
	change sync.Cond // put, took or closed
	next   group
	spare  group // memory for the next one
	closed bool
}

func newStock() *stock {
	s := &stock{}
	s.change.L = &s.mu
	return s
}

// put appends a copy of g. It waits while there are too many samples.
func (s *stock) put(g group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.next.samples) >= maxStocked {
		s.change.Wait()
	}
	s.next.messages = append(s.next.messages, g.messages...)
	s.next.samples = append(s.next.samples, g.samples...)
	s.change.Broadcast()
}

// take returns all there is, and waits until there is something; ok is false
// when the stock is closed and empty.
func (s *stock) take() (g group, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.next.messages) == 0 {
		if s.closed {
			return group{}, false
		}
		s.change.Wait()
	}
	g, s.next, s.spare = s.next, s.spare, group{}
	s.change.Broadcast()
	return g, true
}

// putBack returns a group that could not be committed to where it was.
func (s *stock) putBack(g group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next.messages = append(g.messages, s.next.messages...)
	s.next.samples = append(g.samples, s.next.samples...)
	s.change.Broadcast()
}

// full tells whether put would wait.
func (s *stock) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.next.samples) >= maxStocked
}

// drop removes and returns the n oldest messages.
func (s *stock) drop(n int) []told {
	s.mu.Lock()
	defer s.mu.Unlock()
	n = min(n, len(s.next.messages))
	dropped := slices.Clone(s.next.messages[:n])
	samples := 0
	for _, m := range dropped {
		samples += m.samples
	}
	s.next.messages = slices.Delete(s.next.messages, 0, n)
	s.next.samples = slices.Delete(s.next.samples, 0, samples)
	s.change.Broadcast()
	return dropped
}

// reuse takes the memory of a group that is done with.
func (s *stock) reuse(g group) {
	if cap(g.samples) > maxSpare {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spare = g.emptied()
}

// close makes take return what is left and then nothing.
func (s *stock) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.change.Broadcast()
}
