package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"thermarack/collector/internal/recording"
)

// connectWithin is how long a broker has for its first answer.
const connectWithin = 20 * time.Second

// live gives take what a broker passes on, at the time when it arrives, until
// f.to or until ctx ends: both are a good end. The session is not kept by the
// broker; what it passes on while the connection is lost is missing.
func (f recordFlags) live(ctx context.Context, out output, take func(recording.Entry) error) error {
	if !f.to.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, f.to)
		defer cancel()
	}
	options, err := f.brokerOptions()
	if err != nil {
		return err
	}
	l := &listening{from: f.from, take: take, failed: make(chan error, 1), filters: f.Sites.Filters()}
	l.begun = sync.OnceFunc(func() { fmt.Fprintln(out.Out, "recording what the broker passes on; Ctrl-C ends it") })
	options.SetOnConnectHandler(l.subscribe).SetDefaultPublishHandler(l.hear)
	options.SetConnectionLostHandler(func(_ paho.Client, err error) {
		fmt.Fprintf(out.Err, "connection to the broker lost, made again: %v\n", err)
	})
	client := paho.NewClient(options)
	token := client.Connect()
	defer func() {
		l.close()
		client.Disconnect(250)
		l.subscriptions.Wait()
	}()
	select {
	case <-ctx.Done():
		return nil
	case <-token.Done():
	}
	if err := token.Error(); err != nil {
		return fmt.Errorf("connect to the broker: %w", err)
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-l.failed:
		return err
	}
}

// brokerOptions returns how to reach the broker.
func (f recordFlags) brokerOptions() (*paho.ClientOptions, error) {
	o := paho.NewClientOptions().AddBroker(f.Broker).
		SetClientID("thermarack-record-" + strings.ToLower(rand.Text()[:12])).SetProtocolVersion(4).
		SetCleanSession(true).SetConnectTimeout(connectWithin).SetMaxReconnectInterval(30 * time.Second).
		SetUsername(f.BrokerUser)
	if f.BrokerPasswordFile != "" {
		password, err := os.ReadFile(f.BrokerPasswordFile)
		if err != nil {
			return nil, fmt.Errorf("broker password: %w", err)
		}
		o.SetPassword(strings.TrimSpace(string(password)))
	}
	if f.BrokerCA != "" {
		pem, err := os.ReadFile(f.BrokerCA)
		if err != nil {
			return nil, fmt.Errorf("broker CA: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("broker CA: %s holds no PEM certificate", f.BrokerCA)
		}
		o.SetTLSConfig(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12})
	}
	return o, nil
}

// listening is a subscription; paho calls it from a goroutine of its own.
type listening struct {
	filters []string
	from    time.Time
	begun   func()     // called when the broker passes on what comes
	failed  chan error // gets the first error

	subscriptions sync.WaitGroup // that await their answer

	mu     sync.Mutex
	take   func(recording.Entry) error
	closed bool
}

// subscribe asks for messages. Paho may call it when all is over.
func (l *listening) subscribe(client paho.Client) {
	asked := map[string]byte{}
	for _, filter := range l.filters {
		asked[filter] = 1
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.subscriptions.Go(func() { // paho forbids to wait here; the token ends with the client
		token := client.SubscribeMultiple(asked, nil)
		token.Wait()
		if token.Error() != nil {
			l.fail(fmt.Errorf("subscribe to %s: %w", strings.Join(l.filters, " "), token.Error()))
			return
		}
		for filter, granted := range token.(*paho.SubscribeToken).Result() {
			if granted > 2 {
				l.fail(fmt.Errorf("subscribe to %s: the broker refuses it; look at its access rules", filter))
				return
			}
		}
		l.begun()
	})
}

// hear records a message. One that is no JSON is none of ours.
func (l *listening) hear(_ paho.Client, m paho.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.closed || now.Before(l.from) {
		return
	}
	err := l.take(recording.Entry{Time: now, Topic: m.Topic(), Payload: m.Payload()})
	if err != nil && !errors.Is(err, recording.ErrNotJSON) {
		l.fail(err)
	}
}

func (l *listening) fail(err error) {
	select {
	case l.failed <- err:
	default: // not the first
	}
}

// close returns when nothing is recorded any more.
func (l *listening) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
}
