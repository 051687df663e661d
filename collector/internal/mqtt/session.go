package mqtt

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

const (
	connectWait   = 10 * time.Second // for the connection with TLS, and for CONNACK
	subscribeWait = 20 * time.Second // for SUBACK

	firstReconnect = time.Second // doubling
	lastReconnect  = 30 * time.Second
	calm           = 2 * time.Minute // a connection that held as long was a good one

	// rivalry is how many connections in a row the broker must have closed, soon
	// after they were good, before we say that another client has our name. A
	// broker that restarts does it once.
	rivalry = 3
)

// SessionOptions are what a Session is made of.
type SessionOptions struct {
	// URL of the broker: tcp://host:1883, tls://host:8883 or unix:///path. mqtt,
	// mqtts and ssl are other words for the first two.
	URL string

	// ClientID names the session on the broker; it must stay the same over
	// restarts and must not be shared, two sessions of one name throw each other
	// out. Required.
	ClientID string

	// Known is true when ClientID may have been used before: a broker that has no
	// session of that name has lost it then, and with it what it kept for us.
	Known bool

	Filters []string // topics to subscribe to, at least one
	Former  []string // subscriptions of the same ClientID that are not wanted any more

	Username     string // "" for none, or the URL's
	PasswordFile string // surrounding white space is cut; "" for none, or the URL's
	CAFile       string // PEM certificates that sign the broker's; "" means the system's
	CertFile     string // our PEM certificate, with KeyFile; "" for none
	KeyFile      string

	Ingest   Offerer
	Log      *slog.Logger
	Registry prometheus.Registerer // nil: nobody scrapes
}

// A Session takes messages from a broker elsewhere.
//
// It is persistent: the broker keeps what is published with QoS 1 while the
// collector is away, and sends again what was not acknowledged, which happens
// only after the commit. How much it keeps is the broker's affair;
// docs/brokers.md says what to configure there, or most of a burst is lost.
//
// The files that the options name are read at each connection.
type Session struct {
	opts      SessionOptions
	address   address
	open      func(context.Context) (net.Conn, error) // dial, but in tests
	known     bool                                    // the broker should have our session; only used by Run
	connected atomic.Bool
	link      atomic.Pointer[link]
	contested atomic.Bool
	trouble   atomic.Pointer[error] // why the last connection is no more; nil: there was none
	losses    prometheus.Counter
	forgotten prometheus.Counter
}

// NewSession checks the options and reads the files once. It does not connect.
// The error says which option is wrong.
func NewSession(o SessionOptions) (*Session, error) {
	a, err := parseAddress(o.URL)
	if err != nil {
		return nil, err
	}
	s := &Session{opts: o, address: a, known: o.Known}
	s.open = s.dial
	switch {
	case o.ClientID == "":
		return nil, errors.New("broker session: no client id; give it one that stays the same")
	case len(o.Filters) == 0:
		return nil, errors.New("broker session: no topics to subscribe to")
	case !a.secure && o.CAFile+o.CertFile+o.KeyFile != "":
		return nil, fmt.Errorf("broker URL %s: certificates are given and the connection is not encrypted; write tls://", a.shown)
	}
	if a.secure {
		if _, err := o.tlsConfig(a.host); err != nil {
			return nil, err
		}
	}
	if _, err := s.hello(); err != nil {
		return nil, err
	}
	s.register(promauto.With(o.Registry))
	return s, nil
}

func (s *Session) register(with promauto.Factory) {
	gauge := func(name, help string, value func() float64) {
		with.NewGaugeFunc(prometheus.GaugeOpts{Name: "thermarack_mqtt_session_" + name, Help: help}, value)
	}
	counter := func(name, help string) prometheus.Counter {
		return with.NewCounter(prometheus.CounterOpts{Name: "thermarack_mqtt_session_" + name, Help: help})
	}
	flag := func(b *atomic.Bool) func() float64 {
		return func() float64 {
			if b.Load() {
				return 1
			}
			return 0
		}
	}
	gauge("connected", "1 while the collector is subscribed at the external broker.", flag(&s.connected))
	gauge("contested", "1 while another client seems to use the collector's session at the external broker.", flag(&s.contested))
	gauge("unacknowledged", "Messages of the external broker that await their commit or acknowledgement.", func() float64 {
		if l := s.link.Load(); l != nil {
			return float64(l.unacknowledged())
		}
		return 0
	})
	s.losses = counter("losses_total", "Connections to the external broker that failed or were lost.")
	s.forgotten = counter("forgotten_total", "Times that the external broker had lost the collector's session, and all that it kept in it.")
}

// Connected tells whether the session is subscribed now. It is safe for
// concurrent use.
func (s *Session) Connected() bool { return s.connected.Load() }

// Ready says why no messages come now, or nil. It is safe for concurrent use.
func (s *Session) Ready() error {
	if s.Connected() {
		return nil
	}
	const down = "the session with the external broker is not up"
	if why := s.trouble.Load(); why != nil {
		return fmt.Errorf(down+": %w", *why)
	}
	return errors.New(down)
}

// Run keeps the session connected until ctx ends: then it waits up to 6 s until
// what was taken is acknowledged, disconnects, and returns nil. A lost
// connection is logged and made again after about 1 s, doubling to 30 s, up to
// half of it less by chance.
func (s *Session) Run(ctx context.Context) error {
	var past history
	for {
		served, err := s.connect(ctx)
		if ctx.Err() != nil {
			return nil
		}
		s.losses.Inc()
		s.trouble.Store(&err)
		wait := past.lost(served, err)
		s.contested.Store(past.thrown >= rivalry)
		s.complain(past, wait, err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

func (s *Session) complain(past history, wait time.Duration, err error) {
	log := s.opts.Log.With("url", s.address.shown, "retry_in", wait.Round(time.Millisecond))
	if past.thrown < rivalry {
		log.Warn("no connection to the MQTT broker", "err", err)
		return
	}
	log.Error("another client seems to connect under the name of our session, and each throws the other out: "+
		"stop it; if its data directory is a copy of ours, delete mqtt-client-id there",
		"client_id", s.opts.ClientID, "times", past.thrown, "err", err)
}

// A history is what the last connections came to.
type history struct {
	wait   time.Duration // before the next one, at most
	thrown int           // in a row: served, and soon closed by the broker
}

// lost notes a connection that was subscribed for a while, or not at all, and
// returns how long to wait before the next.
func (h *history) lost(served time.Duration, err error) time.Duration {
	if served >= calm {
		*h = history{}
	}
	if served > 0 && errors.Is(err, errClosed) {
		h.thrown++
	} else {
		h.thrown = 0
	}
	h.wait = min(max(2*h.wait, firstReconnect), lastReconnect)
	return h.wait/2 + rand.N(h.wait/2)
}

// connect makes one connection and serves it until it is lost or ctx ends. served
// is how long it was subscribed. The error says why it is no more.
func (s *Session) connect(ctx context.Context) (served time.Duration, err error) {
	hello, err := s.hello()
	if err != nil {
		return 0, err
	}
	raw, err := s.open(ctx)
	if err != nil {
		return 0, fmt.Errorf("connect: %w", err)
	}
	c := &conn{raw}
	reading := &patient{Conn: raw, limit: connectWait}
	in := bufio.NewReaderSize(reading, readBuffer)
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	present, err := introduce(c, in, hello)
	if !stop() || err != nil {
		_ = c.Close() // err is the one that matters
		return 0, err
	}
	reading.limit = silence
	l := newLink(c, in, s.opts.Ingest)
	s.link.Store(l)
	served, err = s.serve(ctx, l, present)
	if ctx.Err() != nil {
		l.settle()
	}
	l.close(ctx.Err() != nil)
	s.link.Store(nil)
	return served, err
}

// serve subscribes and waits until the link is lost or ctx ends.
func (s *Session) serve(ctx context.Context, l *link, present bool) (served time.Duration, err error) {
	if err := s.subscribe(ctx, l); err != nil {
		return 0, err
	}
	if s.known && !present {
		s.forgotten.Inc()
		s.opts.Log.Error("the MQTT broker has lost our session and what it kept for us, as one does that restarts without persistence; subscribed anew",
			"url", s.address.shown, "client_id", s.opts.ClientID)
	}
	s.known = true
	start := time.Now()
	s.connected.Store(true)
	defer s.connected.Store(false)
	s.opts.Log.Info("subscribed at the MQTT broker", "url", s.address.shown, "filter", strings.Join(s.opts.Filters, " "), "resumed", present)
	good := time.After(calm)
	for {
		select {
		case <-ctx.Done():
			return time.Since(start), nil
		case err := <-l.failed:
			return max(time.Since(start), 1), err
		case <-good:
			s.contested.Store(false)
		}
	}
}

// subscribe asks for QoS 1. What the broker had kept may come before its answer,
// and the answer not be read before the ingest has taken it.
func (s *Session) subscribe(ctx context.Context, l *link) error {
	if err := s.ask(l.conn); err != nil {
		return explain("write to", err)
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-l.failed:
			return err
		case granted := <-l.suback:
			return s.granted(granted)
		case <-time.After(subscribeWait):
			if !l.isHeld() {
				return fmt.Errorf("no answer to SUBSCRIBE within %v", subscribeWait)
			}
		}
	}
}

// ask sends SUBSCRIBE, and UNSUBSCRIBE for what an earlier run has left.
func (s *Session) ask(c *conn) error {
	former := slices.DeleteFunc(slices.Clone(s.opts.Former), func(f string) bool { return slices.Contains(s.opts.Filters, f) })
	if len(former) > 0 {
		p := packets.NewControlPacket(packets.Unsubscribe).(*packets.UnsubscribePacket)
		p.MessageID, p.Topics = 1, former
		if err := p.Write(c); err != nil {
			return err
		}
	}
	p := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
	p.MessageID, p.Topics = 2, s.opts.Filters
	p.Qoss = slices.Repeat([]byte{1}, len(p.Topics))
	return p.Write(c)
}

// granted tells what of the subscription was refused, if anything.
func (s *Session) granted(codes []byte) error {
	if len(codes) != len(s.opts.Filters) {
		return fmt.Errorf("%d answers to a subscription of %d topics", len(codes), len(s.opts.Filters))
	}
	for i, code := range codes {
		if code != 1 {
			return fmt.Errorf("the broker refuses a subscription of %s with QoS 1 (it answers %#x); look at its access rules", s.opts.Filters[i], code)
		}
	}
	return nil
}
