package tach

import (
	"math"
	"slices"
	"time"

	"thermarack/hardware/fault"
)

const (
	fastest = 500 // 1/s, 30,000 RPM: more than any fan turns

	// The kernel keeps this many edges for a reader that is late, then drops the
	// oldest (gpio-v2-line-event-read; nobody asks for more through periph).
	queue = 16

	// A pause is a silence too long for a turning fan: so many of its pulses, and
	// longer than a busy machine lets a reader wait.
	pausePulses = 4
	pauseTime   = 250 * time.Millisecond
)

// A Train is what was heard of a line during one measurement.
type Train struct {
	// Edges are the times at which edges were delivered, since the start, in
	// order. They are never early, and late when the machine is busy: then several
	// are delivered at once.
	Edges []time.Duration
	// Silence is the longest time without an edge, as far as somebody was waiting
	// for one.
	Silence time.Duration
}

// Speed returns the speed of the fan that sent the train, in revolutions a
// second, and how many edges were no pulses. It is 0 if the fan stood, or paused
// during the measurement. pulses is how many the fan sends a revolution, at least
// one.
//
// Edges that follow each other faster than a fan can send pulses are a burst. A
// burst is bounce, or pulses delivered late; the silence before it tells: late
// pulses fill a gap of as many periods, bounce follows an ordinary one.
//
// The error is a fault.Error with reason Range if fewer than half of the edges
// can be pulses, or for a speed that no fan has.
func Speed(t Train, pulses int) (speed float64, glitches int, err error) {
	bursts := group(t.Edges, time.Second/fastest/time.Duration(pulses))
	if len(bursts) < 2 {
		return 0, len(t.Edges), tooMany(0, len(t.Edges))
	}
	period := typicalGap(bursts)
	if t.Silence > max(pauseTime, pausePulses*period) {
		return 0, len(t.Edges), nil
	}
	counted := 0 // the first burst is where counting starts
	for i, b := range bursts[1:] {
		fit := max(1, int(math.Round(float64(b.at-bursts[i].at)/float64(period))))
		if b.edges < queue {
			fit = min(fit, b.edges)
		}
		counted += fit
		glitches += max(0, b.edges-fit)
	}
	if err := tooMany(counted, glitches); err != nil {
		return 0, glitches, err
	}
	span := bursts[len(bursts)-1].at - bursts[0].at
	if speed = float64(counted) / span.Seconds() / float64(pulses); speed > fastest {
		return 0, glitches, fault.New(fault.Range, "%.0f revolutions a second; check the tachometer's wire and ground", speed)
	}
	return speed, glitches, nil
}

// tooMany rejects a train of which more than half is noise. A few stray edges on
// the line of a fan that stands are no reason.
func tooMany(counted, glitches int) error {
	if glitches <= max(counted, queue) {
		return nil
	}
	return fault.New(fault.Range, "%d of %d edges come faster than a fan can send them; check the tachometer's wire and ground, or add 10 nF to ground", glitches, counted+glitches)
}

// limit returns how many edges a line may have before it is not worth listening
// to any longer: twice what the fastest fan sends.
func limit(pulses int, d time.Duration) int {
	return int(2 * fastest * float64(pulses) * d.Seconds())
}

// A burst is an edge and those that follow it closely.
type burst struct {
	at    time.Duration
	edges int
}

// group splits edges into bursts with gaps of at least shortest in between.
func group(edges []time.Duration, shortest time.Duration) []burst {
	var bursts []burst
	for i, at := range edges {
		if i > 0 && at-edges[i-1] < shortest {
			bursts[len(bursts)-1].edges++
			continue
		}
		bursts = append(bursts, burst{at, 1})
	}
	return bursts
}

// typicalGap returns the median time from burst to burst. There are two or more.
func typicalGap(bursts []burst) time.Duration {
	gaps := make([]time.Duration, 0, len(bursts)-1)
	for i, b := range bursts[1:] {
		gaps = append(gaps, b.at-bursts[i].at)
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}
