package mqtt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/prometheus/client_golang/prometheus"

	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/ingest/quiet"
	"thermarack/collector/internal/logs"
)

const (
	// DefaultMaxClients is how many connections the broker holds unless told
	// otherwise.
	DefaultMaxClients = 12000

	maxKeepAlive     = 600  // s; also for clients that ask for none
	maxSubscriptions = 64   // of one client
	maxFilter        = 512  // bytes, of one subscription
	maxAliases       = 0    // of topics
	maxIntroduction  = 4096 // bytes of client id, user name and last will together
	maxPending       = 128  // messages to a subscriber that are not yet written, or not yet acknowledged

	defaultPatience = 10 * time.Second
	tickSys         = 60 // s between two publications of mochi's $SYS figures
)

// Why the broker ends a connection: the label of
// thermarack_mqtt_stopped_clients_total.
const (
	stopWindow   = "window"   // its window stayed full
	stopQueue    = "queue"    // the ingest stayed full
	stopStore    = "store"    // its message could not be kept
	stopOversize = "oversize" // a packet of more than MaxPacket
	stopProtocol = "protocol" // QoS 2, a topic that begins with $, or too many subscriptions
	stopForeign  = "foreign"  // it may publish for its own node only
)

// BrokerOptions are what a Broker is made of.
type BrokerOptions struct {
	// Listener is where clients connect; wrap it for TLS. The broker closes it.
	// Without Authenticate everybody who can connect may publish: let it listen
	// on loopback, unless the operator says that the network is trusted.
	Listener net.Listener

	// Authenticate tells whether a client may connect. nil admits all. A client
	// whose user name is a node's MAC publishes for that node only; others, such
	// as a poller of switches, for all.
	Authenticate func(user string, password []byte) bool

	Ingest     Offerer
	MaxClients int // 0 means DefaultMaxClients

	// Patience is how long a client is not read while its window of 64 messages,
	// or the ingest, is full. Then it is stopped, to connect and send again. It
	// should be shorter than the keep-alive of clients; 0 means 10 s.
	Patience time.Duration

	Log      *slog.Logger
	Registry prometheus.Registerer // nil: nobody scrapes
}

// A Broker is an MQTT broker for the topics of thermarack.
//
// A message of QoS 1 is acknowledged when it is stored. Then it goes to the other
// subscribers, as far as they keep up; status and inventory are retained when
// the sender asks for it. Messages of QoS 0 are taken too. Messages on other
// topics are acknowledged, counted as rejected by the ingest, and go nowhere.
// QoS 2 is refused. A last will is stored like any message. It keeps no session
// of a client that is gone and nothing over a restart: agents publish status and
// inventory again when they reconnect, subscribers subscribe again.
type Broker struct {
	opts     BrokerOptions
	server   *mochi.Server
	listener *listener
	fanout   *fanout
	metrics  *brokerMetrics
	quiet    *quiet.Log
	peers    sync.Map // *mochi.Client to *peer

	serving atomic.Bool
	quit    chan struct{} // closed when Run is cancelled
	open    atomic.Int64  // messages that await their commit or acknowledgement
}

// NewBroker returns a broker on a listener that is open already: clients that
// connect before Run wait. The error is mochi's, for a broken set of options.
func NewBroker(o BrokerOptions) (*Broker, error) {
	if o.MaxClients == 0 {
		o.MaxClients = DefaultMaxClients
	}
	if o.Patience == 0 {
		o.Patience = defaultPatience
	}
	b := &Broker{
		opts:   o,
		server: mochi.New(serverOptions(o)),
		quiet:  quiet.New(o.Log, time.Minute),
		quit:   make(chan struct{}),
	}
	b.metrics = newBrokerMetrics(o.Registry, b)
	b.fanout = newFanout(b.server, b.metrics.dropped)
	b.listener = newListener(o.Listener, o.MaxClients, o.Log, func() { b.refused("full", o.MaxClients) })
	if err := b.server.AddHook(&hook{broker: b}, nil); err != nil {
		return nil, fmt.Errorf("set up broker: %w", err)
	}
	if err := b.server.AddListener(b.listener); err != nil {
		return nil, fmt.Errorf("set up broker: %w", err)
	}
	return b, nil
}

// serverOptions bounds what mochi leaves unbounded. Its log is for debugging: what
// an operator can act on is logged by the hook.
func serverOptions(o BrokerOptions) *mochi.Options {
	c := mochi.NewDefaultServerCapabilities()
	c.MaximumClients = int64(o.MaxClients)
	c.MaximumPacketSize = MaxPacket
	c.MaximumClientWritesPending = maxPending
	c.MaximumInflight = maxPending
	c.ReceiveMaximum = window
	c.MaximumQos = 1
	c.TopicAliasMaximum = maxAliases   // mochi loses messages that carry only an alias
	c.MaximumSessionExpiryInterval = 0 // no sessions of clients that are gone
	c.MaximumMessageExpiryInterval = 0 // else a retained status would be forgotten after a day
	c.Compatibilities.NoInheritedPropertiesOnAck = true
	return &mochi.Options{
		Capabilities:           c,
		Logger:                 logs.Library(o.Log, "mochi"),
		SysTopicResendInterval: tickSys,
		InlineClient:           true,
	}
}

// Ready says why the broker takes no messages now, or nil. It is safe for
// concurrent use.
func (b *Broker) Ready() error {
	if !b.serving.Load() {
		return errors.New("the MQTT broker does not serve clients")
	}
	return nil
}

// Addr returns where the broker listens.
func (b *Broker) Addr() net.Addr { return b.opts.Listener.Addr() }

// Run serves clients until ctx ends. Then it takes nothing more, waits up to 6 s
// until what it has taken is acknowledged, ends all connections, and returns
// nil. Clients that were not acknowledged send again to whoever comes next.
func (b *Broker) Run(ctx context.Context) error {
	if err := b.server.Serve(); err != nil {
		return fmt.Errorf("serve MQTT on %s: %w", b.Addr(), err)
	}
	b.serving.Store(true)
	passing := make(chan struct{})
	go func() {
		defer close(passing)
		b.fanout.run(b.quit)
	}()
	<-ctx.Done()
	b.serving.Store(false)
	close(b.quit)
	b.listener.refuse()
	settle(func() bool { return b.open.Load() == 0 })
	err := b.server.Close()
	<-passing
	if err != nil {
		return fmt.Errorf("stop MQTT on %s: %w", b.Addr(), err)
	}
	return nil
}

// settle waits until done, at most settleTime.
func settle(done func() bool) {
	limit := time.After(settleTime)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-limit:
			return
		case <-tick.C:
		}
	}
}

// A message is what is needed of a published packet until it is acknowledged.
type message struct {
	from    *peer
	topic   string
	payload []byte
	id      uint16
	qos     byte
	retain  bool
}

// take brings a published message to the ingest. It is called on the client's
// own read goroutine and returns at once, unless the client has sent more than
// its window: then it is not read until a commit has made room. A client for
// which there is no room for long is stopped.
func (b *Broker) take(m message) {
	d := ingest.Delivery{
		Topic:   m.topic,
		Payload: m.payload, // mochi reads each packet into memory of its own
		Done:    func(err error) { b.done(m, err) },
	}
	cause, err := b.offer(m.from, d)
	switch {
	case errors.Is(err, errEnding): // withheld; the connection ends soon
	case err != nil:
		b.stop(m.from, cause, err)
	}
}

// offer waits for a place in the window of p and in the ingest.
func (b *Broker) offer(p *peer, d ingest.Delivery) (cause string, err error) {
	select {
	case <-b.quit:
		return "", errEnding
	case p.slots <- struct{}{}:
	default:
		if err := b.waitSlot(p); err != nil {
			return stopWindow, err
		}
	}
	b.open.Add(1)
	if b.opts.Ingest.Offer(d) {
		return "", nil
	}
	if err := b.offerAgain(p, d); err != nil {
		b.release(p)
		return stopQueue, err
	}
	return "", nil
}

func (b *Broker) waitSlot(p *peer) error {
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-b.quit:
		return errEnding
	case <-time.After(b.opts.Patience):
		return fmt.Errorf("%d messages await their commit for %v", window, b.opts.Patience)
	}
}

func (b *Broker) offerAgain(p *peer, d ingest.Delivery) error {
	limit := time.After(b.opts.Patience)
	for {
		select {
		case <-b.quit:
			return errEnding
		case <-limit:
			return fmt.Errorf("the ingest is full for %v", b.opts.Patience)
		case <-time.After(offerAgain):
		}
		if p.client.Closed() {
			return errors.New("the client left while the ingest was full")
		}
		if b.opts.Ingest.Offer(d) {
			return nil
		}
	}
}

// done ends the wait of one message. It is called by the ingest and does not
// block.
func (b *Broker) done(m message, err error) {
	switch {
	case err != nil:
		b.stop(m.from, stopStore, err)
		b.release(m.from)
		return
	case m.qos == 0:
		b.release(m.from)
	default:
		m.from.acknowledge(m.id) // which releases
	}
	b.fanout.pass(m.topic, m.payload, m.retain)
}

func (b *Broker) release(p *peer) {
	<-p.slots
	b.open.Add(-1)
}

// stop ends a connection, counts and logs why.
func (b *Broker) stop(p *peer, cause string, err error) {
	if p.stop(err) {
		b.metrics.stopped.WithLabelValues(cause).Inc()
		b.quiet.Warn(cause+" "+cut(p.client.ID), "MQTT client stopped; it may connect again",
			"client", cut(p.client.ID), "remote", p.client.Net.Remote, "cause", cause, "err", err)
	}
}

func (b *Broker) refused(cause string, detail any) {
	b.metrics.refused.WithLabelValues(cause).Inc()
	b.quiet.Warn("refused "+cause, "MQTT connection refused", "cause", cause, "detail", detail)
}

// cut shortens a string of a client for the log.
func cut(s string) string { return fmt.Sprintf("%.80s", s) }
