package ds2482

import (
	"context"

	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
)

// Commands of the bridge: DS2482-800 datasheet, "Function Commands".
const (
	deviceReset    = 0xf0
	setReadPointer = 0xe1
	writeConfig    = 0xd2
	channelSelect  = 0xc3 // DS2482-800 only
	wireReset      = 0xb4
	wireSingleBit  = 0x87
	wireWriteByte  = 0xa5
	wireReadByte   = 0x96
	wireTriplet    = 0x78
)

// Read pointers.
const (
	statusRegister  = 0xf0
	dataRegister    = 0xe1
	channelRegister = 0xd2 // DS2482-800 only
	configRegister  = 0xc3
)

// channelCodes are what the channel register holds after a selection; the codes
// that select are others, so that an echo is no confirmation.
var channelCodes = [8]byte{0xb8, 0xb1, 0xaa, 0xa3, 0x9c, 0x95, 0x8e, 0x87}

// Bits of the configuration.
const (
	activePullUp = 1 << 0
	strongPullUp = 1 << 2 // from the end of the next byte to the next command
)

// Bits of the status.
const (
	wireBusy  = 1 << 0
	presence  = 1 << 1 // since the last 1-Wire reset
	short     = 1 << 2 // since the last 1-Wire reset
	level     = 1 << 3
	wasReset  = 1 << 4 // until the configuration is written
	bitRead   = 1 << 5
	bitAgain  = 1 << 6 // of a triplet: what the complement was read as
	direction = 1 << 7 // of a triplet: the bit written
)

// How many times the status is read in the transaction that starts 1-Wire
// activity, such that the last time is after its end on a bus of 100 kHz, where
// a byte takes 90 µs. The slots take 73 µs at most, a reset 1.25 ms.
//
// Reading it over and over in one transaction is what the bridge is made for; to
// the host it saves an interrupt and two system calls each time.
const (
	statusesOfReset   = 14
	statusesOfByte    = 7
	statusesOfTriplet = 2
	statusesOfBit     = 1
)

// polls is how many times more a bridge that is busy is asked. Together they
// last 16 ms at 400 kHz, the fastest that the bridge can do: ten times as long as
// anything takes it.
const polls = 64

// run starts 1-Wire activity and returns the status at its end.
func (b *Bridge) run(ctx context.Context, statuses int, command ...byte) (status byte, err error) {
	w, r := b.w[:copy(b.w[:], command)], b.r[:statuses]
	err = b.tx(ctx, w, r)
	for poll := 0; err == nil && poll < polls && r[len(r)-1]&wireBusy != 0; poll++ {
		// The pointer is set again, lest somebody who identifies parts moved it.
		r = b.r[:max(statuses, statusesOfByte)]
		err = b.tx(ctx, b.pointTo(statusRegister), r)
	}
	status = r[len(r)-1]
	switch {
	case err != nil:
		return 0, err
	case status == 0xff:
		return 0, i2c.Blank("the bridge's status", []byte{status})
	case status&wireBusy != 0:
		return 0, fault.New(fault.Timeout, "the bridge stays busy (status 0x%02x); cut its power if that lasts", status)
	case status&wasReset != 0:
		return 0, fault.New(fault.PowerOn, "the bridge was reset in between (status 0x%02x); check its supply", status)
	}
	return status, nil
}

// pointTo returns the command after which bytes are read from a register.
func (b *Bridge) pointTo(register byte) []byte {
	b.w = [2]byte{setReadPointer, register}
	return b.w[:]
}

// errAbsent is what resetLine returns when no part answers.
var errAbsent error = fault.New(fault.NoDevice, "no part answers on the line; check that it is connected")

// resetLine makes the parts on the line listen. The error is errAbsent if there
// are none.
func (b *Bridge) resetLine(ctx context.Context) error {
	status, err := b.run(ctx, statusesOfReset, wireReset)
	b.seen = status & (presence | short)
	switch {
	case err != nil:
		return err
	case status&short != 0:
		return fault.New(fault.Zeros, "the line is shorted to ground; check its wires")
	case status&presence != 0:
		return nil
	}
	// The level in status is that of the reset pulse: the bridge samples it when
	// it is addressed. Now the line must be high.
	if err := b.tx(ctx, b.pointTo(statusRegister), b.r[:1]); err != nil {
		return err
	}
	if b.r[0]&level == 0 {
		return fault.New(fault.Zeros, "the line stays low (status 0x%02x); check its wires and the bridge's supply", b.r[0])
	}
	return errAbsent
}

// act is run for what happens between two resets of the line, where the bits of
// the last reset must stand: so a status is told from bytes that nobody drives.
func (b *Bridge) act(ctx context.Context, statuses int, command ...byte) (status byte, err error) {
	status, err = b.run(ctx, statuses, command...)
	switch {
	case err != nil || status&(presence|short) == b.seen:
		return status, err
	case status == 0:
		return 0, i2c.Blank("the bridge's status", []byte{status})
	}
	return 0, fault.New(fault.CRC, "the bridge's status 0x%02x contradicts the one before; check the I²C wires", status)
}

// address resets the line and writes bytes to it.
func (b *Bridge) address(ctx context.Context, bytes ...byte) error {
	if err := b.resetLine(ctx); err != nil {
		return err
	}
	for _, v := range bytes {
		if err := b.writeByte(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

func (b *Bridge) writeByte(ctx context.Context, v byte) error {
	_, err := b.act(ctx, statusesOfByte, wireWriteByte, v)
	return err
}

func (b *Bridge) readByte(ctx context.Context) (byte, error) {
	if _, err := b.act(ctx, statusesOfByte, wireReadByte); err != nil {
		return 0, err
	}
	err := b.tx(ctx, b.pointTo(dataRegister), b.r[:1])
	return b.r[0], err
}

func (b *Bridge) readBit(ctx context.Context) (bool, error) {
	status, err := b.act(ctx, statusesOfBit, wireSingleBit, 0x80)
	return status&bitRead != 0, err
}

// triplet reads a bit of the addresses on the line, reads its complement, and
// writes the bit that the parts must have to go on: the one that they all have,
// or one if they differ. fork tells that they do.
func (b *Bridge) triplet(ctx context.Context, one bool) (bit, fork bool, err error) {
	var data byte
	if one {
		data = 0x80
	}
	status, err := b.act(ctx, statusesOfTriplet, wireTriplet, data)
	if err != nil {
		return false, false, err
	}
	switch status & (bitRead | bitAgain) {
	case bitRead | bitAgain:
		return false, false, errSilent
	case 0:
		bit, fork = one, true
	default:
		bit = status&bitRead != 0
	}
	if bit != (status&direction != 0) {
		return false, false, fault.New(fault.CRC, "the bridge's status 0x%02x contradicts itself; check the I²C wires", status)
	}
	return bit, fork, nil
}
