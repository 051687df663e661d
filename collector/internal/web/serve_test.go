package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A running server, ended with the test.
type running struct {
	url    string
	client *http.Client
	stop   context.CancelFunc
	done   chan error
}

func (w *world) run(tb testing.TB) *running {
	tb.Helper()
	return w.runAt(tb, "127.0.0.1:0")
}

func (w *world) runAt(tb testing.TB, address string) *running {
	tb.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &running{url: "http://" + listener.Addr().String(), client: &http.Client{Transport: &http.Transport{}}, stop: stop, done: make(chan error, 1)}
	s := w.server(tb)
	go func() { r.done <- s.Serve(ctx, listener) }()
	tb.Cleanup(func() {
		stop()
		r.client.CloseIdleConnections()
	})
	return r
}

// do sends a request and reads the answer to its end.
func (r *running) do(tb testing.TB, request *http.Request) *http.Response {
	tb.Helper()
	answer, err := r.client.Do(request)
	if err != nil {
		tb.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		tb.Fatal(err)
	}
	return answer
}

// A stream reads events in the background.
type stream struct {
	tb     testing.TB
	status int
	lines  chan string // closed at its end
	body   io.Closer
}

// stream opens /api/v1/events and waits until it is open.
func (r *running) stream(tb testing.TB, query string) *stream {
	tb.Helper()
	answer, err := r.client.Get(r.url + "/api/v1/events" + query)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { answer.Body.Close() })
	s := &stream{tb: tb, status: answer.StatusCode, lines: make(chan string, 1000), body: answer.Body}
	go func() {
		defer close(s.lines)
		for scan := bufio.NewScanner(answer.Body); scan.Scan(); {
			s.lines <- scan.Text()
		}
	}()
	return s
}

// next returns the next event, or "" at the end of the stream.
func (s *stream) next() (kind string, data map[string]string) {
	s.tb.Helper()
	timeout := time.After(10 * time.Second)
	for {
		select {
		case <-timeout:
			s.tb.Fatal("no event within 10 s")
		case line, ok := <-s.lines:
			if !ok {
				return "", nil
			}
			if name, found := strings.CutPrefix(line, "event: "); found {
				kind = name
			}
			text, found := strings.CutPrefix(line, "data: ")
			if !found {
				continue
			}
			if err := json.Unmarshal([]byte(text), &data); err != nil {
				s.tb.Fatalf("%v in %s", err, line)
			}
			return kind, data
		}
	}
}

func (s *stream) want(kind, shelf string) {
	s.tb.Helper()
	if got, data := s.next(); got != kind || data["shelf"] != shelf || data["t"] == "" {
		s.tb.Fatalf("event %q %v, want %q of %q with a time", got, data, kind, shelf)
	}
}

func TestServeEndsStreamsAndReturnsNil(t *testing.T) {
	t.Parallel()
	r := newWorld(t).run(t)
	stream := r.stream(t, "")
	begin := time.Now()
	r.stop()
	if err := <-r.done; err != nil {
		t.Error(err)
	}
	if kind, _ := stream.next(); kind != "" {
		t.Errorf("event %q after the end", kind)
	}
	if took := time.Since(begin); took > 4*time.Second {
		t.Errorf("took %v, want no wait for streams", took)
	}
}

func TestServeReturnsTheErrorOfItsListener(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	err = newWorld(t).server(t).Serve(t.Context(), listener)
	if err == nil || !strings.Contains(err.Error(), listener.Addr().String()) {
		t.Errorf("err = %v, want one that names the address", err)
	}
}

func TestTooLargeHeadersAreRefused(t *testing.T) {
	t.Parallel()
	r := newWorld(t).run(t)
	request, err := http.NewRequest("GET", r.url+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Long", strings.Repeat("a", 64<<10))
	answer, err := r.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close() // not read: the server cuts the connection
	if answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%s", answer.Status)
	}
}
