package mqtt

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/mochi-mqtt/server/v2/listeners"
)

const (
	listenerID = "mqtt"

	connectTime = 10 * time.Second // from the accepted connection to its CONNECT packet
	writeTime   = 10 * time.Second // for one write to a client that does not read

	connectRate  = 500 // connections a second once the burst is spent
	connectBurst = 500
)

// A listener accepts connections for mochi within limits: so many at a time, so
// many a second, and none that keeps a writer waiting. Mochi's own listener ends
// at the first error of accept, such as too many open files.
type listener struct {
	inner  net.Listener
	limit  int // connections at a time, not yet authenticated ones included
	log    *slog.Logger
	onFull func() // called for a connection that is refused for the limit
	quit   chan struct{}
	stop   func() // closes quit, once
	served sync.WaitGroup

	mu    sync.Mutex
	conns map[*conn]struct{} // open ones; nil when closed
}

func newListener(inner net.Listener, limit int, log *slog.Logger, onFull func()) *listener {
	quit := make(chan struct{})
	return &listener{
		inner: inner, limit: limit, log: log, onFull: onFull,
		quit: quit, stop: sync.OnceFunc(func() { close(quit) }),
		conns: map[*conn]struct{}{},
	}
}

// Init implements mochi's interface, as do ID, Address and Protocol.
func (l *listener) Init(*slog.Logger) error { return nil }

func (l *listener) ID() string       { return listenerID }
func (l *listener) Address() string  { return l.inner.Addr().String() }
func (l *listener) Protocol() string { return l.inner.Addr().Network() }

// Serve accepts until the listener is closed. It is called once.
func (l *listener) Serve(establish listeners.EstablishFn) {
	pace := pacer{step: time.Second / connectRate, burst: connectBurst}
	for l.wait(pace.next(time.Now())) {
		accepted, err := l.inner.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			l.log.Warn("cannot accept MQTT connections, trying again", "addr", l.Address(), "err", err)
			l.wait(time.Second)
			continue
		}
		c := &conn{accepted}
		if !l.add(c) {
			_ = c.Close() // nothing was said on it yet
			continue
		}
		go func() {
			defer l.served.Done()
			defer l.forget(c)
			_ = establish(listenerID, c) // why a client left is told by the hook
		}()
	}
}

// wait returns false when the listener is closed before d has passed.
func (l *listener) wait(d time.Duration) bool {
	select {
	case <-l.quit:
		return false
	default:
	}
	if d <= 0 {
		return true
	}
	select {
	case <-l.quit:
		return false
	case <-time.After(d):
		return true
	}
}

// add registers a connection; false when there are too many.
func (l *listener) add(c *conn) bool {
	_ = c.SetDeadline(time.Now().Add(connectTime)) // mochi sets its own after CONNECT
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns == nil {
		return false
	}
	if len(l.conns) >= l.limit {
		l.onFull()
		return false
	}
	l.conns[c] = struct{}{}
	l.served.Add(1)
	return true
}

func (l *listener) forget(c *conn) {
	_ = c.Close() // usually closed already
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

// refuse stops accepting and leaves what is open.
func (l *listener) refuse() {
	l.stop()
	_ = l.inner.Close() // closing it again at Close is harmless
}

// Close ends all connections and waits until their goroutines have ended. It
// does not use mochi's way of closing clients, which writes to one after the
// other.
func (l *listener) Close(listeners.CloseFn) {
	l.refuse()
	l.mu.Lock()
	for c := range l.conns {
		_ = c.Close() // the reader of c gets the error
	}
	l.conns = nil
	l.mu.Unlock()
	l.served.Wait()
}

// A conn is a connection on which no write takes longer than writeTime.
type conn struct{ net.Conn }

// SetDeadline sets the deadline of reads only: mochi calls it with the keep-alive
// of the client, which may be long, and writes have their own.
func (c *conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// Write writes all of p within writeTime or closes the connection: mochi ignores
// the errors of its writers, and after a part of a packet nothing can follow.
func (c *conn) Write(p []byte) (int, error) {
	_ = c.SetWriteDeadline(time.Now().Add(writeTime)) // an error of it is one of Write too
	n, err := c.Conn.Write(p)
	if err != nil {
		_ = c.Close() // err is the one that matters
	}
	return n, err
}

// A pacer spaces events: burst at once, then one a step.
type pacer struct {
	step  time.Duration
	burst int
	due   time.Time // when the next one would be due without burst
}

// next returns how long to wait before the event that comes at now.
func (p *pacer) next(now time.Time) time.Duration {
	if p.due.Before(now) {
		p.due = now
	}
	wait := p.due.Add(-time.Duration(p.burst) * p.step).Sub(now)
	p.due = p.due.Add(p.step)
	return max(wait, 0)
}
