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
	"strings"

	"github.com/prometheus/client_golang/prometheus"

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

// session opens the way in for messages: the embedded broker, or a session with
// an external one.
func (p plan) session(in *ingest.Ingest, registry *prometheus.Registry, found *addresses) (source, error) {
	if p.Broker != "" {
		if u, err := url.Parse(p.Broker); err == nil {
			found.Broker = u.Redacted()
		}
		return p.external(in, registry)
	}
	listener, err := net.Listen("tcp", p.MQTT)
	if err != nil {
		return nil, fmt.Errorf("listen for MQTT: %w; choose another address with --mqtt, or use the broker that is there with --broker", err)
	}
	found.MQTT = listener.Addr().String()
	broker, err := mqtt.NewBroker(mqtt.BrokerOptions{Listener: listener, Ingest: in, Log: p.log, Registry: registry})
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return broker, nil
}

func (p plan) external(in *ingest.Ingest, registry *prometheus.Registry) (source, error) {
	id, err := clientID(filepath.Join(p.Data, "mqtt-client-id"))
	if err != nil {
		return nil, err
	}
	return mqtt.NewSession(mqtt.SessionOptions{
		URL: p.Broker, ClientID: id, Site: p.Site,
		Username: p.BrokerUser, PasswordFile: p.BrokerPasswordFile, CAFile: p.BrokerCA,
		Ingest: in, Log: p.log, Registry: registry,
	})
}

// clientID names our session on an external broker. It is made once and kept,
// because the broker keeps what we have missed under it.
func clientID(file string) (string, error) {
	known, err := os.ReadFile(file)
	if id := strings.TrimSpace(string(known)); id != "" {
		return id, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the name of our session on the broker: %w", err)
	}
	id := "thermarack-collector-" + strings.ToLower(rand.Text()[:12])
	if err := state.Replace(file, []byte(id+"\n")); err != nil {
		return "", fmt.Errorf("keep the name of our session on the broker: %w", err)
	}
	return id, nil
}
