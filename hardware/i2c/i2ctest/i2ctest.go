// Package i2ctest plays back I²C conversations for tests of drivers.
package i2ctest

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"thermarack/hardware/fault"
)

// An Op is one transaction: what must be written, and what is then read or goes
// wrong.
type Op struct {
	Addr uint16
	W, R []byte
	Err  error // returned instead of R
}

// A Playback is a bus on which exactly the given transactions happen, in order.
type Playback struct {
	mu  sync.Mutex
	ops []Op
}

// Play returns a Playback of ops, and fails t at its end if any is left over.
func Play(t testing.TB, ops ...Op) *Playback {
	t.Helper()
	p := &Playback{ops: ops}
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.ops) > 0 {
			t.Errorf("i2ctest: %d transactions never happened, the next: address 0x%02x, write % x", len(p.ops), p.ops[0].Addr, p.ops[0].W)
		}
	})
	return p
}

// Tx checks address and w against the recording and fills r from it. An
// unexpected transaction is an error, which a driver must not swallow.
func (p *Playback) Tx(addr uint16, w, r []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.ops) == 0 {
		return fmt.Errorf("i2ctest: unexpected transaction: address 0x%02x, write % x, read %d bytes", addr, w, len(r))
	}
	op := p.ops[0]
	if addr != op.Addr || !bytes.Equal(w, op.W) || op.Err == nil && len(r) != len(op.R) {
		return fmt.Errorf("i2ctest: address 0x%02x, write % x, read %d bytes; want 0x%02x, % x and %d", addr, w, len(r), op.Addr, op.W, len(op.R))
	}
	p.ops = p.ops[1:]
	copy(r, op.R)
	return op.Err
}

// NoAck is the error of an address that nobody acknowledges, as i2c.Bus has it.
var NoAck error = fault.New(fault.NoDevice, "nobody answers")

// A Func is a bus made of a function, for parts that are simulated.
type Func func(addr uint16, w, r []byte) error

// Tx calls f.
func (f Func) Tx(addr uint16, w, r []byte) error { return f(addr, w, r) }
