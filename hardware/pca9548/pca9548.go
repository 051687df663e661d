// Package pca9548 makes a bus of each channel of an I²C multiplexer: PCA9548A and
// TCA9548A with eight channels, PCA9546A with four, and others whose control
// register has one bit a channel. PCA9544A and PCA9547, whose register holds an
// enable bit and the number of a channel, are not driven: they show their channel
// 0 only, as channel 2 or 3.
//
// A transaction on a channel connects it, runs, and disconnects it again, while
// nobody else uses the bus above. So parts with equal addresses never meet. That
// takes a lock which all users of the bus above share: parts beside a multiplexer
// must be used through Share, or Mux.Parent, which is the same.
//
// The lock is that of this program. A bus on which the kernel, or another program,
// talks to parts at the same time is better given to the kernel's own driver of
// the multiplexer, i2c-mux-pca954x.
//
// Datasheets: NXP PCA9548A, PCA9546A; TI TCA9548A (SCPS207).
package pca9548

import (
	"fmt"
	"sync"

	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
)

// Channels is how many channels a multiplexer has at most.
const Channels = 8

// A trunk is a bus with multiplexers on it.
type trunk struct {
	mu    sync.Mutex
	bus   i2c.Bus
	muxes []*Mux
}

// Share returns bus with the lock that multiplexers and the parts beside them
// share. It returns a bus that has it already as it is.
func Share(bus i2c.Bus) i2c.Bus { return share(bus) }

func share(bus i2c.Bus) *trunk {
	if t, ok := bus.(*trunk); ok {
		return t
	}
	return &trunk{bus: bus}
}

// Tx runs a transaction with a part beside the multiplexers, or with one of them,
// while no channel is connected.
func (t *trunk) Tx(addr uint16, w, r []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.disconnect(addr)
	for _, m := range t.muxes {
		m.connected = m.connected || m.addr == addr // by whoever this is
	}
	return t.bus.Tx(addr, w, r)
}

// disconnect closes what may be connected, but for the multiplexer at addr. One
// that does not answer is tried again before the next transaction, and keeps
// nobody from this one: it has most likely lost its power, and with it its
// channel.
func (t *trunk) disconnect(but uint16) {
	for _, m := range t.muxes {
		if m.connected && m.addr != but {
			m.connected = t.bus.Tx(m.addr, []byte{0}, nil) != nil
		}
	}
}

// A Mux is one multiplexer.
type Mux struct {
	trunk *trunk
	addr  uint16

	// connected is under trunk.mu: a channel may be connected to the bus. It is
	// true at first, because whoever ran before may have died in between.
	connected bool
}

// New returns the multiplexer at addr on a bus, which may be a channel of another
// one. It does not touch the bus. Multiplexers on the same bus must be given the
// same shared one: what Share returned, or the Parent of the first.
func New(parent i2c.Bus, addr uint16) *Mux {
	t := share(parent)
	m := &Mux{trunk: t, addr: addr, connected: true}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.muxes = append(t.muxes, m)
	return m
}

// Parent returns the bus above, with the lock that the channels use: the one on
// which parts beside the multiplexer must be used. It is safe for concurrent use.
func (m *Mux) Parent() i2c.Bus { return m.trunk }

// Channel returns the bus behind a channel, 0 to 7. It is safe for concurrent use
// and is never connected outside of its own transactions.
//
// A transaction costs three short ones more: to connect, to see that the right
// channel is, and to disconnect. Its error wraps a fault.Error as i2c.Bus has it,
// with NoDevice also for a channel that the multiplexer does not have and for the
// addresses of the multiplexers above; and with CRC for a control register that
// does not hold what was written to it. The next transaction begins anew.
func (m *Mux) Channel(n int) i2c.Bus { return channel{m, n} }

type channel struct {
	mux *Mux
	n   int
}

// Tx runs a transaction with a part on the channel.
func (c channel) Tx(addr uint16, w, r []byte) error {
	t := c.mux.trunk
	t.mu.Lock()
	defer t.mu.Unlock()
	const nobody = 0xffff
	t.disconnect(nobody)
	err := c.connect(addr)
	if err == nil {
		err = t.bus.Tx(addr, w, r)
	}
	t.disconnect(nobody)
	if err != nil {
		return fmt.Errorf("pca9548: 0x%02x channel %d: %w", c.mux.addr, c.n, err)
	}
	return nil
}

// connect connects the channel, for a transaction with addr. The channel is there
// after the end of the transaction that writes the register, which is why that
// is read back by another.
func (c channel) connect(addr uint16) error {
	if c.n < 0 || c.n >= Channels {
		return fault.New(fault.NoDevice, "a multiplexer has %d channels at most, counted from 0", Channels)
	}
	m := c.mux
	for _, other := range m.trunk.muxes {
		if other.addr == addr {
			return fault.New(fault.NoDevice, "address 0x%02x is that of a multiplexer above", addr)
		}
	}
	m.connected = true
	control := []byte{1 << c.n}
	if err := m.trunk.bus.Tx(m.addr, control, nil); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	var got [1]byte
	if err := m.trunk.bus.Tx(m.addr, nil, got[:]); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	switch got[0] {
	case control[0]:
		return nil
	case 0:
		return fault.New(fault.NoDevice, "the channel cannot be connected; the multiplexer has fewer, or has lost its power")
	}
	return fault.New(fault.CRC, "the control register holds 0x%02x, want 0x%02x; check the I²C wires", got[0], control[0])
}
