package simulate

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"time"
)

// A cable lies between the MQTT session of one virtual Pi and the broker, so
// that it can be pulled: the connection then ends without a word, and the broker
// speaks the last will. It relays connections that come to a port on loopback.
type cable struct {
	broker   *url.URL
	listener net.Listener
	cancel   context.CancelFunc // of connecting to the broker
	done     sync.WaitGroup

	mu     sync.Mutex
	pulled bool
	ends   map[net.Conn]bool // of all connections
}

// layCable returns a cable to a broker, of which only scheme and host are used.
// It must be pulled or drained in the end.
func layCable(ctx context.Context, broker string) (*cable, error) {
	u, err := url.Parse(broker)
	if err != nil {
		return nil, fmt.Errorf("broker %.80q: %w", broker, err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("relay to the broker: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	c := &cable{broker: u, listener: listener, cancel: cancel, ends: map[net.Conn]bool{}}
	c.done.Go(func() { c.accept(ctx) })
	return c, nil
}

// url returns where the session connects to instead of the broker.
func (c *cable) url() string { return "tcp://" + c.listener.Addr().String() }

// pull ends all connections at once and takes no new ones. Pulled twice, it stays
// pulled.
func (c *cable) pull() {
	c.cancel()
	c.mu.Lock()
	c.pulled = true
	for end := range c.ends {
		_ = end.Close() // may be closed already
	}
	c.mu.Unlock()
	_ = c.listener.Close()
	c.done.Wait()
}

// drain pulls the cable once everything on the way has arrived, after a second
// at the latest. The session that uses it must have ended.
func (c *cable) drain() {
	_ = c.listener.Close() // may be closed already
	late := time.AfterFunc(time.Second, c.pull)
	c.done.Wait()
	late.Stop()
	c.pull()
}

func (c *cable) accept(ctx context.Context) {
	for {
		pi, err := c.listener.Accept()
		if err != nil {
			return // pulled; any other error shows as a connection that is refused
		}
		c.done.Go(func() { c.relay(ctx, pi) })
	}
}

// relay carries one connection. A broker that does not answer is a connection
// that ends.
func (c *cable) relay(ctx context.Context, pi net.Conn) {
	defer pi.Close()
	broker, err := c.dial(ctx)
	if err != nil {
		return
	}
	defer broker.Close()
	if !c.hold(pi, broker) {
		return
	}
	defer c.release(pi, broker)
	back := make(chan struct{})
	go func() {
		carry(pi, broker)
		close(back)
	}()
	carry(broker, pi)
	<-back
}

// hold notes the ends of a connection. It returns false if the cable is pulled.
func (c *cable) hold(ends ...net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pulled {
		return false
	}
	for _, end := range ends {
		c.ends[end] = true
	}
	return true
}

func (c *cable) release(ends ...net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, end := range ends {
		delete(c.ends, end)
	}
}

// carry copies until from ends, and passes the end on. The other direction goes
// on until its own: what was said before an end must not be lost.
func carry(to, from net.Conn) {
	_, _ = io.Copy(to, from) // however it ends, it has ended
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

func (c *cable) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if c.broker.Scheme == "ssl" {
		return new(tls.Dialer).DialContext(ctx, "tcp", c.broker.Host)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", c.broker.Host)
}
