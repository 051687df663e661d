package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// A Sink is a pager of the demo's own: a webhook receiver on loopback that
// prints what begins and what ends, a line each.
type Sink struct {
	listener net.Listener

	mu     sync.Mutex
	out    io.Writer
	firing map[string]bool // by fingerprint
}

// NewSink listens on a free port of 127.0.0.1 and prints to out.
func NewSink(out io.Writer) (*Sink, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the demo's pages: %w", err)
	}
	return &Sink{listener: listener, out: out, firing: map[string]bool{}}, nil
}

// Config returns the pager's configuration: everything goes to the sink. Groups
// are told of news after 5 s, not 30 as in earnest, because the demo's hours
// take seconds.
func (s *Sink) Config() []byte {
	return fmt.Appendf(nil, `route: {receiver: demo-pager, group_interval: 5s}
receivers:
  - name: demo-pager
    webhook_configs: [{url: "http://%s/page", send_resolved: true}]
`, s.listener.Addr())
}

// Run takes pages until ctx ends.
func (s *Sink) Run(ctx context.Context) error {
	server := &http.Server{Handler: http.HandlerFunc(s.page), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("take the demo's pages: %w", err)
	}
	return nil
}

// A message is the part of Alertmanager's webhook payload (version 4) that is
// printed. It repeats all alerts of its group.
type message struct {
	Alerts []struct {
		Status      string            `json:"status"`
		Fingerprint string            `json:"fingerprint"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"alerts"`
}

func (s *Sink) page(w http.ResponseWriter, r *http.Request) {
	var m message
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&m); err != nil {
		http.Error(w, "payload: "+err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range m.Alerts {
		fires := a.Status == "firing"
		if fires == s.firing[a.Fingerprint] {
			continue // told before
		}
		s.firing[a.Fingerprint] = fires
		word := "resolved"
		if fires {
			word = "PAGE"
		}
		fmt.Fprintf(s.out, "%s  %-8s  %-8s  %s: %s\n", time.Now().Format("15:04:05"), word,
			a.Labels["severity"], a.Labels["alertname"], a.Annotations["summary"])
	}
}
