package web_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"thermarack/collector/internal/store"
)

const (
	probe  = "urn:dev:ow:28c1000000000000:temperature"
	export = "/api/v1/export.csv?sensor=" + probe + "&from=1770000000&to=1770172800" // two days
)

// counted gives a world a registry and a series of one point a second.
func (w *world) counted() *prometheus.Registry {
	r := prometheus.NewRegistry()
	w.opt.Registry = r
	w.series[probe] = every(time.Second, func(time.Time) float64 { return 21.5 })
	return r
}

func TestClientsThatReadAByteASecondAreCutAndCostOthersNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		registry := w.counted()
		inPipes(t, w, func(p *pipes, get func(string) (int, string)) {
			var slow sync.WaitGroup
			begin := time.Now()
			for range 16 {
				conn := p.ask(t, export)
				slow.Go(func() {
					one := make([]byte, 1)
					for {
						if _, err := conn.Read(one); err != nil {
							return
						}
						time.Sleep(time.Second) // fake time
					}
				})
			}
			time.Sleep(5 * time.Second)
			if code, text := get(export); code != http.StatusServiceUnavailable {
				t.Errorf("one export more: %d %.100s, want 503", code, text)
			}
			for _, path := range []string{"/healthz", "/api/v1/shelves", "/api/v1/series?from=1770000000&to=1770000060&sensor=" + probe, shelfAt + "/heatmap.svg"} {
				asked := time.Now()
				if code, text := get(path); code != http.StatusOK || time.Since(asked) > 0 {
					t.Errorf("%s beside slow readers: %d after %v: %.100s", path, code, time.Since(asked), text)
				}
			}
			slow.Wait()
			if took := time.Since(begin); took > time.Minute {
				t.Errorf("slow readers were cut after %v, want within a minute", took)
			}
			if code, text := get(export); code != http.StatusOK || strings.Count(text, "\n") != 172_801 {
				t.Errorf("export after they were cut: %d, %d lines", code, strings.Count(text, "\n"))
			}
		})
		if n := metric(t, registry, "thermarack_http_requests_total", "200", "GET /api/v1/export.csv"); n != 17 {
			t.Errorf("%v exports counted, want 17", n)
		}
	})
}

func TestAStreamThatIsNotReadIsCutAndCostsOthersNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		registry := w.counted()
		inPipes(t, w, func(p *pipes, get func(string) (int, string)) {
			deaf := p.ask(t, "/api/v1/events")
			reader := p.ask(t, "/api/v1/events")
			var heard bytes.Buffer
			var reading sync.WaitGroup
			reading.Go(func() { _, _ = io.Copy(&heard, reader) })
			time.Sleep(time.Second) // fake time
			synctest.Wait()
			if n := metric(t, registry, "thermarack_http_streams"); n != 2 {
				t.Fatalf("%v streams, want 2", n)
			}
			for range 20 {
				w.racks.set(shelfState(&w.racks.layout.Shelves[0], noon, 1))
				time.Sleep(time.Second)
			}
			synctest.Wait()
			if n := metric(t, registry, "thermarack_http_streams"); n != 1 {
				t.Errorf("%v streams after 20 s, want the one that reads", n)
			}
			reader.Close()
			reading.Wait()
			if n := strings.Count(heard.String(), "event: shelf"); n != 20 {
				t.Errorf("who reads heard of %d changes, want 20", n)
			}
			deaf.Close()
		})
		if n := metric(t, registry, "thermarack_http_request_duration_seconds", "GET /api/v1/events"); n != 0 {
			t.Errorf("%v streams in the durations of requests", n)
		}
	})
}

func TestAStreamWhoseClientHasLeftGivesItsPlaceBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		registry := w.counted()
		inPipes(t, w, func(p *pipes, get func(string) (int, string)) {
			stream := p.ask(t, "/api/v1/events")
			answer, err := http.ReadResponse(bufio.NewReader(stream), nil)
			if err != nil {
				t.Fatal(err)
			}
			if h := answer.Header; h.Get("Content-Type") != "text/event-stream" || h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Security-Policy") == "" {
				t.Errorf("headers %v", h)
			}
			stream.Close()
			time.Sleep(11 * time.Second) // two beats
			synctest.Wait()
			streams, connections := metric(t, registry, "thermarack_http_streams"), metric(t, registry, "thermarack_http_connections")
			if streams != 0 || connections != 0 {
				t.Errorf("%v streams on %v connections, want none", streams, connections)
			}
		})
		if n := metric(t, registry, "thermarack_http_requests_total", "200", "GET /api/v1/events"); n != 1 {
			t.Errorf("%v streams counted", n)
		}
	})
}

func TestASlowReaderDoesNotKeepTheServerFromEnding(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.counted()
		var told time.Time
		inPipes(t, w, func(p *pipes, _ func(string) (int, string)) {
			p.ask(t, export) // and never reads
			time.Sleep(time.Second)
			told = time.Now()
		})
		if took := time.Since(told); took > 4*time.Second {
			t.Errorf("took %v to end, want at most 4 s", took)
		}
	})
}

func TestIdleConnectionsGiveWayToNewOnes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	registry := w.counted()
	w.opt.MaxConnections = 50
	r := w.run(t)
	busy := r.stream(t, "")
	var idle []net.Conn
	for range 2000 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, conn)
		defer conn.Close()
	}
	request, err := http.NewRequest("GET", r.url+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer := r.do(t, request); answer.StatusCode != http.StatusOK {
		t.Errorf("behind 2000 idle connections: %s", answer.Status)
	}
	if n := metric(t, registry, "thermarack_http_connections"); n > 50 {
		t.Errorf("%v connections are held, want at most 50", n)
	}
	for i, conn := range idle[:1900] {
		if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Fatalf("idle connection %d of 2000 was answered", i)
		}
	}
	if n := metric(t, registry, "thermarack_http_displaced_connections_total"); n < 1900 || n > 2000 {
		t.Errorf("%v connections displaced, want one for each that came too many", n)
	}
	w.racks.set(shelfState(&w.racks.layout.Shelves[0], noon, 1))
	busy.want("shelf", shelfID) // who is being answered stays
}

func TestAConnectionIsRefusedWhileAllAreBeingAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	registry := w.counted()
	w.opt.MaxConnections = 2
	r := w.run(t)
	first, second := r.stream(t, ""), r.stream(t, "")
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("a third connection was let in")
	}
	if n := metric(t, registry, "thermarack_http_refused_connections_total"); n != 1 {
		t.Errorf("%v refused, want 1", n)
	}
	w.racks.set(shelfState(&w.racks.layout.Shelves[0], noon, 1))
	first.want("shelf", shelfID)
	second.want("shelf", shelfID)
}

func TestRequestsWithoutMeasureAreRefused(t *testing.T) {
	t.Parallel()
	r := newWorld(t).run(t)
	many := http.Header{}
	for i := range 2000 {
		many.Set(fmt.Sprintf("X-%d", i), "value")
	}
	tests := []struct {
		name, method, path string
		header             http.Header
		body               string
		want               int
	}{
		{"one header of 64 KiB", "GET", "/healthz", http.Header{"X-Long": {strings.Repeat("a", 64<<10)}}, "", 431},
		{"one header of 1 MiB", "GET", "/healthz", http.Header{"X-Long": {strings.Repeat("a", 1<<20)}}, "", 431},
		{"two thousand headers", "GET", "/healthz", many, "", 431},
		{"a URL of 64 KiB", "GET", "/api/v1/series?sensor=" + strings.Repeat("a", 64<<10), nil, "", 431},
		{"a body of 1 MiB", "POST", "/alertmanager/api/v2/silences", http.Header{"Content-Type": {"application/json"}}, strings.Repeat(" ", 1<<20), 413},
		{"a small request", "GET", "/healthz", nil, "", 200},
	}
	for _, tt := range tests {
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		request := httptest.NewRequest(tt.method, r.url+tt.path, strings.NewReader(tt.body))
		if tt.header != nil {
			request.Header = tt.header
		}
		answers := make(chan string, 1)
		go func() { // the server answers before it has read all
			begin := make([]byte, len("HTTP/1.1 431"))
			_, _ = io.ReadFull(conn, begin)
			answers <- string(begin)
		}()
		_ = request.Write(conn) // the server may hang up meanwhile
		if got, want := <-answers, fmt.Sprintf("HTTP/1.1 %d", tt.want); got != want {
			t.Errorf("%s: %q, want %q", tt.name, got, want)
		}
		conn.Close()
	}
}

func TestABugInAHandlerCostsOneRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	registry := w.counted()
	var log bytes.Buffer
	w.opt.Log = slog.New(slog.NewTextHandler(&log, nil))
	w.opt.Metrics = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a nil map") })
	w.opt.Alertmanager = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "half an ans")
		panic([]int{1}) // what cannot be compared
	})
	h := w.server(t).Handler()
	answer := ask(h, httptest.NewRequest("GET", "/metrics", nil))
	if answer.Code != http.StatusInternalServerError || answer.Body.String() != `{"error":"Internal Server Error"}`+"\n" {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), "a nil map") || !strings.Contains(log.String(), "limits_test.go") {
		t.Errorf("log, want one line with the stack:\n%s", &log)
	}
	func() {
		defer func() {
			if fault := recover(); fault != http.ErrAbortHandler {
				t.Errorf("after half an answer: %v, want the connection cut", fault)
			}
		}()
		ask(h, httptest.NewRequest("GET", "/alertmanager/api/v2/alerts", nil))
	}()
	if answer := ask(h, httptest.NewRequest("GET", "/healthz", nil)); answer.Code != http.StatusOK {
		t.Errorf("afterwards: %d", answer.Code)
	}
	for _, want := range []struct {
		name   string
		labels []string
		n      float64
	}{
		{"thermarack_http_panics_total", nil, 2},
		{"thermarack_http_requests_total", []string{"500", "GET /metrics"}, 1},
		{"thermarack_http_requests_total", []string{"cut", "/alertmanager/"}, 1},
		{"thermarack_http_requests_total", []string{"200", "GET /healthz"}, 1},
	} {
		if n := metric(t, registry, want.name, want.labels...); n != want.n {
			t.Errorf("%s%v: %v, want %v", want.name, want.labels, n, want.n)
		}
	}
}

func TestHealthIsAnsweredWhileNothingElseCanBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	blocked := make(chan struct{})
	defer close(blocked)
	w.racks.gate = blocked
	w.series[probe] = func(time.Time, time.Time) []store.Point { <-blocked; return nil }
	w.opt.Ready = func() error { return fmt.Errorf("store: no answer for 12 s") }
	r := w.run(t)
	for range 50 { // more than are worked on at a time
		for _, path := range []string{shelfAt + "/heatmap.svg?at=1", "/api/v1/series?sensor=" + probe} {
			conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path)
		}
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503, "/metrics": 200, "/": 200} {
		request, err := http.NewRequest("GET", r.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if answer := r.do(t, request); answer.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, answer.Status, want)
		}
	}
}

func TestWhoseTurnDoesNotComeIsToldToComeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.counted()
		blocked := make(chan struct{})
		w.series[probe] = func(time.Time, time.Time) []store.Point { <-blocked; return nil }
		inPipes(t, w, func(p *pipes, get func(string) (int, string)) {
			var all sync.WaitGroup
			busy := make(chan int, 200)
			for range 200 {
				all.Go(func() {
					code, _ := get("/api/v1/series?sensor=" + probe)
					busy <- code
				})
			}
			time.Sleep(11 * time.Second) // fake time
			close(blocked)
			all.Wait()
			close(busy)
			got := map[int]int{}
			for code := range busy {
				got[code]++
			}
			if got[http.StatusOK] == 0 || got[http.StatusServiceUnavailable] < 100 || len(got) != 2 {
				t.Errorf("answers by status: %v, want few 200 and many 503", got)
			}
		})
	})
}

func TestRequestsAreCountedByRouteAndNobodyCanInventOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	registry := w.counted()
	h := w.server(t).Handler()
	for i := range 100 {
		ask(h, httptest.NewRequest("GET", fmt.Sprintf("/invented/%d", i), nil))
		ask(h, httptest.NewRequest("GET", fmt.Sprintf("/api/v1/shelves/hex/a1/%d", i), nil))
	}
	foreign := httptest.NewRequest("GET", "/healthz", nil)
	foreign.Host = "evil.example"
	ask(h, foreign)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "thermarack_http_requests_total" {
				got[m.Label[0].GetValue()+" "+m.Label[1].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	want := map[string]float64{"404 none": 100, "404 GET /api/v1/shelves/{site}/{rack}/{shelf}": 100, "421 none": 1}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
