package mqtt

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// A Target is a broker to connect to.
type Target struct {
	Broker string // URL with scheme tcp or ssl and a port
	Site   string // a level of every topic

	// Addresses are those of the broker's host; nil leaves them to the resolver.
	Addresses []netip.AddrPort

	// Found says that nobody named the broker: the network did. Anybody on it can,
	// so the broker is shown a name, a password and a certificate only over TLS, and
	// with an authority that is given: it must vouch for the host of Broker.
	Found bool
}

// fixed always yields the one target.
func fixed(t Target) func(context.Context) iter.Seq[Target] {
	return func(context.Context) iter.Seq[Target] {
		return func(yield func(Target) bool) { yield(t) }
	}
}

// connect opens a session with the first target that takes us. The error is one line that says of each why it did not, and what to do.
func (p *Publisher) connect(ctx context.Context) (link, error) {
	var refusals []string
	for t := range p.targets(ctx) {
		l, err := p.open(ctx, t)
		if err == nil {
			p.mu.Lock()
			p.at = t.Broker
			p.mu.Unlock()
			p.tellPassed(refusals)
			return l, nil
		}
		if !t.Found {
			return link{}, err
		}
		if ctx.Err() != nil {
			return link{}, ctx.Err()
		}
		refusals = append(refusals, fmt.Sprintf("%s: %v", t.Broker, err))
	}
	if len(refusals) == 0 {
		return link{}, errors.New("no broker was found; name one with --broker")
	}
	return link{}, errors.New(strings.Join(refusals, "; "))
}

// tellPassed says why better brokers were passed over for the one that took us,
// once until it is for something else.
func (p *Publisher) tellPassed(refusals []string) {
	text := strings.Join(refusals, "; ")
	if text != "" && text != p.passed {
		p.Log.Warn("brokers that were found did not take us, the next one did", "err", text)
	}
	p.passed = text
}

// targets yields what Find does, but last the one that took us the last time and
// then nothing of what we had: it must not keep us from the others for good.
func (p *Publisher) targets(ctx context.Context) iter.Seq[Target] {
	return func(yield func(Target) bool) {
		var last []Target
		for t := range p.Find(ctx) {
			if t.Broker == p.idle {
				last = append(last, t)
			} else if !yield(t) {
				return
			}
		}
		for _, t := range last {
			if !yield(t) {
				return
			}
		}
	}
}

// toward returns what of s a target is shown.
func (s Security) toward(t Target) Security {
	if !t.Found || s.CA != "" && strings.HasPrefix(t.Broker, "ssl:") {
		return s
	}
	return Security{CA: s.CA}
}

// withhold says once that a target is not shown all of p.Security.
func (p *Publisher) withhold(t Target) {
	if p.withheld {
		return
	}
	p.withheld = true
	p.Log.Warn("no name, password or certificate for a broker that was found: name it with --broker, or let it offer TLS and give tls.ca",
		"broker", t.Broker)
}

// dial opens the connection under the MQTT session. It is closed some time after
// ctx has ended: a broker that does not read must not hold up a stop.
func dial(ctx context.Context, t Target, secure *tls.Config) (net.Conn, error) {
	u, err := url.Parse(t.Broker)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, handshake)
	defer cancel()
	conn, err := dialAny(limited, u.Host, t.Addresses)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "ssl" {
		secure.ServerName = u.Hostname()
		client := tls.Client(conn, secure)
		if err := client.HandshakeContext(limited); err != nil {
			_ = conn.Close()
			return nil, err
		}
		conn = client
	}
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(2*farewell, func() { _ = conn.Close() }) // closed already, unless it hangs
	})
	return &closing{conn, stop}, nil
}

// dialAny connects to the first address that answers, or to the host where there
// is none. Each gets its share of the time.
func dialAny(ctx context.Context, host string, addresses []netip.AddrPort) (conn net.Conn, err error) {
	if len(addresses) == 0 {
		return new(net.Dialer).DialContext(ctx, "tcp", host)
	}
	dialer := net.Dialer{Timeout: handshake / time.Duration(len(addresses))}
	for _, a := range addresses {
		if conn, err = dialer.DialContext(ctx, "tcp", a.String()); err == nil {
			break
		}
	}
	return conn, err
}

// A closing is a connection that tells when it is closed.
type closing struct {
	net.Conn
	stop func() bool
}

func (c *closing) Close() error {
	c.stop()
	return c.Conn.Close()
}
