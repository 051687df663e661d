package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/internal/config"
	"thermarack/agent/internal/discovery"
	"thermarack/agent/internal/mqtt"
)

// offers is an ask that always finds the same.
func offers(name string, err error, brokers ...discovery.Broker) ask {
	return ask{name, func(context.Context, string) ([]discovery.Broker, error) { return brokers, err }}
}

func TestBrokersAreTriedInTheOrderOfTheContract(t *testing.T) {
	near := discovery.Broker{
		URL: "tcp://near.local:1883", Site: "hex",
		Addresses: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:1883")},
	}
	far := discovery.Broker{URL: "ssl://far.example:8883"}
	asks := []ask{offers("multicast", nil, near), offers("search domains", nil, far)}
	tests := []struct {
		name string
		site string
		asks []ask
		want []mqtt.Target
	}{
		{
			name: "the link, the domain, the name; each with its site, else main",
			asks: asks,
			want: []mqtt.Target{
				{Broker: near.URL, Site: "hex", Addresses: near.Addresses, Found: true},
				{Broker: far.URL, Site: "main", Found: true},
				{Broker: "tcp://thermarack:1883", Site: "main", Found: true},
			},
		},
		{
			name: "a site that was said holds everywhere",
			site: "oslo", asks: asks,
			want: []mqtt.Target{
				{Broker: near.URL, Site: "oslo", Addresses: near.Addresses, Found: true},
				{Broker: far.URL, Site: "oslo", Found: true},
				{Broker: "tcp://thermarack:1883", Site: "oslo", Found: true},
			},
		},
		{
			name: "without discovery there is the name",
			want: []mqtt.Target{{Broker: "tcp://thermarack:1883", Site: "main", Found: true}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &finder{site: tt.site, asks: tt.asks, log: slog.New(slog.DiscardHandler), told: map[string]string{}}
			var got []mqtt.Target
			for target := range f.targets(t.Context()) {
				got = append(got, target)
			}
			if diff := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
				t.Errorf("targets (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheDomainsAreNotAskedIfABrokerOfTheLinkDoes(t *testing.T) {
	never := ask{"search domains", func(context.Context, string) ([]discovery.Broker, error) {
		t.Error("the search domains are asked")
		return nil, nil
	}}
	f := &finder{asks: []ask{offers("multicast", nil, discovery.Broker{URL: "tcp://a:1883"}), never}, told: map[string]string{}}
	for range f.targets(t.Context()) {
		break
	}
}

func TestWhatIsWrongWithTheSearchIsToldOnce(t *testing.T) {
	var log bytes.Buffer
	broken := errors.New("no such link")
	f := &finder{asks: []ask{offers("multicast", broken)}, log: slog.New(slog.NewTextHandler(&log, nil)), told: map[string]string{}}
	search := func(err error) {
		f.asks = []ask{offers("multicast", err)}
		for range f.targets(t.Context()) {
		}
	}
	search(broken)
	search(broken)
	if got := strings.Count(log.String(), "no such link"); got != 1 {
		t.Errorf("told %d times, want once:\n%s", got, &log)
	}
	search(nil)
	search(broken)
	if got := strings.Count(log.String(), "no such link"); got != 2 {
		t.Errorf("told %d times after it was well, want twice:\n%s", got, &log)
	}
}

func TestAStopEndsTheSearch(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := &finder{told: map[string]string{}}
	f.asks = []ask{{"multicast", func(context.Context, string) ([]discovery.Broker, error) {
		cancel()
		return []discovery.Broker{{URL: "tcp://a:1883"}}, ctx.Err()
	}}}
	for target := range f.targets(ctx) {
		t.Errorf("%s is tried after the stop", target.Broker)
	}
}

func TestDiscoveryCanBeTurnedOff(t *testing.T) {
	c := config.Default()
	if n := len(newFinder(c, nil).asks); n != 2 {
		t.Errorf("%d ways to look for a broker by default, want 2", n)
	}
	c.Discovery = false
	if n := len(newFinder(c, nil).asks); n != 0 {
		t.Errorf("%d ways to look for a broker without discovery, want none", n)
	}
}
