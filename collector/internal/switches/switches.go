// Package switches polls the PoE switches of a layout: what they say becomes
// readings like those of any other node.
package switches

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"thermarack/agent/wire/clock"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/poe"
)

// How many polls may be under way. Switches that did not answer the last time have
// lanes of their own: however many are away, and each makes a poll wait for its
// timeouts, the others go on.
const (
	lanes     = 128
	awayLanes = 32
)

// patience is how long one poll may take, of a switch that answers slowly.
const patience = 2 * time.Minute

// A Session reads one switch. It is used by one goroutine at a time.
type Session interface {
	// Read returns what the switch says now. The error says what to do, and may
	// wrap one of snmp's.
	Read(ctx context.Context) (poe.Switch, error)

	// Requests returns how many datagrams were sent so far.
	Requests() int

	Close() error
}

// Options are what a Poller is made of.
type Options struct {
	Layout   *layout.Layout                      // whose switches with a host are polled; nil: none
	Open     func(layout.Switch) Session         // is called once for each of them, and sends nothing
	Offer    func(ingest.Delivery) bool          // takes what they say, see ingest.Ingest
	Seen     func(string, poe.Switch, time.Time) // is told of each good answer, by the switch's name; nil: nobody
	Interval time.Duration                       // between two polls of a switch; above 0
	Clock    clock.Clock
	Log      *slog.Logger
	Registry prometheus.Registerer // nil: nobody scrapes
}

// A Poller polls switches. Create it with New, and Run it.
type Poller struct {
	opts       Options
	metrics    *metrics
	free, away chan struct{} // a token a poll under way
	polled     []*polled
}

// New returns a Poller of all switches of the layout that have a host.
func New(o Options) *Poller {
	if o.Seen == nil {
		o.Seen = func(string, poe.Switch, time.Time) {}
	}
	p := &Poller{opts: o, free: make(chan struct{}, lanes), away: make(chan struct{}, awayLanes)}
	p.metrics = newMetrics(o.Registry)
	if o.Layout == nil {
		return p
	}
	for _, sw := range o.Layout.Switches {
		if sw.Host != "" {
			p.polled = append(p.polled, p.watch(sw))
		}
	}
	return p
}

// Switches returns how many switches are polled.
func (p *Poller) Switches() int { return len(p.polled) }

// watch returns a switch that has not been polled yet.
func (p *Poller) watch(sw layout.Switch) *polled {
	s := &polled{
		Poller: p, Switch: sw, site: siteOf(p.opts.Layout, sw.Name),
		log:    p.opts.Log.With("switch", sw.Name, "host", sw.Host),
		chance: rand.New(rand.NewPCG(uint64(len(p.polled)), 0)),
	}
	s.box = &outbox{offer: p.opts.Offer, dropped: p.metrics.dropped.Inc}
	s.metrics.introduce(sw.Name)
	return s
}

// defaultSite is where a switch is that feeds no shelf in a layout without any.
const defaultSite = "main"

// siteOf returns the site of the first shelf that a switch feeds, else that of the
// first shelf at all.
func siteOf(l *layout.Layout, name string) string {
	for i := range l.Shelves {
		for _, slot := range l.Shelves[i].Slots {
			if slot.Switch == name {
				return l.Shelves[i].Site
			}
		}
	}
	if len(l.Shelves) > 0 {
		return l.Shelves[0].Site
	}
	return defaultSite
}

// Run polls each switch once, spread over the first interval, and then on a grid
// of its own until ctx ends. It returns nil.
//
// A switch that does not answer is tried less and less often, and what it said
// last ages like the readings of any node that is silent.
func (p *Poller) Run(ctx context.Context) error {
	start := p.opts.Clock.Now()
	var all sync.WaitGroup
	for i, s := range p.polled {
		s.schedule = newSchedule(p.opts.Interval, start, i, len(p.polled))
		s.next = s.schedule.at(start)
		if s.next.Before(start) {
			s.next = s.next.Add(p.opts.Interval)
		}
		all.Go(func() { s.run(ctx) })
	}
	all.Wait()
	return nil
}
