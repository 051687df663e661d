package pca9548

import (
	"fmt"

	"thermarack/hardware/i2c"
)

// Addresses returns the addresses that a multiplexer can have.
func Addresses() []uint16 {
	return []uint16{0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77}
}

// Identify tells whether a multiplexer is at addr. It is Likely at most, since
// there is no ID register, and the parts of the family look alike: what they have
// is one register without an address, which holds what is written.
//
// It reads, then writes 0x00 and 0x01 and looks whether they hold. To other parts
// at these addresses a lone byte is the address of a register, or of the display
// memory of an HT16K33, and changes nothing; 0x00 and 0x01 are no commands of the
// barometers that have commands. To a multiplexer 0x01 connects channel 0, which
// does nothing since nobody is spoken to meanwhile. At 0x76 and 0x77, where
// barometers are, 0xd0 follows: the address of their ID register, and to a
// multiplexer three more channels. What a multiplexer held before it holds
// afterwards; any other part is left without it.
//
// On a bus with channels in use, give it what Share returned.
func Identify(bus i2c.Bus, addr uint16) (i2c.Match, error) {
	part := register{bus, addr}
	before, ok, err := part.read()
	if !ok {
		return i2c.Match{}, err
	}
	for _, v := range []byte{0x00, 0x01} {
		if ok, err := part.holds(v, v); !ok {
			return i2c.Match{}, err
		}
	}
	if addr >= 0x76 {
		if ok, err := part.holds(0xd0, 0x00); !ok { // 0x00 with four channels
			return i2c.Match{}, err
		}
	}
	if err := bus.Tx(addr, []byte{before}, nil); err != nil {
		return i2c.Match{}, fmt.Errorf("pca9548: identify 0x%02x: restore 0x%02x: %w", addr, before, err)
	}
	return i2c.Match{Part: "PCA9548A", Sure: i2c.Likely,
		Why: "its one register holds what is written; a TCA9548A or PCA9546A looks the same"}, nil
}

// A register is that of a part which has only one.
type register struct {
	bus  i2c.Bus
	addr uint16
}

// read returns the register if it is the same twice in a row.
func (p register) read() (v byte, ok bool, err error) {
	var r [2]byte
	ok, err = p.ask(nil, r[:])
	return r[0], ok && r[0] == r[1], err
}

// holds tells whether the register holds v after v was written, or else other.
func (p register) holds(v, other byte) (bool, error) {
	if ok, err := p.ask([]byte{v}, nil); !ok {
		return false, err
	}
	got, ok, err := p.read()
	return ok && (got == v || got == other), err
}

// ask runs a transaction and tells whether it was acknowledged. Not to be is an
// answer here and no error.
func (p register) ask(w, r []byte) (acknowledged bool, err error) {
	err = p.bus.Tx(p.addr, w, r)
	if i2c.Refused(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("pca9548: identify 0x%02x: %w", p.addr, err)
	}
	return true, nil
}
