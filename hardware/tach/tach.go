// Package tach measures the speed of a fan from the pulses of its tachometer on
// a GPIO.
//
// A fan's tachometer pulls its line low a few times a revolution, twice by
// convention, and is silent when the fan stands. The kernel reports the edges,
// and only while a measurement runs: in between nobody is woken.
//
// Wiring: the open collector straight to a GPIO, whose own pull-up is switched
// on here. Never a line that is pulled up to 5 or 12 V.
package tach

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"
)

// A Pin is what a tachometer needs of a GPIO; periph's gpio.PinIn is one.
//
// WaitForEdge reports whether an edge came before the timeout. It is only called
// with positive timeouts: implementations differ about others.
type Pin interface {
	In(pull gpio.Pull, edge gpio.Edge) error
	WaitForEdge(timeout time.Duration) bool
}

// Options says what the fan is like. The zero value fits nearly every fan.
type Options struct {
	Pulses int // a revolution; 0 means 2
}

// A Sample is one measurement.
type Sample struct {
	Speed    float64 // 1/s; 0: no steady pulses, the fan stands
	Phase    Phase   // how to take the speed
	Glitches uint64  // edges since New that were no pulses of the fan: bounce, interference
}

// How a measurement proceeds.
const (
	window  = time.Second            // at least; 30 pulses of a fan at 900 RPM
	longest = 3 * time.Second        // for a fan that turns too slowly for that
	enough  = 4                      // revolutions, to even out pulses of unequal length
	settle  = 5 * time.Millisecond   // edges this early were queued before, or are the pull-up's
	slice   = 200 * time.Millisecond // between looks at the context
	margin  = 50 * time.Millisecond  // left of the caller's deadline
)

// A Dev is one fan's tachometer. It is safe for concurrent use.
type Dev struct {
	pin    Pin
	pulses int

	mu       sync.Mutex
	state    State
	glitches uint64
	edges    []time.Duration // reused
}

// New returns the tachometer on pin. It does not touch the pin.
func New(pin Pin, o Options) *Dev {
	if o.Pulses <= 0 {
		o.Pulses = 2
	}
	return &Dev{pin: pin, pulses: o.Pulses}
}

// Sense measures for one second, and for up to three if a slow fan needs it and
// ctx's deadline allows. It needs 1.05 s before the deadline.
//
// The error wraps a fault.Error if the line is to blame: Range for more edges
// than a fan can make. Else it is ctx's or the host's.
func (d *Dev) Sense(ctx context.Context) (Sample, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, err := d.measure(ctx)
	if err != nil {
		return Sample{}, fmt.Errorf("tach: %w", err)
	}
	return s, nil
}

// measure is Sense for its only user.
func (d *Dev) measure(ctx context.Context) (Sample, error) {
	longest := longest
	if deadline, ok := ctx.Deadline(); ok {
		longest = min(longest, time.Until(deadline)-margin)
	}
	if longest < window {
		return Sample{}, fmt.Errorf("no %v left to measure in: %w", window, context.DeadlineExceeded)
	}
	train, err := d.listen(ctx, longest)
	if err != nil {
		return Sample{}, err
	}
	speed, glitches, err := Speed(train, d.pulses)
	d.glitches += uint64(glitches)
	if err != nil {
		return Sample{}, err
	}
	d.state = Step(d.state, time.Now(), speed)
	return Sample{Speed: speed, Phase: d.state.Phase, Glitches: d.glitches}, nil
}

// listen collects edges for a window that is long enough, and longest at most.
func (d *Dev) listen(ctx context.Context, longest time.Duration) (Train, error) {
	// Falling edges: the fan pulls the line down sharply, the pull-up raises it
	// slowly, and slow edges bounce.
	if err := d.pin.In(gpio.PullUp, gpio.FallingEdge); err != nil {
		return Train{}, fmt.Errorf("switch edges on: %w", err)
	}
	train, err := d.collect(ctx, longest)
	if off := d.pin.In(gpio.PullUp, gpio.NoEdge); off != nil && err == nil {
		err = fmt.Errorf("switch edges off: %w", off)
	}
	return train, err
}

// collect stamps edges as they come. The stamps are later than the edges by what
// the scheduler took, which Speed allows for.
func (d *Dev) collect(ctx context.Context, longest time.Duration) (Train, error) {
	start := time.Now()
	t := Train{Edges: d.edges[:0]}
	var last time.Duration // of an edge, or the start
	for end := window; ; {
		if err := ctx.Err(); err != nil {
			return Train{}, err
		}
		asked := time.Since(start)
		if asked >= end {
			if end >= longest || len(t.Edges) == 0 || len(t.Edges) > enough*d.pulses {
				break
			}
			end = longest
		}
		timeout := min(slice, end-asked)
		edge := d.pin.WaitForEdge(timeout)
		now := time.Since(start)
		switch {
		case edge && now < settle:
		case edge:
			t.Edges, last = append(t.Edges, now), now
		case now-asked < timeout/2:
			return Train{}, errors.New("the kernel refused to wait for edges; see whether the GPIO is still there")
		default:
			t.Silence = max(t.Silence, now-last)
		}
		if len(t.Edges) > limit(d.pulses, longest) {
			break // Speed says so
		}
	}
	d.edges = t.Edges
	return t, nil
}
