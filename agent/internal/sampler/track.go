package sampler

import (
	"context"
	"errors"
	"fmt"

	"thermarack/agent/wire"
)

// A track is what the sampler remembers of one sensor from pack to pack. Only
// the sampler's own goroutine touches it.
type track struct {
	reading <-chan result // of the read under way; nil when none is
	late    bool          // the last read missed its deadline
	failed  string        // the reason last logged; "" when healthy
}

// A result is what one read brought.
type result struct {
	readings []wire.Reading
	err      error
}

// readAll reads every sensor at the same time and returns what has come when all
// have answered or ctx is done.
//
// A sensor that was late the last time is not waited for: it is given as long as
// the others take, so that one that hangs does not hold back every pack. What it
// brings later says that it is well again.
func (s *Sampler) readAll(ctx context.Context) []wire.Reading {
	sensors := s.Source.Sensors()
	results := make([]result, len(sensors))
	var prompt, late []int
	for i, sensor := range sensors {
		t := s.track(sensor.Name())
		switch {
		case !t.start(ctx, sensor):
			results[i].err = errStillReading
		case t.late:
			late = append(late, i)
		default:
			prompt = append(prompt, i)
		}
	}
	for _, i := range prompt {
		results[i] = s.tracks[sensors[i].Name()].await(ctx)
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	for _, i := range late {
		results[i] = s.tracks[sensors[i].Name()].await(over)
	}
	s.forget(sensors)
	if !errors.Is(ctx.Err(), context.Canceled) { // what a stop cuts short is no fault of a sensor
		s.note(sensors, results)
	}
	return join(sensors, results)
}

func (s *Sampler) track(name string) *track {
	t, ok := s.tracks[name]
	if !ok {
		t = &track{}
		s.tracks[name] = t
	}
	return t
}

// errStillReading stands for a sensor whose last read still runs.
var errStillReading = fmt.Errorf("the read before has not come back: %w", context.DeadlineExceeded)

// start begins a read of sensor and returns true, unless one is under way. At
// most one goroutine a sensor exists, however long it hangs.
func (t *track) start(ctx context.Context, sensor Sensor) bool {
	t.reap()
	if t.reading != nil {
		return false
	}
	done := make(chan result, 1)
	t.reading = done
	go func() {
		readings, err := sensor.Read(ctx)
		done <- result{readings, err}
	}()
	return true
}

// reap drops what a read brought after its pack had left.
func (t *track) reap() {
	select {
	case r := <-t.reading: // never, while nil
		t.finish(r)
	default:
	}
}

// await returns the result of the read under way, or a timeout once ctx is done.
// A result that is there wins over a ctx that is done.
func (t *track) await(ctx context.Context) result {
	select {
	case r := <-t.reading:
		return t.finish(r)
	default:
	}
	select {
	case r := <-t.reading:
		return t.finish(r)
	case <-ctx.Done():
		t.late = true
		return result{err: fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)}
	}
}

func (t *track) finish(r result) result {
	t.reading = nil
	t.late = r.err != nil && reason(r.err) == wire.FaultTimeout
	return r
}

// join returns what was read and the faults, in the order of the sensors.
func join(sensors []Sensor, results []result) []wire.Reading {
	var all []wire.Reading
	for i, r := range results {
		all = append(all, r.readings...)
		if r.err != nil {
			all = append(all, rejected(sensors[i].Name(), r.err))
		}
	}
	return all
}

// note logs what changed: a sensor that fails the same way for a week is one
// line.
func (s *Sampler) note(sensors []Sensor, results []result) {
	for i, r := range results {
		name, why := sensors[i].Name(), ""
		if r.err != nil {
			why = reason(r.err)
		}
		t := s.tracks[name]
		switch {
		case why == t.failed:
		case why == "":
			s.Log.Info("sensor answers again", "sensor", name)
		default:
			s.Log.Warn("sensor rejected", "sensor", name, "reason", why, "err", r.err)
		}
		t.failed = why
	}
}

// forget drops the tracks of sensors that are gone, but for those with a read
// under way: they may come back before it does.
func (s *Sampler) forget(sensors []Sensor) {
	present := make(map[string]bool, len(sensors))
	for _, sensor := range sensors {
		present[sensor.Name()] = true
	}
	for name, t := range s.tracks {
		t.reap()
		if !present[name] && t.reading == nil {
			delete(s.tracks, name)
		}
	}
}
