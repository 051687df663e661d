package main

import (
	"cmp"
	"context"
	"iter"
	"log/slog"

	"thermarack/agent/internal/config"
	"thermarack/agent/internal/discovery"
	"thermarack/agent/internal/mqtt"
)

// A finder looks for the broker of a node that was told none.
type finder struct {
	site string // "" to learn it with the broker
	asks []ask  // one after another
	log  *slog.Logger
	told map[string]string // by the name of what was asked: what last went wrong
}

// An ask is one way to find brokers.
type ask struct {
	name string
	find func(ctx context.Context, site string) ([]discovery.Broker, error)
}

// newFinder returns one that asks the network, if it may.
func newFinder(c config.Config, log *slog.Logger) *finder {
	f := &finder{site: c.Site, log: log, told: map[string]string{}}
	if c.Discovery {
		f.asks = []ask{{"multicast", byMulticast}, {"search domains", inDomains}}
	}
	return f
}

func byMulticast(ctx context.Context, site string) ([]discovery.Broker, error) {
	links, err := discovery.Links()
	if err != nil {
		return nil, err
	}
	return discovery.Multicast(ctx, links, site)
}

func inDomains(ctx context.Context, site string) ([]discovery.Broker, error) {
	resolver, err := discovery.HostResolver("/etc/resolv.conf")
	if err != nil {
		return nil, err
	}
	return discovery.Unicast(ctx, resolver, site)
}

// targets yields the brokers that the network offers, then the one that is there
// by its name. A way is asked only if those of the one before did not do.
func (f *finder) targets(ctx context.Context) iter.Seq[mqtt.Target] {
	return func(yield func(mqtt.Target) bool) {
		for _, a := range f.asks {
			brokers, err := a.find(ctx, f.site)
			if ctx.Err() != nil {
				return
			}
			f.tell(a.name, err)
			for _, b := range brokers {
				if !yield(f.target(b)) {
					return
				}
			}
		}
		yield(f.target(discovery.Broker{URL: config.DefaultBroker}))
	}
}

func (f *finder) target(b discovery.Broker) mqtt.Target {
	return mqtt.Target{
		Broker: b.URL, Addresses: b.Addresses, Found: true,
		Site: cmp.Or(f.site, b.Site, config.DefaultSite),
	}
}

// tell logs what went wrong, once until it is something else.
func (f *finder) tell(name string, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != f.told[name] {
		f.log.Warn("no broker was looked for", "by", name, "err", err)
	}
	f.told[name] = text
}
