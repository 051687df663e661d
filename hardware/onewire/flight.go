package onewire

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path"
	"syscall"
	"time"

	"thermarack/hardware/fault"
)

// A flight is one read of a slave that the kernel may hold. The second half is
// set when done is closed.
type flight struct {
	run   func(*flight, Slave)
	used  bool // nothing is left of a bulk conversion
	begun time.Time
	done  chan struct{}

	text  []byte
	bare  bool // of the file temperature, a number without bytes to check
	stale bool // there was a text of an earlier conversion
	err   error
}

// launch starts f as the one read of s, unless one is under way: that is
// returned then, and mine is false. release is called when f has ended.
func (r *Reader) launch(s Slave, f *flight, release func()) (under *flight, mine bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.part(s.Dir)
	if p.flight != nil {
		return p.flight, false
	}
	r.takeOff(p, s, f, release)
	return f, true
}

// consume reads what g measured of s. It returns nil if g came to nothing, is
// too old, or if the kernel still holds a read of s; s is to convert then.
func (r *Reader) consume(s Slave, g *generation) *flight {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.part(s.Dir)
	if !g.good || g.over() || p.flight != nil {
		return nil
	}
	p.used = g
	f := &flight{run: func(f *flight, s Slave) { f.readFile(r.root, s.Dir) }}
	r.takeOff(p, s, f, func() {})
	return f
}

// takeOff runs f; the caller holds r.mu.
func (r *Reader) takeOff(p *part, s Slave, f *flight, release func()) {
	f.begun, f.done = time.Now(), make(chan struct{})
	p.flight = f
	go func() {
		defer close(f.done)
		defer release()
		f.run(f, s)
		r.mu.Lock()
		defer r.mu.Unlock()
		p.flight = nil
	}()
}

// wait waits for f, or for ctx.
func (f *flight) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
		return interruption(ctx)
	}
}

func (f *flight) empty() bool { return len(bytes.TrimSpace(f.text)) == 0 }

// readFile reads the better of the two files of the slave in dir.
func (f *flight) readFile(root fs.FS, dir string) {
	f.text, f.err = fs.ReadFile(root, path.Join(dir, "w1_slave"))
	if f.bare = errors.Is(f.err, fs.ErrNotExist); f.bare {
		f.text, f.err = fs.ReadFile(root, path.Join(dir, "temperature"))
	}
	switch {
	case errors.Is(f.err, fs.ErrNotExist), errors.Is(f.err, syscall.ENODEV):
		f.err = fault.New(fault.NoDevice, "the kernel has dropped the part; check that it is connected")
	case errors.Is(f.err, syscall.EIO):
		f.err = fault.New(fault.NoDevice, "input/output error on the bus; check that the part is connected")
	}
}
