package sht3x

import (
	"context"
	"encoding/binary"
	"fmt"

	"thermarack/hardware/i2c"
)

// reserved are the bits of the status that are always zero, section 4.11.
const reserved = 1<<14 | 1<<12 | 3<<2

// cmdMaker is answered by an HDC302x alone, with maker.
const (
	cmdMaker = 0x3781
	maker    = 0x3000
)

// Identify asks the part at addr who it is. It says Certain for a serial number
// whose two words have the right checksum; Likely for a status register that has,
// of a part without a serial number, which is a copy, or one that measures by
// itself; No for an HDC302x, which speaks nearly the same, and if another part or
// nobody answers. It takes 1 to 3 ms. The error is the bus's.
//
// The first bytes of the commands are none that an SHT4x knows, which lives at the
// same addresses: it refuses them.
//
// Section 4.11; "Electronic identification code".
func Identify(bus i2c.Bus, addr uint16) (i2c.Match, error) {
	m, err := New(bus, addr).identify()
	if err != nil {
		return i2c.Match{}, fmt.Errorf("sht3x: identify: %w", err)
	}
	return m, nil
}

// identify is Identify.
func (d *Dev) identify() (i2c.Match, error) {
	var status, id [3]byte
	var serial [6]byte
	ok, err := d.tell(cmdStatus, status[:])
	if !ok || binary.BigEndian.Uint16(status[:])&reserved != 0 {
		return i2c.Match{}, err
	}
	ok, err = d.tell(cmdMaker, id[:])
	if err != nil || ok && binary.BigEndian.Uint16(id[:]) == maker {
		return i2c.Match{}, err
	}
	if ok, err = d.tell(cmdSerial, serial[:]); err != nil {
		return i2c.Match{}, err
	}
	m := i2c.Match{Part: "SHT3x", Sure: i2c.Likely, Why: fmt.Sprintf("status 0x%x with the right checksum", status[:2])}
	if ok {
		m.Sure = i2c.Certain
		m.Why = fmt.Sprintf("serial number %x%x with the right checksums", serial[0:2], serial[3:5])
	}
	return m, nil
}

// tell asks for words with checksums, and reports whether those are right. A
// command that is refused is no error.
func (d *Dev) tell(command uint16, answer []byte) (ok bool, err error) {
	err = d.ask(context.Background(), command, answer)
	if i2c.Refused(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for ; len(answer) > 0; answer = answer[3:] {
		if i2c.CRC8(answer[:2]) != answer[2] {
			return false, nil
		}
	}
	return true, nil
}
