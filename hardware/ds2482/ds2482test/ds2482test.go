// Package ds2482test simulates a DS2482 with 1-Wire parts behind it: the
// registers of the bridge, and each bit on its lines.
package ds2482test

import (
	"time"

	"thermarack/hardware/i2c/i2ctest"
)

// Registers by their read pointers, and the commands, of the datasheet.
const (
	statusRegister  = 0xf0
	dataRegister    = 0xe1
	channelRegister = 0xd2
	configRegister  = 0xc3

	deviceReset    = 0xf0
	setReadPointer = 0xe1
	writeConfig    = 0xd2
	channelSelect  = 0xc3
	wireReset      = 0xb4
	wireSingleBit  = 0x87
	wireWriteByte  = 0xa5
	wireReadByte   = 0x96
	wireTriplet    = 0x78
)

// Bits of the status, and of the configuration.
const (
	busy      = 1 << 0
	presence  = 1 << 1
	short     = 1 << 2
	level     = 1 << 3
	wasReset  = 1 << 4
	bitRead   = 1 << 5
	bitAgain  = 1 << 6
	direction = 1 << 7

	strongPullUp = 1 << 2
)

// How long 1-Wire activity takes, typically.
const (
	slotTime  = 69300 * time.Nanosecond
	resetTime = 1184 * time.Microsecond
)

// A Bridge is a simulated DS2482, and the I²C bus on which it is alone. It is safe
// for concurrent use; its fields are set while nobody uses it.
type Bridge struct {
	Addr  uint16
	Lines []*Line // one of a DS2482-100, eight of a DS2482-800

	// Hz is the clock of the bus. If it is not 0, transactions and what happens
	// on the lines take their time, so that a test runs in a synctest bubble.
	Hz int
	// Fail, if set, is asked before each transaction, and may do something to the
	// Bridge. If it returns an error the transaction does not happen.
	Fail func(w []byte) error
	// Stuck keeps the bridge busy once it has begun with something.
	Stuck bool

	turn         chan struct{} // not a mutex, which stops the clock of a bubble
	transactions int
	bytes        int

	status    byte // without busy and level
	data      byte
	config    byte
	selected  int
	pointer   byte
	busyUntil time.Time
}

// New returns a bridge that has just got power.
func New(addr uint16, lines ...*Line) *Bridge {
	b := &Bridge{Addr: addr, Lines: lines, turn: make(chan struct{}, 1)}
	b.reset()
	return b
}

// PowerCycle does to the bridge what a dip of its supply does.
func (b *Bridge) PowerCycle() {
	b.turn <- struct{}{}
	defer func() { <-b.turn }()
	b.reset()
	b.data = 0
}

// Traffic returns how many transactions there were, and how many bytes they had
// with their addresses.
func (b *Bridge) Traffic() (transactions, bytes int) {
	b.turn <- struct{}{}
	defer func() { <-b.turn }()
	return b.transactions, b.bytes
}

// Tx runs a transaction. Its error is i2ctest.NoAck if the bridge refuses a byte.
func (b *Bridge) Tx(addr uint16, w, r []byte) error {
	if b.Fail != nil {
		if err := b.Fail(w); err != nil {
			return err
		}
	}
	b.turn <- struct{}{}
	defer func() { <-b.turn }()
	b.transactions++
	if addr != b.Addr {
		return i2ctest.NoAck
	}
	now := time.Now()
	tick := func() {
		b.bytes++
		if b.Hz > 0 {
			now = now.Add(9 * time.Second / time.Duration(b.Hz))
		}
	}
	defer func() { time.Sleep(time.Until(now)) }()
	if len(w) > 0 {
		tick()
		for range w {
			tick()
		}
		if !b.execute(now, w) {
			return i2ctest.NoAck
		}
	}
	if len(r) > 0 {
		tick()
	}
	high := !b.line().Shorted && !now.Before(b.busyUntil) // sampled with the address
	for i := range r {
		r[i] = b.register(now, high)
		tick()
	}
	return nil
}

func (b *Bridge) line() *Line { return b.Lines[b.selected] }

func (b *Bridge) busy(now time.Time) bool {
	return now.Before(b.busyUntil) || b.Stuck && !b.busyUntil.IsZero()
}

// register returns what is read now.
func (b *Bridge) register(now time.Time, high bool) byte {
	switch b.pointer {
	case dataRegister:
		return b.data
	case configRegister:
		return b.config
	case channelRegister:
		return [8]byte{0xb8, 0xb1, 0xaa, 0xa3, 0x9c, 0x95, 0x8e, 0x87}[b.selected]
	}
	status := b.status
	if b.busy(now) {
		status |= busy
	}
	if high {
		status |= level
	}
	return status
}

// execute runs a command and tells whether all its bytes are acknowledged.
func (b *Bridge) execute(now time.Time, w []byte) bool {
	switch {
	case w[0] == deviceReset && len(w) == 1:
		b.line().unfeed(now)
		b.reset()
		return true
	case w[0] == setReadPointer && len(w) == 2:
		return b.point(w[1])
	case b.busy(now):
		return false
	case w[0] == writeConfig && len(w) == 2:
		return b.configure(now, w[1])
	case w[0] == channelSelect && len(w) == 2 && len(b.Lines) == 8:
		return b.choose(w[1])
	}
	return b.act(now, w)
}

func (b *Bridge) reset() {
	b.status, b.config, b.selected, b.pointer, b.busyUntil = wasReset, 0, 0, statusRegister, time.Time{}
}

func (b *Bridge) point(register byte) bool {
	switch register {
	case statusRegister, dataRegister, configRegister:
	case channelRegister:
		if len(b.Lines) != 8 {
			return false
		}
	default:
		return false
	}
	b.pointer = register
	return true
}

func (b *Bridge) configure(now time.Time, v byte) bool {
	if v&0xf != ^v>>4 {
		return true // acknowledged and ignored
	}
	if v&strongPullUp == 0 {
		b.line().unfeed(now)
	}
	b.config, b.pointer = v&0xf, configRegister
	b.status &^= wasReset
	return true
}

func (b *Bridge) choose(code byte) bool {
	for i, c := range [8]byte{0xf0, 0xe1, 0xd2, 0xc3, 0xb4, 0xa5, 0x96, 0x87} {
		if c == code {
			b.selected, b.pointer = i, channelRegister
			return true
		}
	}
	return false
}

// act runs a command that makes something happen on the line.
func (b *Bridge) act(now time.Time, w []byte) bool {
	line, slots := b.line(), 0
	line.unfeed(now)
	switch {
	case w[0] == wireReset && len(w) == 1:
		b.status &^= presence | short
		switch present, shorted := line.reset(); {
		case shorted:
			b.status |= short
		case present:
			b.status |= presence
		}
	case w[0] == wireSingleBit && len(w) == 2:
		slots = 1
		b.set(bitRead, line.slot(now, w[1]&0x80 != 0))
	case w[0] == wireWriteByte && len(w) == 2:
		slots = 8
		line.byte(now, w[1])
	case w[0] == wireReadByte && len(w) == 1:
		slots = 8
		b.data = line.byte(now, 0xff)
	case w[0] == wireTriplet && len(w) == 2:
		slots = 3
		b.triplet(now, w[1]&0x80 != 0)
	default:
		return false
	}
	b.pointer = statusRegister
	b.busyUntil = b.end(now, slots)
	line.fed = b.config&strongPullUp != 0 && (w[0] == wireSingleBit || w[0] == wireWriteByte)
	b.config &^= strongPullUp // it ends with the command after the one it began with
	if line.fed {
		b.config |= strongPullUp
	}
	return true
}

// end is when activity that begins with a command ends. A reset has no slots.
// Single bits and triplets begin with the first bit of the command's last byte,
// the others with its last.
func (b *Bridge) end(now time.Time, slots int) time.Time {
	switch {
	case b.Hz == 0:
		return now
	case slots == 0:
		return now.Add(resetTime)
	case slots < 8:
		now = now.Add(-8 * time.Second / time.Duration(b.Hz))
	}
	return now.Add(time.Duration(slots) * slotTime)
}

func (b *Bridge) triplet(now time.Time, one bool) {
	first := b.line().slot(now, true)
	second := b.line().slot(now, true)
	way := one
	if first || second {
		way = first
	}
	b.line().slot(now, way)
	b.set(bitRead, first)
	b.set(bitAgain, second)
	b.set(direction, way)
}

func (b *Bridge) set(bit byte, on bool) {
	b.status &^= bit
	if on {
		b.status |= bit
	}
}
