// Package mqtt carries the packs of an outbox to one broker, and keeps the
// retained messages that say whether the node is there and what it is.
package mqtt

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"

	"thermarack/agent/internal/outbox"
	"thermarack/agent/wire"
	"thermarack/agent/wire/clock"
)

// Options is what a Publisher is made of. Node, Boot, Box and Log are needed, and
// either Broker and Site or Find.
type Options struct {
	Broker string // URL with scheme tcp or ssl and a port
	Site   string

	// Find yields the brokers to try at each connection, best first, if Broker is
	// "". It is stopped at the first that takes the node; so the later ones may take
	// their time to be found.
	Find func(ctx context.Context) iter.Seq[Target]

	Node  wire.Node // also the client id
	Boot  string    // as in the packs
	Box   *outbox.Box
	Clock clock.Clock // of the status messages' time
	Log   *slog.Logger

	// Connected, unless it is nil, is called for each connection before anything is
	// published on it. It may call SetInventory.
	Connected func()

	Security Security
	Backoff  Backoff // zero: half a second to half a minute

	// AckTimeout is how long the broker may acknowledge nothing while a pack is
	// in flight; the session then ends. 0 is 30 s.
	AckTimeout time.Duration
}

// Backoff is the wait between attempts to connect. It doubles from Min to Max,
// and half of it is random, so that a rack does not come back as one.
type Backoff struct {
	Min, Max time.Duration
}

// A Publisher carries the packs of its box to its broker.
//
// A pack leaves the box when its PUBACK has come. All state lies in the box: each
// connection is a new clean session, which begins with whatever the broker does
// not have, live packs before the backlog. A persistent session would keep a
// second copy of what is in flight in the client, which the bounds of the box do
// not hold for, and a third in the broker. So a pack may arrive twice after a
// lost connection; its stamp makes the second one no news.
type Publisher struct {
	Options
	changed  chan struct{} // an inventory waits to be sent
	idle     string        // the broker that took us last and acknowledged nothing
	withheld bool          // it was said that credentials are not shown
	passed   string        // what was last said of brokers that were passed over
	failed   string        // what was said to be wrong, until a broker acknowledges something

	mu        sync.Mutex
	inventory []byte
	at        string // the broker of the connection that stands, or ""
	acks      uint64
}

// New returns a Publisher that has not connected yet.
func New(o Options) *Publisher {
	if o.Backoff.Min == 0 {
		o.Backoff = Backoff{Min: 500 * time.Millisecond, Max: 30 * time.Second}
	}
	if o.AckTimeout == 0 {
		o.AckTimeout = ackTimeout
	}
	if o.Broker != "" {
		o.Find = fixed(Target{Broker: o.Broker, Site: o.Site})
	}
	return &Publisher{Options: o, changed: make(chan struct{}, 1)}
}

// SetInventory replaces the retained inventory, now and after each connect. One
// equal to the last is not sent again on the same connection. SetInventory is safe
// for concurrent use with Run. The error says that i cannot be encoded.
func (p *Publisher) SetInventory(i wire.Inventory) error {
	text, err := json.Marshal(i)
	if err != nil {
		return fmt.Errorf("inventory: %w", err)
	}
	p.mu.Lock()
	p.inventory = text
	p.mu.Unlock()
	select {
	case p.changed <- struct{}{}:
	default:
	}
	return nil
}

// Run connects, publishes and connects again until ctx is done. It then sends
// what it can of the box within two seconds, says that the node is offline,
// disconnects and returns nil. No error of a broker ends it; each is logged once.
func (p *Publisher) Run(ctx context.Context) error {
	wait := p.Backoff.Min
	for {
		delivered, err := p.session(ctx)
		p.disconnect(delivered)
		if ctx.Err() != nil {
			return nil
		}
		if delivered { // a broker that takes us and throws us out is no progress
			wait, p.failed = p.Backoff.Min, ""
		}
		if text := withoutPort(err); text != p.failed {
			p.Log.Warn("no connection to the broker", "broker", cmp.Or(p.Broker, "looked for"), "err", text, "waiting", p.Box.Len())
			p.failed = text
		}
		if !sleep(ctx, wait/2+rand.N(wait/2+1)) {
			return nil
		}
		wait = min(2*wait, p.Backoff.Max)
	}
}

// withoutPort returns the text of err without our end of a connection, which is
// another each time.
func withoutPort(err error) string {
	text := err.Error()
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Source != nil {
		return strings.Replace(text, " "+op.Source.String()+"->", " ", 1)
	}
	return text
}

// disconnect notes that a connection has ended, if there was one.
func (p *Publisher) disconnect(delivered bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case delivered:
		p.idle = ""
	case p.at != "" && p.Box.Len() > 0:
		p.idle = p.at
	}
	p.at = ""
}

// count counts an acknowledgement.
func (p *Publisher) count() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.acks++
}

// State is how a Publisher is doing.
type State struct {
	Connected bool
	Acks      uint64 // packs that brokers have acknowledged since the start
}

// State is safe for concurrent use.
func (p *Publisher) State() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return State{p.at != "", p.acks}
}

// sleep returns false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (p *Publisher) topic(t Target, kind wire.Kind) string {
	return wire.Topic{Site: t.Site, Node: p.Node, Kind: kind}.String()
}

// status encodes the retained status as of now.
func (p *Publisher) status(online bool) []byte {
	t := float64(p.Clock.Now().UnixMilli()) / 1000
	text, err := json.Marshal(wire.Status{Online: online, Boot: p.Boot, T: t})
	if err != nil {
		panic(err) // a bool, a string and a finite number always marshal
	}
	return text
}
