package sensors

import (
	"context"
	"math"
	"strings"
	"sync"
	"time"

	"thermarack/agent/internal/sampler"
	"thermarack/agent/wire"
	"thermarack/hardware/fault"
)

// A Pace is how far a thermometer may honestly be from its last value: Step and
// PerSecond for each second since. What it measures decides: air and metal in
// it are slow, a chip's die is not.
type Pace struct {
	Step      float64 // K
	PerSecond float64 // K/s
}

// AirPace and DiePace are the two paces in use: 5 K and 1.5 K/s is more than a
// probe shows that a hand warms, 40 K and 10 K/s more than a SoC under a sudden
// load.
func AirPace() Pace { return Pace{Step: 5, PerSecond: 1.5} }

// DiePace is that of a chip's own temperature.
func DiePace() Pace { return Pace{Step: 40, PerSecond: 10} }

const (
	// memory is how long a thermometer that is not read keeps its history.
	memory = 10 * time.Minute
	// stuckAfter is how long a living probe could at most show the same bits
	// while something beside it moves.
	stuckAfter = 2 * time.Hour
	// stirring is by how much another thermometer must move, in K, to show that
	// something moves.
	stirring = 3
	// fineStep is the coarsest resolution, in K, of a part that can be called stuck.
	fineStep = 0.25
)

// A History is what is remembered of one thermometer to tell what cannot be
// true. The zero History with its Pace set has seen nothing.
type History struct {
	Pace Pace

	read  time.Time // the last sample, accepted or not; zero before the first
	last  float64   // °C, the last accepted
	at    time.Time // when
	since time.Time // when that value was first read, without another between
	fine  bool      // it has moved by so little that its resolution is fine

	doubt   float64 // °C, the last sample if it was rejected as a jump
	doubted time.Time

	low, high mark      // since the last swing
	swung     time.Time // when the last swing began; zero before the first
}

// A mark is an extreme value, and when it was read last.
type mark struct {
	celsius float64
	at      time.Time
}

// Swung returns when the last movement by 3 K began, or zero if there was none.
func (h History) Swung() time.Time { return h.swung }

// Last returns the last accepted value in °C, and when it was read: zero before
// the first.
func (h History) Last() (celsius float64, at time.Time) { return h.last, h.at }

// Step returns the history after a sample of celsius at an instant, and the
// reason why the sample is rejected, "" if it is not. others is when the last
// movement by 3 K of any other thermometer of the node began, zero for none.
//
// A jump is further from the last accepted value than the pace allows. A second
// sample in a row that agrees with a jump shows that it was true, so a real step
// costs one sample. The first sample, and the first after 10 minutes without
// any, is accepted.
//
// A value is stuck when it has been the same to the bit for two hours while
// others moved within that time. A part is judged only once it has moved by
// 0.25 K or less: one of a coarse resolution may well stand still.
func (h History) Step(at time.Time, celsius float64, others time.Time) (History, string) {
	if h.read.IsZero() || at.Sub(h.read) > memory {
		fresh := History{Pace: h.Pace, fine: h.fine, last: celsius, since: at}
		return fresh.accept(at, celsius), ""
	}
	h.read = at
	believed := h.agrees(celsius, h.last, at.Sub(h.at)) ||
		!h.doubted.IsZero() && h.agrees(celsius, h.doubt, at.Sub(h.doubted))
	switch {
	case !believed:
		h.doubt, h.doubted = celsius, at
		return h, fault.Jump
	case celsius == h.last && h.fine && at.Sub(h.since) >= stuckAfter && !others.Before(h.since):
		h.doubted = time.Time{}
		return h, fault.Stuck
	}
	return h.accept(at, celsius), ""
}

// agrees tells whether the pace allows a move from one value to another.
func (h History) agrees(celsius, from float64, dt time.Duration) bool {
	return math.Abs(celsius-from) <= h.Pace.Step+h.Pace.PerSecond*dt.Seconds()
}

// accept returns the history with one more value.
func (h History) accept(at time.Time, celsius float64) History {
	if celsius != h.last {
		const rounding = 1e-6 // of decimal fractions in binary
		h.fine = h.fine || math.Abs(celsius-h.last) <= fineStep+rounding
		h.since = at
	}
	h.read, h.last, h.at, h.doubted = at, celsius, at, time.Time{}
	if h.low.at.IsZero() || celsius <= h.low.celsius {
		h.low = mark{celsius, at}
	}
	if h.high.at.IsZero() || celsius >= h.high.celsius {
		h.high = mark{celsius, at}
	}
	if h.high.celsius-h.low.celsius >= stirring {
		h.swung = h.low.at
		if h.high.at.Before(h.low.at) {
			h.swung = h.high.at
		}
		h.low, h.high = mark{celsius, at}, mark{celsius, at}
	}
	return h
}

// A past is the histories of a node's thermometers, by the names of their
// records. Its zero value is ready for use, and it is safe for concurrent use.
type past struct {
	mu        sync.Mutex
	histories map[string]History
}

// judge returns why a temperature is rejected, or nil if it is not.
func (p *past) judge(r wire.Reading, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	name := r.Name()
	h, ok := p.histories[name]
	if !ok {
		p.forget(now)
		h.Pace = paceOf(r.Device)
	}
	next, reason := h.Step(now, r.Value, p.stirred(name))
	p.histories[name] = next
	last, at := h.Last()
	ago := now.Sub(at).Round(time.Millisecond)
	switch reason {
	case "":
		return nil
	case fault.Jump:
		return fault.New(reason, "%g °C, after %g °C %v ago; a second reading that agrees will be believed", r.Value, last, ago)
	}
	return fault.New(reason, "%g °C to the bit since %v, while others moved by %d K; last believed %v ago: power it off and on",
		r.Value, now.Sub(h.since).Round(time.Minute), stirring, ago)
}

// forget drops what has not been read for long, so that there is never more than
// a node can have.
func (p *past) forget(now time.Time) {
	if p.histories == nil {
		p.histories = map[string]History{}
	}
	for name, h := range p.histories {
		if now.Sub(h.read) > memory {
			delete(p.histories, name)
		}
	}
}

// stirred returns when the last swing of any thermometer of the air but one began.
// A processor that works harder proves nothing about the air elsewhere.
func (p *past) stirred(but string) time.Time {
	var last time.Time
	for name, h := range p.histories {
		if name != but && h.Pace == AirPace() && h.Swung().After(last) {
			last = h.Swung()
		}
	}
	return last
}

// paceOf tells by its name what a device measures: probes on wires and parts on
// an I²C bus the air, all else a chip's die.
func paceOf(device string) Pace {
	if strings.HasPrefix(device, "urn:dev:ow:") || strings.HasPrefix(wire.DevicePart(device), "i2c") {
		return AirPace()
	}
	return DiePace()
}

// A believed sensor gives its temperatures only as far as they are plausible.
type believed struct {
	sampler.Sensor
	past *past
}

// Read reads the sensor. A rejected temperature costs nothing that the part
// measures beside it; that of another device than the one that the sensor is named
// for, such as a chip's diode, is a fault of that device.
func (b believed) Read(ctx context.Context) ([]wire.Reading, error) {
	readings, err := b.Sensor.Read(ctx)
	now := time.Now()
	kept := readings[:0]
	for _, r := range readings {
		if r.Quantity == wire.QuantityTemperature {
			why := b.past.judge(r, now)
			if why != nil && r.Name() == b.Name() {
				err = why
				continue
			}
			if reason, ok := fault.Of(why); ok {
				r = wire.Reading{Device: r.Device, Quantity: wire.QuantityFault, Text: reason}
			}
		}
		kept = append(kept, r)
	}
	return kept, err
}
