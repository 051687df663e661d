package web

import (
	"bytes"
	"net/http"
	"slices"
	"time"
)

const (
	heartbeat     = 15 * time.Second // of a quiet stream, so that proxies keep it
	streamTimeout = 10 * time.Second // for a client to take one write
	maxFilter     = 100              // shelves that one stream may name

	// Between two writes to one client: four a second while there are few, fewer
	// while there are more than 750, as each brings the questions of a page.
	streamPause  = 250 * time.Millisecond
	streamWrites = 3000 // a second, to all clients together
	longestPause = 750 * time.Millisecond
)

// events streams what changed, and nothing else: the client asks for what it
// shows. With ?shelf=, given once or more, of shelves only those.
func (s *Server) events(w http.ResponseWriter, r *http.Request) error {
	only, err := s.filter(r.URL.Query()["shelf"])
	if err != nil {
		return err
	}
	stream, ok := s.hub.subscribe(only)
	if !ok {
		w.Header().Set("Retry-After", "10")
		return problem{http.StatusServiceUnavailable, "too many streams, or shutting down"}
	}
	defer s.hub.unsubscribe(stream)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	if r.Method == http.MethodHead {
		return nil
	}
	s.follow(stream, eventWriter{w, http.NewResponseController(w)}, r)
	return nil
}

// filter returns the shelves that a stream is about; none for all. A provisional
// layout grows with what reports, so that any shelf may yet be in it.
func (s *Server) filter(shelves []string) ([]string, error) {
	if len(shelves) > maxFilter {
		return nil, badParameter("shelf", "given more than 100 times")
	}
	only := slices.DeleteFunc(shelves, func(id string) bool { return id == "" })
	for _, id := range only {
		if _, ok := s.opt.Racks.Layout().Shelf(id); !ok && !s.opt.Racks.Provisional() {
			return nil, noShelf(id)
		}
	}
	return only, nil
}

// follow writes a stream until its client leaves, is too slow, or we stop.
func (s *Server) follow(stream *stream, out eventWriter, r *http.Request) {
	if out.write([]byte("retry: 2000\n: welcome\n\n")) != nil {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	pause := time.NewTimer(streamPause)
	defer pause.Stop()
	wake := stream.wake
	for {
		var err error
		select {
		case <-r.Context().Done():
			return
		case <-s.hub.done:
			return
		case <-beat.C:
			err = out.write([]byte(":\n\n"))
		case <-pause.C:
			wake = stream.wake
		case <-wake:
			err = out.send(stream.take())
			wake = nil
			pause.Reset(s.hub.pause())
		}
		if err != nil {
			return
		}
	}
}

// An eventWriter writes whole events, each write within streamTimeout.
type eventWriter struct {
	w    http.ResponseWriter
	conn *http.ResponseController
}

func (e eventWriter) send(events []event, times []time.Time) error {
	var out bytes.Buffer
	for i, event := range events {
		out.WriteString("event: " + event.kind + "\ndata: ")
		err := encodeJSON(&out, struct {
			Shelf string    `json:"shelf,omitempty"`
			T     time.Time `json:"t"`
		}{event.shelf, stamp(times[i])})
		if err != nil {
			return err
		}
		out.WriteByte('\n')
	}
	return e.write(out.Bytes())
}

func (e eventWriter) write(text []byte) error {
	if err := e.conn.SetWriteDeadline(time.Now().Add(streamTimeout)); err != nil {
		return err
	}
	if _, err := e.w.Write(text); err != nil {
		return err
	}
	return e.conn.Flush()
}
