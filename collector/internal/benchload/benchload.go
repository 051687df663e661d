// Package benchload publishes what a fleet of agents would, for the benchmarks and
// the long tests of the collector and of what it is compared with. No program of
// ours imports it.
package benchload

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Window is how many messages of one connection may await their
// acknowledgement.
const Window = 64

// A Plan says what a fleet publishes.
type Plan struct {
	Agents      int
	Connections int           // the agents share them evenly; as many as Agents: each has its own
	Rounds      int           // messages an agent
	First       time.Time     // the stamp of the first round
	Interval    time.Duration // from the stamp of one round to the next
	Encode      Encoding      // SenML, FlatJSON or LineProtocol
}

// Messages is how many there are in all.
func (p Plan) Messages() int { return p.Agents * p.Rounds }

// Values is how many values the messages hold.
func (p Plan) Values() int { return p.Messages() * ValuesPerMessage }

// Last is the stamp of the last round.
func (p Plan) Last() time.Time { return p.First.Add(time.Duration(p.Rounds-1) * p.Interval) }

// A Load is a plan whose packets are encoded, so that publishing them costs
// little. It is published once.
type Load struct {
	Plan
	streams      []*stream
	acknowledged atomic.Int64
}

// New encodes a plan. The error says what of the plan cannot be.
func New(p Plan) (*Load, error) {
	if p.Connections < 1 || p.Agents < p.Connections || p.Rounds < 1 {
		return nil, fmt.Errorf("plan a load: %d agents over %d connections, %d rounds", p.Agents, p.Connections, p.Rounds)
	}
	if perStream := (p.Agents/p.Connections + 1) * p.Rounds; perStream > math.MaxUint16 {
		return nil, fmt.Errorf("plan a load: %d messages a connection have no packet ids of their own: more connections, or fewer rounds", perStream)
	}
	load := &Load{Plan: p}
	for i := range p.Connections {
		s, err := newStream(p, i, &load.acknowledged)
		if err != nil {
			return nil, err
		}
		load.streams = append(load.streams, s)
	}
	return load, nil
}

// Acknowledged is how many messages the broker has acknowledged so far. It may be
// called while Publish runs.
func (l *Load) Acknowledged() int { return int(l.acknowledged.Load()) }

// Connect opens all connections to a broker at a TCP address. They stay open
// until Close. The error is that of the first connection that could not be had
// before ctx ended.
func (l *Load) Connect(ctx context.Context, addr string) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, s := range l.streams {
		group.Go(func() error { return s.connect(ctx, addr) })
	}
	return group.Wait()
}

// Publish sends all messages with QoS 1, each in a write of its own as agents do,
// and returns when the last is acknowledged: rate messages a second in the order
// of their rounds, or for 0 as fast as the broker acknowledges. A connection that
// breaks is opened again, and what was not acknowledged on it is sent again. The
// error says how far it came when ctx ended.
func (l *Load) Publish(ctx context.Context, rate float64) error {
	begin := time.Now()
	due := func(message int) time.Time {
		if rate == 0 {
			return begin
		}
		return begin.Add(time.Duration(float64(message) / rate * float64(time.Second)))
	}
	var group errgroup.Group
	for _, s := range l.streams {
		group.Go(func() error { return s.publish(ctx, due) })
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("publish: %d of %d messages acknowledged: %w", l.Acknowledged(), l.Messages(), err)
	}
	return nil
}

// Close leaves the broker in order. The error is that of the connections that
// were gone already.
func (l *Load) Close() error {
	var all []error
	for _, s := range l.streams {
		all = append(all, s.close())
	}
	return errors.Join(all...)
}
