package i2c

import (
	"encoding/binary"

	"thermarack/hardware/fault"
)

// CRC8 returns the checksum that humidity sensors of Sensirion and of Texas
// Instruments put behind each word: polynomial 0x31, initial value 0xff, no
// reflection. That of the bytes 0xbe and 0xef is 0x92.
//
// Source: Sensirion SHT3x-DIS datasheet, version 6, section 4.12.
func CRC8(b []byte) byte {
	crc := byte(0xff)
	for _, v := range b {
		crc ^= v
		for range 8 {
			carry := crc >> 7
			crc = crc<<1 ^ carry*0x31
		}
	}
	return crc
}

// Word returns the word of two bytes, high byte first, that is followed by its
// CRC8. what names it in the error, which is a fault.Error: Floating or Zeros for
// bytes that nobody drove, else CRC.
func Word(what string, b [3]byte) (uint16, error) {
	if err := Blank(what, b[:]); err != nil {
		return 0, err
	}
	if got := CRC8(b[:2]); got != b[2] {
		return 0, fault.New(fault.CRC, "%s % x has checksum 0x%02x, want 0x%02x; check cable length and pull-ups", what, b[:2], b[2], got)
	}
	return binary.BigEndian.Uint16(b[:]), nil
}

// Words returns two words, each followed by its CRC8, as Word does.
func Words(what string, b [6]byte) (first, second uint16, err error) {
	if first, err = Word(what, [3]byte(b[:3])); err != nil {
		return 0, 0, err
	}
	if second, err = Word(what, [3]byte(b[3:])); err != nil {
		return 0, 0, err
	}
	return first, second, nil
}
