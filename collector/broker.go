package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"thermarack/collector/internal/config"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/mqtt"
	"thermarack/collector/internal/state"
)

// A source is where messages come from. Run blocks, and returns nil when ctx
// ends. Ready says why no messages can come at present, or nil.
type source interface {
	Run(ctx context.Context) error
	Ready() error
}

// session returns where messages come from: the embedded broker behind a listener,
// or a session with an external one.
func (p plan) session(in *ingest.Ingest, registry *prometheus.Registry, listener net.Listener) (source, error) {
	if p.Broker != "" {
		return p.external(in, registry)
	}
	return mqtt.NewBroker(mqtt.BrokerOptions{Listener: listener, Ingest: in, Log: p.log, Registry: registry})
}

// withoutPassword returns a URL as it may be shown; "" if it is none.
func withoutPassword(broker string) string {
	u, err := url.Parse(broker)
	if err != nil {
		return ""
	}
	return u.Redacted()
}

// checkBroker says what is wrong with the URL of the external broker, if there is
// to be one.
func checkBroker(c config.Config) error {
	if c.Broker == "" {
		return nil
	}
	return mqtt.CheckURL(c.Broker)
}

func (p plan) external(in *ingest.Ingest, registry *prometheus.Registry) (source, error) {
	name, err := nameSession(filepath.Join(p.Data, "mqtt-client-id"), p.Sites.Filters())
	if err != nil {
		return nil, err
	}
	return mqtt.NewSession(mqtt.SessionOptions{
		URL: p.Broker, ClientID: name.id, Known: name.known, Filters: p.Sites.Filters(), Former: name.filters,
		Username: p.BrokerUser, PasswordFile: p.BrokerPasswordFile,
		CAFile: p.BrokerCA, CertFile: p.BrokerCert, KeyFile: p.BrokerKey,
		Ingest: in, Log: p.log, Registry: registry,
	})
}

// A sessionName names our session on an external broker. It is made once and
// kept, because the broker keeps what we have missed under it. So it does the
// subscriptions, those too that are no longer wanted.
type sessionName struct {
	id      string
	filters []string // ever subscribed to
	known   bool     // it is not of today
}

// nameSession reads the name from file, or makes one, and notes there that it is
// going to subscribe to filters.
func nameSession(file string, filters []string) (sessionName, error) {
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return sessionName{}, fmt.Errorf("read the name of our session on the broker: %w", err)
	}
	var name sessionName
	if words := strings.Fields(string(text)); len(words) > 0 {
		name = sessionName{id: words[0], filters: words[1:], known: true}
	} else {
		name.id = "thermarack-collector-" + strings.ToLower(rand.Text()[:12])
	}
	next := slices.Compact(slices.Sorted(slices.Values(slices.Concat(name.filters, filters))))
	if name.known && slices.Equal(next, name.filters) {
		return name, nil
	}
	lines := strings.Join(slices.Concat([]string{name.id}, next), "\n") + "\n"
	if err := state.Replace(file, []byte(lines)); err != nil {
		return sessionName{}, fmt.Errorf("keep the name of our session on the broker: %w", err)
	}
	return name, nil
}
