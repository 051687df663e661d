package mqtt

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"thermarack/agent/wire"
)

const (
	keepAlive   = 30 * time.Second
	connectWait = 10 * time.Second // for CONNACK, and for SUBACK

	firstReconnect = time.Second // doubling
	lastReconnect  = 30 * time.Second
)

// SessionOptions are what a Session is made of.
type SessionOptions struct {
	// URL of the broker: tcp://host:1883, tls://host:8883 or unix:///path.
	URL string

	// ClientID names the session on the broker; it must stay the same over
	// restarts and must not be shared, two sessions of one name throw each other
	// out. Required.
	ClientID string

	Site         string // whose messages to take; "" means all sites
	Username     string // "" for none
	PasswordFile string // read at each connection; surrounding white space is cut; "" for none
	CAFile       string // PEM certificates that sign the broker's; "" means the system's

	Ingest   Offerer
	Log      *slog.Logger
	Registry prometheus.Registerer // nil: nobody scrapes
}

// A Session takes messages from a broker elsewhere.
//
// It is persistent: the broker keeps what is published with QoS 1 while the
// collector is away, and sends again what was not acknowledged, which happens
// only after the commit. How much it keeps is the broker's affair. Mosquitto
// drops most of a burst unless told otherwise; what matters there:
//
//	max_queued_messages 0          else 1000 messages of an absent or slow collector are kept, the others dropped
//	max_queued_bytes 0             0, the default, is unlimited: mind the broker's memory
//	max_inflight_messages 1000     else 20 are sent before one must be acknowledged: 20 a commit
//	persistence true               else the queue is lost when the broker restarts
//	persistent_client_expiration   must be longer than the collector may be away; unset means for ever
type Session struct {
	opts      SessionOptions
	url       *url.URL
	filter    string
	tls       *tls.Config // nil unless the URL asks for it
	connected atomic.Bool
	losses    prometheus.Counter
}

// NewSession checks the options and reads the CA file. It does not connect. The
// error says which option is wrong.
func NewSession(o SessionOptions) (*Session, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, fmt.Errorf("broker URL: %w", err)
	}
	switch {
	case u.Scheme != "tcp" && u.Scheme != "mqtt" && u.Scheme != "tls" && u.Scheme != "mqtts" && u.Scheme != "unix":
		return nil, fmt.Errorf("broker URL %s: scheme is none of tcp, tls, unix", u.Redacted())
	case o.ClientID == "":
		return nil, errors.New("broker session: no client id; give it one that stays the same")
	}
	s := &Session{opts: o, url: u, filter: wire.TopicFilter(o.Site)}
	if o.Site != "" {
		if err := wire.CheckSite(o.Site); err != nil {
			return nil, fmt.Errorf("broker session: %w", err)
		}
	}
	if u.Scheme == "tls" || u.Scheme == "mqtts" {
		if s.tls, err = tlsConfig(u.Hostname(), o.CAFile); err != nil {
			return nil, err
		}
	}
	with := promauto.With(o.Registry)
	with.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "thermarack_mqtt_session_connected",
		Help: "1 while the collector is subscribed at the external broker.",
	}, func() float64 {
		if s.Connected() {
			return 1
		}
		return 0
	})
	s.losses = with.NewCounter(prometheus.CounterOpts{
		Name: "thermarack_mqtt_session_losses_total",
		Help: "Connections to the external broker that failed or were lost.",
	})
	return s, nil
}

func tlsConfig(host, caFile string) (*tls.Config, error) {
	c := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if caFile == "" {
		return c, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("broker CA: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("broker CA: %s holds no PEM certificate", caFile)
	}
	return c, nil
}

// Connected tells whether the session is subscribed now. It is safe for
// concurrent use.
func (s *Session) Connected() bool { return s.connected.Load() }

// Ready says why no messages come now, or nil. It is safe for concurrent use.
func (s *Session) Ready() error {
	if !s.Connected() {
		return errors.New("the session with the external broker is not up")
	}
	return nil
}

// Run keeps the session connected until ctx ends: then it waits up to 6 s until
// what was taken is acknowledged, disconnects, and returns nil. A lost
// connection is logged and made again after 1 s, doubling to 30 s.
func (s *Session) Run(ctx context.Context) error {
	wait := firstReconnect
	for {
		start := time.Now()
		err := s.connect(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(start) > lastReconnect {
			wait = firstReconnect
		}
		s.losses.Inc()
		s.opts.Log.Warn("no connection to the MQTT broker", "url", s.url.Redacted(), "err", err, "retry_in", wait)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		wait = min(2*wait, lastReconnect)
	}
}

// connect makes one connection and serves it until it is lost or ctx ends. The
// error says why there is none.
func (s *Session) connect(ctx context.Context) error {
	o, err := s.clientOptions()
	if err != nil {
		return err
	}
	l := newLink(s.opts.Ingest)
	o.SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) { l.arrive(m) })
	o.SetConnectionLostHandler(func(_ paho.Client, err error) { l.fail(err) })
	client := paho.NewClient(o)
	defer l.close(client)
	if err := await(ctx, client.Connect(), "CONNACK"); err != nil {
		return err
	}
	l.start()
	err = s.serve(ctx, client, l)
	if ctx.Err() != nil {
		l.settle()
	}
	return err
}

// serve subscribes and waits until the link is lost or ctx ends.
func (s *Session) serve(ctx context.Context, client paho.Client, l *link) error {
	if err := s.subscribe(ctx, client); err != nil {
		return err
	}
	s.connected.Store(true)
	defer s.connected.Store(false)
	s.opts.Log.Info("subscribed at the MQTT broker", "url", s.url.Redacted(), "filter", s.filter)
	select {
	case <-ctx.Done():
		return nil
	case err := <-l.failed:
		return err
	}
}

// clientOptions asks for what design needs of paho: acknowledgements by us, in
// order, and no reconnecting of its own, since a link that failed to keep a
// message must be given up too.
func (s *Session) clientOptions() (*paho.ClientOptions, error) {
	o := paho.NewClientOptions().AddBroker(s.opts.URL).
		SetClientID(s.opts.ClientID).SetCleanSession(false).SetProtocolVersion(4).
		SetAutoReconnect(false).SetConnectRetry(false).SetConnectTimeout(connectWait).
		SetAutoAckDisabled(true).SetOrderMatters(true).
		SetKeepAlive(keepAlive).SetTLSConfig(s.tls).SetUsername(s.opts.Username)
	if s.opts.PasswordFile == "" {
		return o, nil
	}
	password, err := os.ReadFile(s.opts.PasswordFile)
	if err != nil {
		return nil, fmt.Errorf("broker password: %w", err)
	}
	return o.SetPassword(strings.TrimSpace(string(password))), nil
}

// subscribe asks for QoS 1. What the broker had queued comes before its answer.
func (s *Session) subscribe(ctx context.Context, client paho.Client) error {
	token := client.Subscribe(s.filter, 1, nil)
	if err := await(ctx, token, "SUBACK"); err != nil {
		return err
	}
	switch granted, ok := token.(*paho.SubscribeToken).Result()[s.filter]; {
	case !ok:
		return errors.New("connection lost while subscribing")
	case granted != 1:
		return fmt.Errorf("the broker refuses a subscription of %s with QoS 1 (it answers %#x); look at its access rules", s.filter, granted)
	}
	return nil
}

// await waits for a token of paho.
func await(ctx context.Context, t paho.Token, what string) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(2 * connectWait):
		return fmt.Errorf("no %s within %v", what, 2*connectWait)
	case <-t.Done():
		return t.Error()
	}
}
