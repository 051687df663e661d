// Package clock is the one clock of a program that may run faster than the
// world: start + speed × elapsed.
package clock

import (
	"context"
	"time"
)

// A Clock maps wall time to the program's time. The zero Clock is the wall
// clock. A Clock is a value and safe for concurrent use.
type Clock struct {
	start, origin time.Time
	speed         float64 // 0 means the wall clock

	off func() time.Duration // nil: not at all
}

// Scaled returns the clock that shows start when the wall clock shows origin,
// and runs speed times as fast; speed must be above 0. Two processes given the
// same three values share one clock.
func Scaled(start, origin time.Time, speed float64) Clock {
	// Without their monotonic readings, which stand still while a machine sleeps
	// and which no other process shares.
	return Clock{start: start.Round(0), origin: origin.Round(0), speed: speed}
}

// Set returns the wall clock put forward by what off returns, which may be below
// zero and change at any time: a clock that is set while the program runs. off
// must be safe for concurrent use.
func Set(off func() time.Duration) Clock { return Clock{off: off} }

// Now returns the program's time.
func (c Clock) Now() time.Time { return c.At(time.Now()) }

// At returns the program's time at a wall time.
func (c Clock) At(wall time.Time) time.Time {
	switch {
	case c.off != nil:
		return wall.Round(0).Add(c.off()) // the monotonic reading is of another clock
	case c.speed == 0:
		return wall
	}
	return c.start.Add(time.Duration(float64(wall.Sub(c.origin)) * c.speed))
}

// Wall returns the wall time at which the clock shows t: the inverse of At.
func (c Clock) Wall(t time.Time) time.Time {
	switch {
	case c.off != nil:
		return t.Add(-c.off())
	case c.speed == 0:
		return t
	}
	return c.origin.Add(time.Duration(float64(t.Sub(c.start)) / c.speed))
}

// Speed returns how much faster than the world the clock runs; 1 for the wall
// clock.
func (c Clock) Speed() float64 {
	if c.speed == 0 {
		return 1
	}
	return c.speed
}

// SleepUntil waits until the clock shows t. It returns ctx's error if ctx ends
// first, and at once if t has passed.
func (c Clock) SleepUntil(ctx context.Context, t time.Time) error {
	timer := time.NewTimer(time.Until(c.Wall(t)))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
