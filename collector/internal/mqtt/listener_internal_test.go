package mqtt

import (
	"errors"
	"log/slog"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestPacerLetsABurstThroughAndThenOneAStep(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	p := pacer{step: 2 * time.Millisecond, burst: 3}
	tests := []struct {
		at, want time.Duration
	}{
		{0, 0}, {0, 0}, {0, 0}, {0, 0},
		{0, 2 * time.Millisecond},
		{0, 4 * time.Millisecond},
		{4 * time.Millisecond, 2 * time.Millisecond},
		{time.Second, 0}, {time.Second, 0}, {time.Second, 0}, {time.Second, 0},
		{time.Second, 2 * time.Millisecond},
	}
	for i, tt := range tests {
		if got := p.next(start.Add(tt.at)); got != tt.want {
			t.Errorf("event %d at %v waits %v, want %v", i, tt.at, got, tt.want)
		}
	}
}

// failing is a listener that fails twice and is closed then.
type failing struct {
	net.Listener
	accepts int
}

func (f *failing) Accept() (net.Conn, error) {
	if f.accepts++; f.accepts > 2 {
		return nil, net.ErrClosed
	}
	return nil, syscall.EMFILE
}

func (f *failing) Addr() net.Addr { return &net.TCPAddr{} }
func (f *failing) Close() error   { return nil }

func TestTooManyOpenFilesDoNotEndTheListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &failing{}
		l := newListener(f, 1, slog.New(slog.DiscardHandler), func() {})
		start := time.Now()
		l.Serve(nil)
		if took := time.Since(start); f.accepts != 3 || took != 2*time.Second {
			t.Errorf("accepted %d times in %v, want 3 times a second apart", f.accepts, took)
		}
	})
}

func TestAWriteThatStallsClosesTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		c := &conn{near}
		_ = c.SetDeadline(time.Now().Add(time.Hour)) // must not hold for writes
		start := time.Now()
		_, err := c.Write([]byte("nobody reads"))
		if took := time.Since(start); err == nil || took != writeTime {
			t.Errorf("Write ends after %v with %v, want an error after %v", took, err, writeTime)
		}
		if _, err := c.Read(make([]byte, 1)); errors.Is(err, nil) {
			t.Error("the connection is open")
		}
	})
}
