package simulate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"thermarack/agent/internal/mqtt"
	"thermarack/agent/internal/outbox"
	"thermarack/agent/wire/clock"
)

const (
	// spread is the time over which the sessions of a fleet connect, and maxGap
	// the longest pause between two of them.
	spread = 1500 * time.Millisecond
	maxGap = 15 * time.Millisecond
	// boxLimit bounds the packs that a virtual Pi keeps, in bytes: a third of a
	// real one's, since a hundred of them share a computer. A day of packs at 10 s
	// with seven probes fits.
	boxLimit = 2_000_000
	// handover is how long the last packs of a run may take to be delivered.
	handover = 30 * time.Second
	// patience is how far in wall time a run may be behind its clock until
	// somebody is told.
	patience = 2 * time.Second
)

// live runs the fleet on its clock, each node with an MQTT session of its own.
func (o options) live(ctx context.Context, f *fleet, stdout io.Writer, log *slog.Logger) (err error) {
	truths, err := create(o.truth, stdout)
	if err != nil {
		return fmt.Errorf("write truth: %w", err)
	}
	defer truths.close(&err)

	clock := clock.Scaled(o.start, o.origin, o.speed)
	log.Info("simulating", "layout", o.layout, "nodes", len(f.nodes), "broker", o.broker,
		"now", clock.Now().Format(time.RFC3339), "speed", o.speed)
	sessions, cancel := context.WithCancel(ctx)
	defer cancel()
	a := &air{
		ctx: sessions, broker: o.broker, clock: clock, log: slog.New(newFold(log.Handler())),
		sessions: map[*node]*session{}, gap: min(spread/time.Duration(max(len(f.nodes), 1)), maxGap),
	}
	line := timeline{fleet: f, out: a, wait: pace(clock, log)}
	if o.length > 0 {
		line.end = o.start.Add(o.length)
	}
	if o.truth != "" {
		line.truth = newTruth(f, truths)
	}
	err = line.run(ctx, clock.Now())
	switch {
	case err == nil:
		err = a.deliver(ctx)
	case errors.Is(err, ctx.Err()):
		err = nil // told to stop, which is how a run without end ends
	}
	cancel()
	a.running.Wait()
	return err
}

// pace returns a wait by the clock, which says once if the fleet is too slow.
func pace(c clock.Clock, log *slog.Logger) func(context.Context, time.Time) error {
	told := false
	return func(ctx context.Context, at time.Time) error {
		if late := time.Since(c.Wall(at)); late > patience && !told {
			told = true
			log.Warn("behind the clock: this computer is too slow for --speed", "late", late.Round(time.Millisecond))
		}
		return c.SleepUntil(ctx, at)
	}
}

// An air is the outlet that leads to the broker: one session a node that is on.
type air struct {
	ctx    context.Context // of all sessions
	broker string
	clock  clock.Clock
	log    *slog.Logger

	sessions map[*node]*session
	running  sync.WaitGroup
	gap      time.Duration // between the starts of two sessions
	started  int
}

// A session is one life of a node on the broker.
type session struct {
	box    *outbox.Box
	cancel context.CancelFunc
	cable  *cable // nil for a node whose power never fails
}

func (a *air) power(n *node, _ time.Time) error {
	if n.on {
		return a.connect(n)
	}
	a.sessions[n].end()
	delete(a.sessions, n)
	return nil
}

// connect starts the session of a node. The first ones follow each other with a
// gap; a node that comes back while the others run does not wait.
func (a *air) connect(n *node) error {
	delay := time.Duration(0)
	if n.boots == 1 {
		delay = time.Duration(a.started) * a.gap
		a.started++
	}
	box, err := outbox.Open(outbox.Options{Limit: boxLimit, Clock: a.clock})
	if err != nil {
		return fmt.Errorf("simulate node %s: %w", n.id, err)
	}
	ctx, cancel := context.WithCancel(a.ctx)
	s := &session{box: box, cancel: cancel}
	broker := a.broker
	if n.mortal {
		cable, err := layCable(a.ctx, a.broker)
		if err != nil {
			s.end()
			return fmt.Errorf("simulate node %s: %w", n.id, err)
		}
		s.cable, broker = cable, cable.url()
	}
	p := mqtt.New(mqtt.Options{
		Broker: broker, Site: n.site, Node: n.id, Boot: n.boot,
		Box: s.box, Clock: a.clock, Log: a.log,
		Backoff: mqtt.Backoff{Min: 250 * time.Millisecond, Max: 5 * time.Second},
	})
	if err := p.SetInventory(n.inventory()); err != nil {
		s.end()
		return fmt.Errorf("encode inventory of %s: %w", n.id, err)
	}
	a.sessions[n] = s
	a.running.Go(func() { s.run(ctx, p, delay) })
	return nil
}

// run publishes from the end of the delay until ctx ends.
func (s *session) run(ctx context.Context, p *mqtt.Publisher, delay time.Duration) {
	defer s.cancel()
	if s.cable != nil {
		defer s.cable.drain()
	}
	select {
	case <-ctx.Done():
		return
	case <-time.After(delay):
	}
	_ = p.Run(ctx) // returns nil only; what goes wrong is in the log
}

// end ends the session; one with a cable ends without a word.
func (s *session) end() {
	if s.cable != nil {
		s.cable.pull() // first
	}
	s.cancel()
}

func (a *air) pack(n *node, _ time.Time, pack []byte) error {
	a.sessions[n].box.Put(pack)
	return nil
}

// deliver waits until the broker has all that the nodes have said. Nobody says
// anything new any more, so that no backlog has to stand back.
func (a *air) deliver(ctx context.Context) error {
	timeout := time.NewTimer(handover)
	defer timeout.Stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for a.waiting() > 0 {
		for _, s := range a.sessions {
			s.box.Rush()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-timeout.C:
			return fmt.Errorf("simulate: %d packs not delivered within %v: look whether the broker at %s takes them", a.waiting(), handover, a.broker)
		case <-look.C:
		}
	}
	return nil
}

// waiting returns how many packs the broker does not have yet.
func (a *air) waiting() int {
	n := 0
	for _, s := range a.sessions {
		n += s.box.Len()
	}
	return n
}
