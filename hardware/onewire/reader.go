package onewire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"strconv"
	"sync"
	"syscall"
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
// more than their own readings. It is safe for concurrent use: parts on external
// power convert at the same time if they are read at the same time.
//
// A read that the kernel holds cannot be cancelled. Read then returns without
// it, and its goroutine and thread stay until the kernel lets go: at most one a
// slave, because a later Read of that slave waits for the outstanding one
// instead of starting another. Such a late answer is not old: the part converts
// right before the kernel returns.
type Reader struct {
	root fs.FS

	mu      sync.Mutex
	flights map[string]*flight // by Slave.Dir
}

// A flight is one read under way. Its other fields are set when done is closed.
type flight struct {
	done chan struct{}
	file string
	text []byte
	err  error
}

// NewReader returns a Reader of the slaves below root, the one that Slaves was
// called with.
func NewReader(root fs.FS) *Reader {
	return &Reader{root: root, flights: make(map[string]*flight)}
}

// Read returns the temperature of s in °C. It blocks for the part's conversion,
// 750 ms at 12 bits and longer behind others on a bus with parasite power.
//
// It takes w1_slave, whose bytes it can check, and the bare number of
// temperature only where w1_slave does not exist. An empty file is read again,
// three times in all with 400 ms between.
//
// The error wraps a fault.Error if the sensor or the bus is to blame; its reason is
// timeout once the deadline of ctx has passed. It wraps context.Canceled if ctx
// was cancelled. Any other error is the host's, such as a permission, and names
// the file.
func (r *Reader) Read(ctx context.Context, s Slave) (celsius float64, err error) {
	for try := 1; ; try++ {
		f, err := r.fetch(ctx, s.Dir)
		if err != nil {
			return 0, fmt.Errorf("onewire: read %s: %w", s.Dir, err)
		}
		if len(bytes.TrimSpace(f.text)) > 0 {
			return f.decode(s.ROM.Family())
		}
		if try == tries {
			return 0, fmt.Errorf("onewire: read %s: %w", f.file,
				fault.New(fault.NoDevice, "empty %d times; check that the part is connected", tries))
		}
		if err := wait(ctx, pause); err != nil {
			return 0, fmt.Errorf("onewire: read %s: %w", f.file, err)
		}
	}
}

// Read reads s once with a Reader of its own. A program that reads a slave
// again and again keeps one Reader instead, which bounds what a hung bus costs.
func Read(ctx context.Context, root fs.FS, s Slave) (celsius float64, err error) {
	return NewReader(root).Read(ctx, s)
}

// fetch waits for the file of one slave, or for ctx.
func (r *Reader) fetch(ctx context.Context, dir string) (*flight, error) {
	if ctx.Err() != nil {
		return nil, interruption(ctx)
	}
	f := r.join(dir)
	select {
	case <-f.done:
		return f, f.err
	case <-ctx.Done():
		return nil, interruption(ctx)
	}
}

// join returns the read of dir that is under way, or starts one.
func (r *Reader) join(dir string) *flight {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f, ok := r.flights[dir]; ok {
		return f
	}
	f := &flight{done: make(chan struct{})}
	r.flights[dir] = f
	go func() {
		f.file, f.text, f.err = readSlave(r.root, dir)
		r.mu.Lock()
		delete(r.flights, dir)
		r.mu.Unlock()
		close(f.done)
	}()
	return f
}

// readSlave returns the text of the better of the slave's two files, and which
// it was. Its error is a fault.Error if the part has left the bus.
func readSlave(root fs.FS, dir string) (file string, text []byte, err error) {
	for _, base := range []string{"w1_slave", "temperature"} {
		file = path.Join(dir, base)
		text, err = fs.ReadFile(root, file)
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENODEV):
		return file, nil, fault.New(fault.NoDevice, "the kernel has dropped the part; check that it is connected")
	case errors.Is(err, syscall.EIO):
		return file, nil, fault.New(fault.NoDevice, "input/output error on the bus; check that the part is connected")
	}
	return file, text, err
}

// decode converts the text of whichever file the flight brought.
func (f *flight) decode(family byte) (celsius float64, err error) {
	if path.Base(f.file) == "w1_slave" {
		celsius, err = DecodeW1Slave(family, f.text)
	} else {
		celsius, err = decodeTemperature(f.text)
	}
	if err != nil {
		return 0, fmt.Errorf("onewire: read %s: %w", f.file, err)
	}
	return celsius, nil
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
