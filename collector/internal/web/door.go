package web

import (
	"container/list"
	"net"
	"net/http"
	"sync"
)

// sendBuffer is how many bytes the kernel takes of an answer that a client does
// not read, a connection: left to itself it takes megabytes.
const sendBuffer = 256 << 10

// A door is a listener that holds at most max connections. One more takes the
// place of the one that has been idle the longest; while all are being answered
// it is closed at once. It is safe for concurrent use.
type door struct {
	net.Listener
	max     int
	metrics *metrics

	mu   sync.Mutex
	open map[*guest]bool
	idle *list.List // of *guest: those without a request, longest idle first
}

// A guest is one connection that was let in.
type guest struct {
	net.Conn
	door  *door
	place *list.Element // in door.idle; nil while a request is being answered
}

func newDoor(l net.Listener, max int, m *metrics) *door {
	return &door{Listener: l, max: max, metrics: m, open: map[*guest]bool{}, idle: list.New()}
}

// Accept returns the next connection that is let in.
func (d *door) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if g := d.admit(conn); g != nil {
			return g, nil
		}
		d.metrics.refused.Inc()
		_ = conn.Close() // nothing was said on it
	}
}

// admit makes room for a connection if it must and can; nil when there is none.
func (d *door) admit(conn net.Conn) *guest {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(sendBuffer) // a hint
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.open) >= d.max {
		longest := d.idle.Front()
		if longest == nil {
			return nil
		}
		d.metrics.displaced.Inc()
		g := longest.Value.(*guest)
		d.remove(g)
		_ = g.Conn.Close() // its goroutine sees the end of it
	}
	g := &guest{Conn: conn, door: d}
	g.place = d.idle.PushBack(g)
	d.open[g] = true
	return g
}

// remove forgets a guest; d.mu is held.
func (d *door) remove(g *guest) {
	delete(d.open, g)
	if g.place != nil {
		d.idle.Remove(g.place)
		g.place = nil
	}
}

// follow is an http.Server's ConnState.
func (d *door) follow(conn net.Conn, state http.ConnState) {
	g, ok := conn.(*guest)
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case !d.open[g]: // displaced meanwhile
	case state == http.StateActive && g.place != nil:
		d.idle.Remove(g.place)
		g.place = nil
	case state == http.StateIdle && g.place == nil:
		g.place = d.idle.PushBack(g)
	}
}

// count returns how many connections are open.
func (d *door) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.open)
}

// Close closes the connection and gives its place back.
func (g *guest) Close() error {
	g.door.mu.Lock()
	g.door.remove(g)
	g.door.mu.Unlock()
	return g.Conn.Close()
}
