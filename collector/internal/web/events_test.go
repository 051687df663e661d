package web_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/pager"
	"thermarack/collector/internal/watch"
)

func TestAStreamTellsWhatChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stream := w.run(t).stream(t, "")
	w.racks.changes <- []string{"hex/a1/s3", "hex/a1/s4"}
	stream.want("shelf", "hex/a1/s3")
	stream.want("shelf", "hex/a1/s4")
	w.alerts.set(watch.Active{})
	stream.want("alerts", "")
	w.pages.set(pager.Notification{})
	stream.want("page", "")
}

func TestAStreamMayNameItsShelves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.racks.layout = parse(t, strings.Replace(small, "{s3: {", "{s4: {columns: 2, depth: 2}, s3: {", 1))
	r := w.run(t)
	stream := r.stream(t, "?shelf=hex/a1/s4")
	all := r.stream(t, "")
	w.racks.changes <- []string{"hex/a1/s3"}
	all.want("shelf", "hex/a1/s3")
	w.racks.changes <- []string{"hex/a1/s4"}
	stream.want("shelf", "hex/a1/s4")
	if many := r.stream(t, "?"+strings.Repeat("shelf=a&", 101)); many.status != http.StatusBadRequest {
		t.Errorf("a stream of 101 shelves: %d", many.status)
	}
}

func TestAStreamOfAShelfThatTheLayoutDoesNotHaveIsNotFound(t *testing.T) {
	t.Parallel()
	h := newWorld(t).server(t).Handler()
	for _, query := range []string{"shelf=nope", "shelf=hex/a1/s9", "shelf=hex/a1/s3&shelf=nope", "shelf=" + url.QueryEscape(hostile)} {
		for _, method := range []string{"GET", "HEAD"} {
			got := ask(h, httptest.NewRequest(method, "/api/v1/events?"+query, nil))
			if got.Code != 404 || !strings.Contains(got.Body.String(), "no shelf") {
				t.Errorf("%s %s: %d %s", method, query, got.Code, got.Body)
			}
			decode(t, got)
		}
	}
	if got := ask(h, httptest.NewRequest("HEAD", "/api/v1/events?shelf="+shelfID, nil)); got.Code != 200 {
		t.Errorf("a shelf of the layout: %d %s", got.Code, got.Body)
	}
}

func TestWithoutALayoutFileAStreamMayWaitForAShelf(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.racks.layout, w.racks.provisional = &layout.Layout{}, true
	stream := w.run(t).stream(t, "?shelf=hex/provisional/1")
	w.racks.changes <- []string{"hex/provisional/1"}
	stream.want("shelf", "hex/provisional/1")
}

func TestAnEmptyShelfIsAsIfNotGiven(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stream := w.run(t).stream(t, "?shelf=")
	w.racks.changes <- []string{shelfID}
	stream.want("shelf", shelfID)
}

// A pipe is a client of a handler without a network: it may be slow, and it
// sees each write.
type pipe struct {
	header http.Header
	writes chan string
	mu     sync.Mutex
	stuck  chan struct{} // nil: reads at once
}

func (p *pipe) Header() http.Header              { return p.header }
func (p *pipe) WriteHeader(int)                  {}
func (p *pipe) Flush()                           {}
func (p *pipe) SetWriteDeadline(time.Time) error { return nil }
func (p *pipe) Write(b []byte) (int, error) {
	p.mu.Lock()
	stuck := p.stuck
	p.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
	p.writes <- string(b)
	return len(b), nil
}

// follow opens a stream on a handler within a synctest bubble.
func follow(ctx context.Context, h http.Handler) *pipe {
	p := &pipe{header: http.Header{}, writes: make(chan string, 10_000)}
	r := httptest.NewRequestWithContext(ctx, "GET", "/api/v1/events", nil)
	r.Host = "localhost"
	go h.ServeHTTP(p, r)
	synctest.Wait()
	<-p.writes // the greeting
	return p
}

// bubble runs a test with a running server on fake time.
func bubble(t *testing.T, test func(ctx context.Context, w *world, h http.Handler)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := newWorld(t)
		s := w.server(t)
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		synctest.Wait()
		test(ctx, w, s.Handler())
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestAQuietStreamBeatsEvery5Seconds(t *testing.T) {
	bubble(t, func(ctx context.Context, _ *world, h http.Handler) {
		p := follow(ctx, h)
		begin := time.Now()
		for range 3 {
			if beat := <-p.writes; beat != ":\n\n" {
				t.Errorf("beat %q", beat)
			}
		}
		if took := time.Since(begin); took != 15*time.Second {
			t.Errorf("three beats took %v", took)
		}
	})
}

func TestAClientIsToldOfAShelfFourTimesASecond(t *testing.T) {
	bubble(t, func(ctx context.Context, w *world, h http.Handler) {
		p := follow(ctx, h)
		for range 1000 { // for ten seconds
			w.racks.changes <- []string{"hex/a1/s3"}
			time.Sleep(10 * time.Millisecond)
		}
		if got := len(p.writes); got < 38 || got > 42 {
			t.Errorf("%d events in 10 s, want about 40", got)
		}
	})
}

func TestManyClientsAreToldOfAShelfLessOftenAndWithinASecond(t *testing.T) {
	bubble(t, func(ctx context.Context, w *world, h http.Handler) {
		var all []*pipe
		for range 2000 {
			all = append(all, follow(ctx, h))
		}
		for range 100 { // for ten seconds
			w.racks.changes <- []string{"hex/a1/s3"}
			time.Sleep(100 * time.Millisecond)
		}
		for i, p := range all {
			if got := len(p.writes); got < 14 || got > 16 {
				t.Fatalf("%d events for client %d in 10 s, want about 15", got, i)
			}
		}
		begin := time.Now()
		for p := all[0]; len(p.writes) > 0; {
			<-p.writes
		}
		w.racks.changes <- []string{"hex/a1/s3"}
		<-all[0].writes
		if took := time.Since(begin); took > time.Second {
			t.Errorf("a change was told after %v", took)
		}
	})
}

func TestASlowReaderHoldsNobodyUpAndGetsTheNewest(t *testing.T) {
	bubble(t, func(ctx context.Context, w *world, h http.Handler) {
		slow, quick := follow(ctx, h), follow(ctx, h)
		slow.mu.Lock()
		slow.stuck = make(chan struct{})
		slow.mu.Unlock()
		for range 20 {
			w.racks.changes <- []string{"hex/a1/s3"}
			w.alerts.set(watch.Active{})
			time.Sleep(time.Second)
		}
		if got := len(quick.writes); got < 20 {
			t.Errorf("the quick reader got %d writes of 20", got)
		}
		close(slow.stuck)
		time.Sleep(time.Second)
		// One write that hung, and one with what came meanwhile.
		told := slow.told()
		if len(told) != 2 || strings.Count(told[1], "event: shelf") != 1 || strings.Count(told[1], "event: alerts") != 1 {
			t.Errorf("the slow reader was told %q", told)
		}
	})
}

// told returns what was written so far, but for the beats.
func (p *pipe) told() []string {
	var told []string
	for len(p.writes) > 0 {
		if text := <-p.writes; text != ":\n\n" {
			told = append(told, text)
		}
	}
	return told
}

func TestStreamsAreBounded(t *testing.T) {
	bubble(t, func(ctx context.Context, _ *world, h http.Handler) {
		open, leave := context.WithCancel(ctx)
		for range 4096 {
			follow(open, h)
		}
		r := httptest.NewRequest("GET", "/api/v1/events", nil)
		if got := ask(h, r); got.Code != http.StatusServiceUnavailable || got.Header().Get("Retry-After") == "" {
			t.Errorf("stream 4097: %d %v", got.Code, got.Header())
		}
		leave()
		synctest.Wait()
		follow(ctx, h) // there is room again
	})
}

// broken is a client whose connection cannot be written to.
type broken struct{ pipe }

func (b *broken) Write([]byte) (int, error) { return 0, errors.New("connection reset") }

func TestAStreamEndsWithItsConnection(t *testing.T) {
	bubble(t, func(ctx context.Context, _ *world, h http.Handler) {
		r := httptest.NewRequestWithContext(ctx, "GET", "/api/v1/events", nil)
		r.Host = "localhost"
		h.ServeHTTP(&broken{pipe{header: http.Header{}}}, r) // returns
	})
}
