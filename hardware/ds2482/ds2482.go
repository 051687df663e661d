// Package ds2482 reads 1-Wire thermometers behind a DS2482, the bridge from I²C
// to 1-Wire: a DS2482-100 with one line, or a DS2482-800 with eight.
//
// The bridge is driven from user space, at each of its addresses. After any
// error it is reset and configured anew, so that a disturbed transaction costs
// the readings it was for and no others. A bridge that the kernel's own driver
// owns must be left alone: its probes are in sys/bus/w1, which package onewire
// reads.
//
// Probes are asked to convert and are read. Nothing is written to them, neither
// scratchpad nor EEPROM.
//
// Datasheets: Maxim DS2482-100 and DS2482-800 (19-4932). Search: application
// note 187.
package ds2482

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
	"thermarack/hardware/onewire"
)

// A Probe is a 1-Wire part behind a bridge: its line, and its address on it.
type Probe struct {
	Channel int // 0 to 7 on a DS2482-800, else 0
	ROM     onewire.ROM
}

// A Bridge is one DS2482 on a bus. It is safe for concurrent use: a search, or
// a round of readings, has the bridge to itself from its beginning to its end,
// the selected channel included.
type Bridge struct {
	bus  i2c.Bus
	addr uint16

	// turn holds one token while somebody uses the bridge and all that is
	// below. It is a channel because a search may be waited for with a context.
	turn chan struct{}

	lines    int     // 1 or 8; 0 while nobody has looked
	ready    bool    // reset and configured, and nothing went wrong since
	selected int     // channel
	seen     byte    // what the last reset of a line left in the status
	busy     [8]bool // lines on which a conversion under way has been seen

	w [2]byte  // a command
	r [16]byte // its answer
}

// New returns the bridge at addr. It does not touch the bus.
func New(bus i2c.Bus, addr uint16) *Bridge {
	return &Bridge{bus: bus, addr: addr, turn: make(chan struct{}, 1)}
}

// Addresses returns the addresses that a DS2482-800 can have. A DS2482-100 has
// the lower four.
func Addresses() []uint16 {
	return []uint16{0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f}
}

// Identify tells whether a DS2482 is at addr, and which. It is Likely at most,
// since the part has no ID register; what it has is a register behind each
// valid pointer, of which only the -800 has the one for channels, and the habit
// of refusing every other byte. A DS2482-101 and a DS2484 look like a -100 and
// are read like one.
//
// The first byte that it writes, 0x06, is refused by a DS2482; to an
// accelerometer or an MCP9808, the others that live there, it is the address
// of a register and changes nothing. Who takes it hears no more. To a DS2482 the
// rest moves the read pointer only, which each transaction of this package sets
// for itself.
func Identify(bus i2c.Bus, addr uint16) (i2c.Match, error) {
	idle := make([]byte, 2)
	if answered, err := ask(bus, addr, nil, idle); !answered {
		return i2c.Match{}, err
	}
	if answered, err := ask(bus, addr, []byte{0x06}, nil); answered || err != nil || idle[0] != idle[1] {
		return i2c.Match{}, err
	}
	var status, config, channel [2]byte
	for _, register := range []struct {
		pointer byte
		bytes   []byte
	}{{statusRegister, status[:]}, {configRegister, config[:]}} {
		answered, err := ask(bus, addr, []byte{setReadPointer, register.pointer}, register.bytes)
		if !answered || register.bytes[0] != register.bytes[1] {
			return i2c.Match{}, err
		}
	}
	if status[0] == 0xff || config[0] > 0x0f {
		return i2c.Match{}, nil
	}
	eight, err := ask(bus, addr, []byte{setReadPointer, channelRegister}, channel[:])
	if err != nil {
		return i2c.Match{}, err
	}
	return verdict(addr, eight, channel)
}

// ask runs a transaction and tells whether it was acknowledged. Not to be is an
// answer here and no error.
func ask(bus i2c.Bus, addr uint16, w, r []byte) (acknowledged bool, err error) {
	err = bus.Tx(addr, w, r)
	if i2c.Refused(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ds2482: identify 0x%02x: %w", addr, err)
	}
	return true, nil
}

// verdict judges a part that has behaved like a DS2482 so far.
func verdict(addr uint16, eight bool, channel [2]byte) (i2c.Match, error) {
	switch {
	case eight && channel[0] == channel[1] && slices.Contains(channelCodes[:], channel[0]):
		return i2c.Match{Part: "DS2482-800", Sure: i2c.Likely,
			Why: fmt.Sprintf("takes the pointers of a DS2482 only, and the channel register holds 0x%02x", channel[0])}, nil
	case !eight && addr <= 0x1b:
		return i2c.Match{Part: "DS2482-100", Sure: i2c.Likely,
			Why: "takes the pointers of a DS2482 only, and has no channel register"}, nil
	}
	return i2c.Match{}, nil
}

// acquire waits until nobody else uses the bridge. Who has it must release it.
func (b *Bridge) acquire(ctx context.Context) error {
	if ctx.Err() == nil {
		select {
		case b.turn <- struct{}{}:
			b.ready = false // it may have lost its power since
			return nil
		case <-ctx.Done():
		}
	}
	return fmt.Errorf("ds2482: 0x%02x: %w", b.addr, interruption(ctx))
}

func (b *Bridge) release() { <-b.turn }

// visit does something with a channel selected. After an error the next visit
// begins with a reset of the bridge, whatever state it is in.
func (b *Bridge) visit(ctx context.Context, channel int, do func() error) error {
	err := b.enter(ctx, channel)
	if err == nil {
		err = do()
	}
	if err != nil {
		b.ready = false
		return fmt.Errorf("ds2482: 0x%02x channel %d: %w", b.addr, channel, err)
	}
	return nil
}

// enter selects a channel of a bridge that is set up.
func (b *Bridge) enter(ctx context.Context, channel int) error {
	if !b.ready {
		if err := b.setUp(ctx); err != nil {
			return err
		}
	}
	if channel < 0 || channel >= b.lines {
		return fault.New(fault.NoDevice, "the bridge has %d channels, counted from 0", b.lines)
	}
	if channel == b.selected {
		return nil
	}
	b.w = [2]byte{channelSelect, 0xf0 - 0x0f*byte(channel)}
	if err := b.confirm(ctx, b.w[:2], channelCodes[channel]); err != nil {
		return fmt.Errorf("select the channel: %w", err)
	}
	b.selected = channel
	return nil
}

// setUp resets the bridge, finds out how many lines it has, and turns the active
// pull-up on, which lines with more than one probe need. A shorted line does not
// keep it from doing so.
func (b *Bridge) setUp(ctx context.Context) error {
	status := b.r[:1]
	if err := b.tx(ctx, []byte{deviceReset}, status); err != nil {
		return fmt.Errorf("reset the bridge: %w", err)
	}
	if status[0]&^level != wasReset {
		if err := i2c.Blank("the bridge's status", status); err != nil {
			return err
		}
		return fault.New(fault.CRC, "the bridge's status is 0x%02x after a reset; check the I²C wires, and that it is a DS2482", status[0])
	}
	lines, err := b.countLines(ctx)
	if err != nil {
		return err
	}
	if err := b.configure(ctx, activePullUp); err != nil {
		return err
	}
	b.lines, b.selected, b.seen, b.ready = lines, 0, 0, true // as the reset leaves it
	return nil
}

// countLines tells a DS2482-800, which alone has a channel register, from a
// DS2482-100, which refuses the pointer to it. It asks twice, because a disturbed
// transaction looks like a refusal, and never forgets that there are eight.
func (b *Bridge) countLines(ctx context.Context) (int, error) {
	if b.lines > 0 {
		return b.lines, nil
	}
	for range 2 {
		err := b.confirm(ctx, b.pointTo(channelRegister), channelCodes[0])
		if err == nil {
			return len(channelCodes), nil
		}
		if !i2c.Refused(err) {
			return 0, err
		}
	}
	return 1, nil
}

// configure writes the configuration, which must be followed by its complement
// in the same byte.
func (b *Bridge) configure(ctx context.Context, bits byte) error {
	b.w = [2]byte{writeConfig, bits | ^bits<<4}
	if err := b.confirm(ctx, b.w[:2], bits); err != nil {
		return fmt.Errorf("configure the bridge: %w", err)
	}
	return nil
}

// confirm runs a transaction whose answer is known.
func (b *Bridge) confirm(ctx context.Context, w []byte, want byte) error {
	answer := b.r[:1]
	if err := b.tx(ctx, w, answer); err != nil {
		return err
	}
	if answer[0] != want {
		return fault.New(fault.CRC, "the bridge answered 0x%02x, want 0x%02x; check the I²C wires", answer[0], want)
	}
	return nil
}

// tx runs one transaction unless ctx has ended.
func (b *Bridge) tx(ctx context.Context, w, r []byte) error {
	if ctx.Err() != nil {
		return interruption(ctx)
	}
	return b.bus.Tx(b.addr, w, r)
}

// wait sleeps for d, or returns why ctx ended first.
func wait(ctx context.Context, d time.Duration) error {
	if i2c.Wait(ctx, d) != nil {
		return interruption(ctx)
	}
	return nil
}

// interruption turns a passed deadline into a fault.Error, because then the bus
// was too slow; a cancellation is the caller's will and stays what it is.
func interruption(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fault.New(fault.Timeout, "the bridge has not come to it in time; check the bus and its other readers")
	}
	return ctx.Err()
}
