package web

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"slices"
	"time"
)

const (
	heartbeat     = 5 * time.Second  // of a quiet stream: so proxies keep it, and who has left is noticed
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
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no")
	if r.Method == http.MethodHead {
		s.hub.unsubscribe(stream)
		return nil
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // as in HTTP/2, where others share it
		defer s.hub.unsubscribe(stream)
		s.follow(r.Context(), stream, within(w))
		return nil
	}
	s.hub.take(stream, conn, func() {
		defer s.hub.unsubscribe(stream)
		s.followOn(conn, stream, header)
	})
	return nil
}

// followOn is follow on a connection that the HTTP server has let go of: it would
// keep buffers and goroutines for each, 30 kB that a stream has no use for. Nobody
// reads from it; that a client has left shows when it is written to.
func (s *Server) followOn(conn net.Conn, stream *stream, header http.Header) {
	defer conn.Close()
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 200 OK\r\nConnection: close\r\nDate: " + time.Now().UTC().Format(http.TimeFormat) + "\r\n")
	_ = header.Write(&head) // a buffer takes all
	head.WriteString("\r\n")
	write := func(text []byte) error {
		if err := conn.SetWriteDeadline(time.Now().Add(streamTimeout)); err != nil {
			return err
		}
		_, err := conn.Write(text)
		return err
	}
	if write(head.Bytes()) == nil {
		s.follow(context.Background(), stream, write)
	}
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

// An eventWriter writes whole events, each within streamTimeout.
type eventWriter func(text []byte) error

// follow writes a stream until its client leaves, is too slow, or we stop.
func (s *Server) follow(ctx context.Context, stream *stream, write eventWriter) {
	if write([]byte("retry: 2000\n: welcome\n\n")) != nil {
		return
	}
	wake, timer := stream.wake, time.NewTimer(heartbeat)
	defer timer.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-s.hub.done:
			return
		case <-wake:
			err = write(stream.take())
			wake = nil // until the pause is over
			timer.Reset(s.hub.pause())
		case <-timer.C:
			if wake != nil {
				err = write([]byte(":\n\n"))
			}
			wake = stream.wake
			timer.Reset(heartbeat)
		}
		if err != nil {
			return
		}
	}
}

// within writes into an answer of the HTTP server.
func within(w http.ResponseWriter) eventWriter {
	conn := http.NewResponseController(w)
	return func(text []byte) error {
		if err := conn.SetWriteDeadline(time.Now().Add(streamTimeout)); err != nil {
			return err
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
		return conn.Flush()
	}
}
