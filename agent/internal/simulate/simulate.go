// Package simulate runs virtual Pis and PoE switches: the physics of
// hardware/sim below, and above it the same sampler, outbox and MQTT session as
// on a real Pi.
package simulate

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"thermarack/agent/internal/sampler"
	"thermarack/agent/wire/layout"
)

// A Command is `thermarack-agent simulate` of one program.
type Command struct {
	Version string // of the program; the inventory says it with " (simulated)"
}

// Run does what the command line says: it makes every shelf of a layout, and
// publishes what its nodes read, live to a broker or as fast as it can into a
// recording. args are the arguments behind the subcommand's name.
//
// stdout gets the text of --help and whatever is written to the file "-", stderr
// the log. Run returns nil after --help, when --for is over and, if live, when
// ctx ends. The error is a UsageError if the arguments cannot be meant, or says
// which file or address failed; a recording that ctx cuts short is an error.
func (c Command) Run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, done, err := parse(args, stdout)
	if done || err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	fleet, err := o.fleet(c.Version+" (simulated)", log)
	if err != nil {
		return err
	}
	if o.broker == "" {
		return o.record(ctx, fleet, stdout)
	}
	return o.live(ctx, fleet, stdout, log)
}

// fleet makes the shelves and nodes that the options ask for. agent is what the
// nodes say that they run.
func (o options) fleet(agent string, log *slog.Logger) (*fleet, error) {
	plan, err := layout.Load(o.layout)
	if err != nil {
		return nil, err
	}
	if len(plan.Shelves) == 0 {
		return nil, fmt.Errorf("simulate: %s has no shelf: nothing to simulate", o.layout)
	}
	shelves := make([]*shelf, len(plan.Shelves))
	for i := range shelves {
		if shelves[i], err = newShelf(&plan.Shelves[i], o.seed, o.start); err != nil {
			return nil, err
		}
	}
	var events []event
	if o.scenario != "" {
		if events, err = readScenario(o.scenario, shelves, o.start); err != nil {
			return nil, err
		}
	}
	return newFleet(plan, shelves, fleetOptions{seed: o.seed, interval: o.interval, agent: agent, events: events, log: log})
}

// An outlet takes what virtual nodes say.
type outlet interface {
	// power is called when a node has been switched on or off; see node.on.
	power(n *node, at time.Time) error
	// pack takes one encoded pack of a node that is on.
	pack(n *node, at time.Time, pack []byte) error
}

// A timeline leads a fleet from instant to instant: those of the sampling grid,
// those of the scenario and, if the truth is wanted, every full minute.
type timeline struct {
	*fleet
	out   outlet
	truth *truth // nil if nobody wants to know
	end   time.Time

	// wait returns at the instant, or with the error that ends the run.
	wait func(ctx context.Context, at time.Time) error

	reading, minute time.Time // the next instants of either kind
}

// run switches the fleet on and runs it from start to end, end included. A zero
// end is never reached.
func (t *timeline) run(ctx context.Context, start time.Time) error {
	if err := t.switchOn(start, t.out); err != nil {
		return err
	}
	if err := t.advanceTo(start, t.out); err != nil { // what happened before a late start
		return err
	}
	t.reading, t.minute = sampler.Next(start, t.interval), sampler.Next(start, time.Minute)
	for {
		at := t.next()
		if !t.end.IsZero() && at.After(t.end) {
			return nil
		}
		if err := t.wait(ctx, at); err != nil {
			return err
		}
		if err := t.step(ctx, at); err != nil {
			return err
		}
	}
}

// next returns the earliest of the instants to come.
func (t *timeline) next() time.Time {
	at := t.reading
	if t.truth != nil && t.minute.Before(at) {
		at = t.minute
	}
	if len(t.events) > 0 && t.events[0].at.Before(at) {
		at = t.events[0].at
	}
	return at
}

// step leads the fleet to the next instant and does what is due then.
func (t *timeline) step(ctx context.Context, at time.Time) error {
	if err := t.advanceTo(at, t.out); err != nil {
		return err
	}
	if at.Equal(t.reading) {
		t.reading = at.Add(t.interval)
		if err := t.sample(ctx, at, t.out); err != nil {
			return err
		}
	}
	if t.truth != nil && at.Equal(t.minute) {
		t.minute = at.Add(time.Minute)
		return t.truth.tell(at)
	}
	return nil
}
