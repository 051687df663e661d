package metrics_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"thermarack/agent/internal/metrics"
)

// serve runs a server on a port of loopback until the test ends.
func serve(t *testing.T, healthy func() error) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	run(t, metrics.Server{Listener: listener, Families: families, Healthy: healthy})
	return "http://" + listener.Addr().String()
}

// run runs a server until stop is called, or the test ends.
func run(t *testing.T, s metrics.Server) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func fine() error { return nil }

func TestTheServerAnswers(t *testing.T) {
	healthy, sick := serve(t, fine), serve(t, func() error { return errors.New("no sample for 5m0s") })
	tests := []struct {
		name, method, url string
		status            int
		kind, body        string // body: a part of it
	}{
		{"metrics", "GET", healthy + "/metrics", 200, "text/plain; version=0.0.4; charset=utf-8", "thermarack_agent_faults_total{reason=\"crc\"} 3\n"},
		{"metrics with a query", "GET", healthy + "/metrics?x=1", 200, "text/plain; version=0.0.4; charset=utf-8", "# TYPE"},
		{"only the head of metrics", "HEAD", healthy + "/metrics", 200, "text/plain; version=0.0.4; charset=utf-8", ""},
		{"health", "GET", healthy + "/healthz", 200, "text/plain; charset=utf-8", "ok\n"},
		{"a want of health", "GET", sick + "/healthz", 503, "text/plain; charset=utf-8", "no sample for 5m0s\n"},
		{"a page that is not there", "GET", healthy + "/", 404, "text/plain; charset=utf-8", "404"},
		{"a method that changes things", "POST", healthy + "/metrics", 405, "text/plain; charset=utf-8", "405"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), tt.method, tt.url, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != tt.status || resp.Header.Get("Content-Type") != tt.kind {
				t.Errorf("%v, status %d, %q, want %d, %q", err, resp.StatusCode, resp.Header.Get("Content-Type"), tt.status, tt.kind)
			}
			if !strings.Contains(string(body), tt.body) || tt.method == "HEAD" && len(body) > 0 || !resp.Close {
				t.Errorf("body %q, close %v, want %q in it", body, resp.Close, tt.body)
			}
		})
	}
}

// pipes is a listener whose connections are in memory, for the clock of a bubble.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipes() pipes { return pipes{make(chan net.Conn), make(chan struct{})} }

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error {
	close(p.closed)
	return nil
}

func (p pipes) Addr() net.Addr { return &net.UnixAddr{} }

// dial connects, if the server takes the connection.
func (p pipes) dial() (client net.Conn, ok bool) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, true
	case <-time.After(time.Second):
		return nil, false
	}
}

// status returns the status line that a request gets, "" if none.
func status(t *testing.T, p pipes, request string) string {
	t.Helper()
	conn, ok := p.dial()
	if !ok {
		t.Fatal("the server takes no connection")
	}
	defer conn.Close()
	go func() { _, _ = io.WriteString(conn, request) }()
	line, _ := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(line)
}

func TestBadRequestsAreTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		stop := run(t, metrics.Server{Listener: p, Families: families, Healthy: fine})
		tests := []struct{ name, request, want string }{
			{"a good one", "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK"},
			{"a good one of old", "GET /healthz HTTP/1.0\n\n", "HTTP/1.1 200 OK"},
			{"another protocol", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 400 Bad Request"},
			{"another HTTP", "PRI * HTTP/2.0\r\n\r\n", "HTTP/1.1 400 Bad Request"},
			{"nothing", "\r\n\r\n", "HTTP/1.1 400 Bad Request"},
			{"a header without end", "GET /metrics HTTP/1.1\r\n" + strings.Repeat("a: b\r\n", 2000), "HTTP/1.1 400 Bad Request"},
			{"a line without end", strings.Repeat("a", 9000), "HTTP/1.1 400 Bad Request"},
		}
		for _, tt := range tests {
			if got := status(t, p, tt.request); got != tt.want {
				t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
			}
		}
		stop()
	})
}

func TestSilentClientsHoldNobodyUpForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		stop := run(t, metrics.Server{Listener: p, Families: families, Healthy: fine})
		for range 8 {
			if _, ok := p.dial(); !ok {
				t.Fatal("the server takes fewer than eight connections")
			}
		}
		if _, ok := p.dial(); ok {
			t.Error("the server takes a ninth connection")
		}
		time.Sleep(5 * time.Second)
		if got := status(t, p, "GET /healthz HTTP/1.1\r\n\r\n"); got != "HTTP/1.1 200 OK" {
			t.Errorf("after five seconds: %q, want an answer", got)
		}
		stop()
	})
}

func TestAStopDoesNotWaitForClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		stop := run(t, metrics.Server{Listener: p, Families: families, Healthy: fine})
		for range 8 {
			p.dial()
		}
		begun := time.Now()
		stop()
		if took := time.Since(begun); took > 0 {
			t.Errorf("the stop took %v", took)
		}
	})
}

func TestAListenerThatBreaksIsAnError(t *testing.T) {
	p := newPipes()
	_ = p.Close()
	if err := (metrics.Server{Listener: p}).Run(t.Context()); err == nil {
		t.Error("Run = nil")
	}
}
