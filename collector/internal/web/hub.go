package web

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// A hub counts changes and passes them to streams. It is safe for concurrent
// use.
type hub struct {
	done chan struct{} // closed when no more changes come

	taken sync.WaitGroup // streams on connections of their own

	mu      sync.Mutex
	any     uint64            // changes of all kinds
	alarms  uint64            // changes of the alerts, which stand in every shelf's map
	shelves map[string]uint64 // changes of one shelf
	streams map[*stream]bool
	closed  bool
}

func newHub() *hub {
	return &hub{done: make(chan struct{}), shelves: map[string]uint64{}, streams: map[*stream]bool{}}
}

// version changes whenever what a shelf shows may have changed; for shelf "",
// whenever anything may have.
func (h *hub) version(shelf string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if shelf == "" {
		return fmt.Sprint(h.any)
	}
	return fmt.Sprintf("%d.%d", h.shelves[shelf], h.alarms)
}

// readings changes whenever the readings of a shelf may have.
func (h *hub) readings(shelf string) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.shelves[shelf]
}

func (h *hub) shelvesChanged(ids []string, t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.any++
	for _, id := range ids {
		h.shelves[id]++
		h.tell(event{kind: "shelf", shelf: id}, t)
	}
}

func (h *hub) alertsChanged(t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.any++
	h.alarms++
	h.tell(event{kind: "alerts"}, t)
}

func (h *hub) pageSent(t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tell(event{kind: "page"}, t)
}

// tell never waits: a stream keeps what its client has not yet read.
func (h *hub) tell(e event, t time.Time) {
	text := e.text(t)
	for s := range h.streams {
		s.add(e, text)
	}
}

// subscribe opens a stream; of shelves it tells only those in only, of all when
// that is empty. ok is false when there are too many, or the hub is closed.
func (h *hub) subscribe(only []string) (s *stream, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.streams) >= maxStreams {
		return nil, false
	}
	s = &stream{only: only, wake: make(chan struct{}, 1), pending: map[event][]byte{}}
	h.streams[s] = true
	return s, true
}

func (h *hub) unsubscribe(s *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.streams, s)
}

// count returns how many streams are open.
func (h *hub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.streams)
}

// pause returns how long a stream waits between two writes.
func (h *hub) pause() time.Duration {
	return min(max(streamPause, time.Duration(h.count())*time.Second/streamWrites), longestPause)
}

// take gives a stream a connection of its own and calls serve, which ends when that
// is closed: by itself, or by the hub when it closes.
func (h *hub) take(s *stream, conn net.Conn, serve func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		_ = conn.Close() // nothing was said on it
		return
	}
	s.conn = conn
	h.taken.Go(serve)
}

// close ends all streams and returns when those with connections of their own have
// ended.
func (h *hub) close() {
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		close(h.done)
		for s := range h.streams {
			if s.conn != nil {
				_ = s.conn.Close() // clients ask again
			}
		}
	}
	h.mu.Unlock()
	h.taken.Wait()
}

// An event is what can change; shelf is "" unless kind is "shelf".
type event struct{ kind, shelf string }

// text returns the event as a stream has it.
func (e event) text(t time.Time) []byte {
	var out bytes.Buffer
	out.WriteString("event: " + e.kind + "\ndata: ")
	// Strings and times can always be encoded.
	_ = encodeJSON(&out, struct {
		Shelf string    `json:"shelf,omitempty"`
		T     time.Time `json:"t"`
	}{e.shelf, stamp(t)})
	out.WriteByte('\n')
	return out.Bytes()
}

// A stream holds what one client has not been told: of each event the newest
// only, so that it is bounded by the number of shelves however slow the client
// reads.
type stream struct {
	only []string
	wake chan struct{} // holds one value while anything is pending
	conn net.Conn      // nil: it has none of its own; guarded by hub.mu

	mu      sync.Mutex
	order   []event
	pending map[event][]byte // texts, which all streams share
}

func (s *stream) add(e event, text []byte) {
	if e.shelf != "" && len(s.only) > 0 && !slices.Contains(s.only, e.shelf) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.pending[e]; !known {
		s.order = append(s.order, e)
	}
	s.pending[e] = text
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take returns what is pending, in the order of its first change, and forgets it.
func (s *stream) take() (text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.order {
		text = append(text, s.pending[e]...)
	}
	s.order = s.order[:0]
	clear(s.pending)
	return text
}
