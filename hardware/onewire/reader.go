package onewire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"sync"
	"time"

	"thermarack/hardware/fault"
)

// The kernel shows an empty file for every failure, also for a harmless one: a
// signal that woke the reading thread, or a bulk conversion that somebody else
// has under way. Two pauses outlast such a conversion, which takes 750 ms.
const (
	tries = 3
	pause = 400 * time.Millisecond
)

// A Reader reads thermometers, and keeps those whose bus hangs from costing
// more than their own readings. It is safe for concurrent use, and made for it:
// the parts of one bus that are read at the same time share one bulk conversion
// if the host allows that, else they convert beside each other, else, on
// parasite power, one by one.
//
// A read that the kernel holds cannot be cancelled. Read then returns without
// it, and its goroutine and thread stay until the kernel lets go: at most one a
// slave and one a bus, because a later Read waits for the outstanding one
// instead of starting another.
type Reader struct {
	root   fs.FS
	opener Opener

	mu    sync.Mutex
	parts map[string]*part // by Slave.Dir
	buses map[string]*bus  // by Slave.Master
}

// NewReader returns a Reader of the slaves below root, the one that Slaves was
// called with. opener starts bulk conversions; without one, nil, nothing is ever
// written and each part converts by itself.
func NewReader(root fs.FS, opener Opener) *Reader {
	return &Reader{root: root, opener: opener, parts: make(map[string]*part), buses: make(map[string]*bus)}
}

// part returns what is remembered of a slave; the caller holds r.mu.
func (r *Reader) part(dir string) *part {
	p, ok := r.parts[dir]
	if !ok {
		p = &part{}
		r.parts[dir] = p
	}
	return p
}

// bus returns what is remembered of a master; the caller holds r.mu.
func (r *Reader) bus(master string) *bus {
	b, ok := r.buses[master]
	if !ok {
		b = &bus{turn: make(chan struct{}, 1)}
		r.buses[master] = b
	}
	return b
}

// Read returns the temperature of s in °C, measured since Read was called or
// less than two seconds before. It blocks for the part's conversion, 750 ms at
// 12 bits, and longer behind others on a bus with parasite power.
//
// It takes w1_slave, whose bytes it can check, and the bare number of
// temperature only where w1_slave does not exist. What a bulk conversion did not
// give, the part is asked for with a conversion of its own. An empty file is read
// again, three times in all with 400 ms between.
//
// The error wraps a fault.Error if the sensor or the bus is to blame. Its reason
// is timeout once the deadline of ctx has passed, and stale if the part shows an
// earlier measurement but makes no new one. The error wraps context.Canceled if
// ctx was cancelled. Any other error is the host's, such as a permission, and
// names the file.
func (r *Reader) Read(ctx context.Context, s Slave) (celsius float64, err error) {
	celsius, err = r.read(ctx, s)
	if err != nil {
		return 0, fmt.Errorf("onewire: read %s: %w", s.Dir, err)
	}
	return celsius, nil
}

// Read reads s once with a Reader of its own, which writes nothing. A program
// that reads a slave again and again keeps one Reader instead, which bounds what
// a hung bus costs.
func Read(ctx context.Context, root fs.FS, s Slave) (celsius float64, err error) {
	return NewReader(root, nil).Read(ctx, s)
}

func (r *Reader) read(ctx context.Context, s Slave) (celsius float64, err error) {
	if ctx.Err() != nil {
		return 0, interruption(ctx)
	}
	g := r.enter(s)
	defer r.leave(s)
	f, err := r.share(ctx, s, g)
	if err != nil {
		return 0, err
	}
	first := 1
	if f != nil {
		if celsius, err = r.value(s, f); err == nil {
			return celsius, nil
		}
		first++
	}
	return r.readAlone(ctx, s, first)
}

// share returns what s shows after the bulk conversion g, or nil if that did not
// come about.
func (r *Reader) share(ctx context.Context, s Slave, g *generation) (*flight, error) {
	if g == nil {
		return nil, nil
	}
	select {
	case <-g.done:
	case <-ctx.Done():
		return nil, interruption(ctx)
	}
	f := r.consume(s, g)
	if f == nil {
		return nil, nil
	}
	return f, f.wait(ctx)
}

// readAlone reads s with conversions of its own, as often as first leaves.
func (r *Reader) readAlone(ctx context.Context, s Slave, first int) (celsius float64, err error) {
	stale := false
	for try := first; ; try++ {
		used := try == first && first > 1 // a moment ago, by share
		f, err := r.convert(ctx, s, used)
		if err != nil {
			return 0, err
		}
		if f.err != nil || !f.empty() {
			return r.value(s, f)
		}
		stale = stale || f.stale
		if try == tries {
			return 0, silent(stale)
		}
		if err := wait(ctx, pause); err != nil {
			return 0, err
		}
	}
}

// silent is the fault of a part that shows no new measurement.
func silent(stale bool) error {
	if stale {
		return fault.New(fault.Stale, "only an earlier conversion can be read; check what else triggers this bus")
	}
	return fault.New(fault.NoDevice, "empty %d times; check that the part is connected", tries)
}

// convert reads s with a conversion of its own. used says that no bulk conversion
// is left for s to give away.
func (r *Reader) convert(ctx context.Context, s Slave, used bool) (*flight, error) {
	for {
		release, err := r.takeTurn(ctx, s)
		if err != nil {
			return nil, err
		}
		f, mine := r.launch(s, &flight{run: r.readNew, used: used}, release)
		late := !mine && time.Since(f.begun) > fresh
		if !mine {
			release()
		}
		if err := f.wait(ctx); err != nil {
			return nil, err
		}
		if !late {
			return f, nil
		}
		used = false // f may have measured long ago, even if the kernel let go only now
	}
}

// readNew reads the text of a conversion that the read itself makes. If a bulk
// conversion is left on the bus, s may give that away first, which may be from
// any time: the flag tells that of no single part, nor whether that conversion
// ran to its end. That text is dropped.
func (r *Reader) readNew(f *flight, s Slave) {
	if !f.used && s.ROM.bulk() && r.flag(s.Master) == flagDone {
		f.readFile(r.root, s.Dir)
		f.stale = !f.empty()
	}
	f.readFile(r.root, s.Dir)
}

// value converts what a flight brought.
func (r *Reader) value(s Slave, f *flight) (celsius float64, err error) {
	if f.err != nil {
		return 0, f.err
	}
	if !f.bare {
		var pad scratchpad
		pad, celsius, err = decodeW1Slave(s.ROM.Family(), f.text)
		if err == nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.part(s.Dir).pad = pad
		}
		return celsius, err
	}
	return decodeTemperature(f.text)
}

// decodeTemperature converts millidegrees that the kernel cut toward zero back
// to the sixty-fourths of a degree that they came from.
//
// With no scratchpad to tell a broken line from a measurement, exactly 0 °C is
// refused as zeros and exactly 85 °C as power-on: either is far more often a
// fault, and a true one is believed again one bit later.
func decodeTemperature(text []byte) (celsius float64, err error) {
	milli, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 32)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%.20q is not a number of millidegrees", text)
	case milli == 0:
		return 0, fault.New(fault.Zeros, "exactly 0 °C without a scratchpad to check it")
	case milli == 85000:
		return 0, fault.New(fault.PowerOn, "exactly 85 °C without a scratchpad to check it")
	case milli < minCelsius*1000 || milli > maxCelsius*1000:
		return 0, fault.New(fault.Range, "%d millidegrees are outside %d to %d °C", milli, minCelsius, maxCelsius)
	}
	return math.Round(float64(milli)*64/1000) / 64, nil
}

// wait sleeps for d, or returns why ctx ended first.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return interruption(ctx)
	}
}

// interruption turns a passed deadline into a fault.Error, because then the bus was
// too slow; a cancellation is the caller's will and stays what it is.
func interruption(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fault.New(fault.Timeout, "the kernel has not answered in time; check the bus and its other readers")
	}
	return ctx.Err()
}
