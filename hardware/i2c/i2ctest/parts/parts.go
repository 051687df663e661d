// Package parts simulates thermometers and humidity sensors on an I²C bus, for
// tests of their drivers and of programs that look for them.
//
// They keep time by the clock of the process, so that tests run in a bubble of
// testing/synctest. They are as strict as the worst of their kind: a register is
// stale until a conversion has passed, a command that is not theirs is refused, and
// what must never be done to a part is counted. None is safe for concurrent use.
package parts

import (
	"encoding/binary"
	"math"

	"thermarack/hardware/i2c"
	"thermarack/hardware/i2c/i2ctest"
)

// A Bus has parts at addresses. Nobody acknowledges at the others.
type Bus map[uint16]i2c.Bus

// Tx runs one transaction with the part at addr.
func (b Bus) Tx(addr uint16, w, r []byte) error {
	if part, ok := b[addr]; ok {
		return part.Tx(addr, w, r)
	}
	return i2ctest.NoAck
}

// A Silent is a part that acknowledges everything and whose bytes nobody drives:
// Silent(0xff) is a floating line, Silent(0) a short to ground.
type Silent byte

// Tx fills r.
func (s Silent) Tx(_ uint16, _, r []byte) error {
	for i := range r {
		r[i] = byte(s)
	}
	return nil
}

// A Plain part has sixteen registers of two bytes, and takes whatever is written.
// An ADS1115 and an INA219 are such parts, and live where thermometers do.
type Plain struct {
	Registers [16]uint16
	pointer   byte
}

// Tx sets the pointer, and reads or writes a register.
func (p *Plain) Tx(_ uint16, w, r []byte) error {
	if len(w) > 0 {
		p.pointer = w[0] & 0xf
	}
	if len(w) == 3 {
		p.Registers[p.pointer] = binary.BigEndian.Uint16(w[1:])
	}
	fill(r, p.Registers[p.pointer])
	return nil
}

// fill fills r with a word, high byte first, and zeros.
func fill(r []byte, word uint16) {
	for i := range r {
		r[i] = byte(word >> 8)
		word <<= 8
	}
}

// steps returns celsius as a two's complement of the given step, rounded down.
func steps(celsius, step float64) uint16 { return uint16(int16(math.Floor(celsius / step))) }
