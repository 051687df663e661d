// Package onewire reads 1-Wire thermometers through the files of Linux's w1
// subsystem.
//
// Every path is taken from an fs.FS rooted at the host's root, so that
// "sys/bus/w1/devices" is found in a live system, in a container's mount or in
// a fixture. Nothing is ever written but the word that lets all parts of a bus
// convert at once, and that only where the caller hands in an Opener; else a
// conversion is started by reading. No EEPROM is worn, no setting changed.
//
// Formats: https://docs.kernel.org/w1/slaves/w1_therm.html
package onewire

import (
	"encoding/hex"
	"fmt"
	"path"
	"slices"
)

// A ROM is the 64-bit address of a 1-Wire part as it travels on the bus:
// family code, 48-bit serial number with its low byte first, CRC8 of the seven
// bytes before it.
type ROM [8]byte

// ParseSlave returns the address behind the name that the kernel gives a
// slave, such as "28-0000055f311a": family, then the serial number with its
// high byte first. dir is that name or a path that ends in it.
//
// The name holds no CRC, so the ROM's is computed, not checked. The error
// quotes a name of another shape, such as that of a bus master.
func ParseSlave(dir string) (ROM, error) {
	name := path.Base(dir)
	if len(name) != len("28-0000055f311a") || name[2] != '-' {
		return ROM{}, fmt.Errorf("onewire: %q is not <family>-<12 hex digits>", name)
	}
	bits, err := hex.DecodeString(name[:2] + name[3:])
	if err != nil {
		return ROM{}, fmt.Errorf("onewire: slave name %q: %w", name, err)
	}
	slices.Reverse(bits[1:])
	var r ROM
	copy(r[:], bits)
	r[7] = CRC8(r[:7])
	return r, nil
}

// String returns the address as 16 lower-case hex digits in bus order with the
// CRC, the form that follows "urn:dev:ow:" in RFC 9039.
func (r ROM) String() string { return hex.EncodeToString(r[:]) }

// Family returns the family code, the first byte on the bus.
func (r ROM) Family() byte { return r[0] }

// Part returns the part number that the family code stands for, or "" if it is
// no thermometer that this package decodes. Family 3b is shared by two makers'
// parts, and clones answer with the code of the part that they copy.
func (r ROM) Part() string {
	switch r.Family() {
	case familyDS18S20:
		return "DS18S20"
	case familyDS1822:
		return "DS1822"
	case familyDS18B20:
		return "DS18B20"
	case familyDS1825:
		return "DS1825/MAX31850"
	case familyDS28EA00:
		return "DS28EA00"
	}
	return ""
}

// Family codes of the thermometers that w1_therm drives.
const (
	familyDS18S20  = 0x10
	familyDS1822   = 0x22
	familyDS18B20  = 0x28
	familyDS1825   = 0x3b
	familyDS28EA00 = 0x42
)

// CRC8 returns the 1-Wire checksum of b: polynomial x⁸+x⁵+x⁴+1, low bit first,
// from zero. It is 0 for bytes that end in their own checksum, and also for
// any number of zero bytes, which is why zeros need a check of their own.
//
// Source: Maxim application note 27.
func CRC8(b []byte) byte {
	var crc byte
	for _, v := range b {
		crc ^= v
		for range 8 {
			carry := crc & 1
			crc >>= 1
			crc ^= carry * 0x8c // the polynomial, bits reversed
		}
	}
	return crc
}
