package onewire

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"thermarack/hardware/fault"
)

// The measuring range of the DS18B20 and its relatives in °C. A thermocouple
// on a MAX31850 reaches further, but no air in a rack does.
const (
	minCelsius = -55
	maxCelsius = 125
)

// A scratchpad is the part's memory as read from the bus.
//
//	0 1  temperature, low byte first
//	2 3  alarm limits
//	4    configuration; bits 6:5 are the resolution less 9 bits
//	5    reserved
//	6    reserved; COUNT_REMAIN on the DS18S20
//	7    reserved; COUNT_PER_C on the DS18S20
//	8    CRC8 of the eight bytes before it
type scratchpad [9]byte

// DecodeW1Slave returns the temperature in °C that the text of a w1_slave file
// holds, for a part of the given family code, exact to the part's last bit.
//
// Only the first line counts: its nine bytes, whose checksum is computed here
// again, and its YES or NO. The second line is never used, since kernels before
// 5.8 print there the bytes of the last good read beside a t= from the bad ones.
//
// The error is a fault.Error if the part or the bus is to blame. Any other error says
// that text is no w1_slave file or that the family is no known thermometer;
// trying again will not help.
//
// Source: drivers/w1/slaves/w1_therm.c of Linux, and the parts' datasheets.
func DecodeW1Slave(family byte, text []byte) (celsius float64, err error) {
	_, celsius, err = decodeW1Slave(family, text)
	return celsius, err
}

// decodeW1Slave returns the bytes as well.
func decodeW1Slave(family byte, text []byte) (pad scratchpad, celsius float64, err error) {
	pad, yes, err := parseW1Slave(text)
	if err != nil {
		return pad, 0, err
	}
	celsius, err = DecodeScratchpad(family, pad)
	if err == nil && !yes {
		err = fault.New(fault.CRC, "the kernel refused scratchpad % x; check cable and pull-up", pad[:])
	}
	if err != nil {
		return pad, 0, err
	}
	return pad, celsius, nil
}

// DecodeScratchpad returns the temperature in °C that the nine bytes of a
// scratchpad hold, as they came from the bus, for a part of the given family
// code: exact to the part's last bit and between -55 and 125.
//
// The error is a fault.Error if the part or the bus is to blame: a bad checksum,
// a line that floats or is shorted, the value from before the first conversion,
// or one that the part cannot measure. Any other error says that the family is
// no known thermometer.
//
// Source: the parts' datasheets.
func DecodeScratchpad(family byte, pad [9]byte) (celsius float64, err error) {
	if (ROM{family}).Part() == "" {
		return 0, fmt.Errorf("onewire: family %02x is no known thermometer", family)
	}
	p := scratchpad(pad)
	if err := p.check(); err != nil {
		return 0, err
	}
	return p.decode(family)
}

// decode converts bytes that came intact.
func (p scratchpad) decode(family byte) (celsius float64, err error) {
	if p.unconverted(family) {
		return 0, fault.New(fault.PowerOn, "scratchpad % x holds the value from before a conversion; check the supply", p[:])
	}
	celsius, err = p.celsius(family)
	if err != nil {
		return 0, err
	}
	if celsius < minCelsius || celsius > maxCelsius {
		return 0, p.outside(celsius)
	}
	return celsius, nil
}

// parseW1Slave reads a line such as
//
//	91 01 4b 46 7f ff 0c 10 25 : crc=25 YES
//
// The crc= is the kernel's own sum and says no more than YES or NO does.
func parseW1Slave(text []byte) (pad scratchpad, yes bool, err error) {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	words := strings.Fields(string(line[:min(len(line), 80)]))
	if len(words) != len(pad)+3 || words[9] != ":" || !strings.HasPrefix(words[10], "crc=") {
		return pad, false, malformed(line)
	}
	for i := range pad {
		b, err := strconv.ParseUint(words[i], 16, 8)
		if err != nil || len(words[i]) != 2 {
			return pad, false, malformed(line)
		}
		pad[i] = byte(b)
	}
	switch words[11] {
	case "YES":
		return pad, true, nil
	case "NO":
		return pad, false, nil
	}
	return pad, false, malformed(line)
}

func malformed(line []byte) error {
	return fmt.Errorf("onewire: %.60q is not nine hex bytes, \": crc=xx\" and YES or NO", line)
}

// check returns a fault.Error unless the bytes came intact from a part. The two
// patterns of a broken line come first: they say more than a bad checksum.
func (p scratchpad) check() error {
	switch crc := CRC8(p[:8]); {
	case p == scratchpad(bytes.Repeat([]byte{0xff}, len(p))):
		return fault.New(fault.Floating, "nobody drives the bus; check the part's data and ground wires")
	case p == scratchpad{}:
		return fault.New(fault.Zeros, "nine zero bytes; check for a short or a missing ground")
	case crc != p[8]:
		return fault.New(fault.CRC, "scratchpad % x ends in %02x, want %02x; check cable and pull-up", p[:], p[8], crc)
	}
	return nil
}

// unconverted reports whether p holds the power-on value instead of a
// measurement.
//
// 85 °C alone does not tell: a part may be that hot. After a conversion a
// genuine DS18B20 leaves 0x10 less the low nibble of the temperature in byte 6,
// thus 0x10 at a true 85 °C, while power-on leaves 0x0c. Clones exist whose
// byte 6 is always 0x0c; one of those at exactly 85.0000 °C is refused too,
// which is the lesser harm: a sixteenth of a degree later it is believed. The
// same holds for a DS18S20, whose counters at a true 85 °C equal its power-on
// values.
//
// Noisy clones start at 25 °C, and show that for ever on parasite power, on
// which they cannot convert. Nothing else in their bytes changes with the first
// conversion, so exactly 25.0000 °C is refused while the alarm limits are those
// of the factory.
func (p scratchpad) unconverted(family byte) bool {
	raw := p.raw()
	switch {
	case family == familyDS18S20:
		return raw == 85*2 && p.marked()
	case family == familyDS18B20 && p.noisy():
		return raw == 25*16 && p[2] == 0x55 && p[3] == 0x05
	}
	return raw == 85*16 && p.marked()
}

// marked reports whether byte 6 has the value that a genuine part leaves there
// when a conversion did not run to its end.
func (p scratchpad) marked() bool { return p[6] == 0x0c }

func (p scratchpad) raw() int { return int(int16(uint16(p[1])<<8 | uint16(p[0]))) }

// celsius converts a sound scratchpad by the rules of the family.
func (p scratchpad) celsius(family byte) (float64, error) {
	wide := p[4]&0x80 != 0 // never set by the twelve-bit parts
	switch {
	case family == familyDS18S20:
		return p.counted()
	case family == familyDS1825 && wide:
		return p.thermocouple()
	case wide:
		// A GX20MH01 in its 13 or 14 bit mode keeps two more bits of the
		// temperature at the low end of the configuration.
		return float64(p.raw()<<2|int(p[4]&3)) / 64, nil
	}
	// Below 12 bits the lowest bits are not converted and hold anything.
	undefined := 3 - p[4]>>5&3
	return float64(p.raw()>>undefined<<undefined) / 16, nil
}

// counted extends the half degrees of a DS18S20 by its two counters.
func (p scratchpad) counted() (float64, error) {
	remain, perDegree := float64(p[6]), float64(p[7])
	if perDegree == 0 || remain > perDegree {
		return 0, fault.New(fault.Range, "COUNT_REMAIN %d of COUNT_PER_C %d give no temperature", p[6], p[7])
	}
	return float64(p.raw()>>1) - 0.25 + (perDegree-remain)/perDegree, nil
}

// thermocouple reads a MAX31850, which has 14 bits of a quarter degree and
// flags an open or shorted thermocouple in bit 0.
func (p scratchpad) thermocouple() (float64, error) {
	if p[0]&1 != 0 {
		return 0, fault.New(fault.NoDevice, "the thermocouple is open or shorted; check its wires")
	}
	return float64(p.raw()&^3) / 16, nil
}

// outside is the fault of a temperature that the part cannot measure.
//
// 127.9375 °C (0x07ff) with byte 6 at 0x0c is what a genuine part leaves when
// its supply fell during the conversion. It is reported as range and not as
// power-on, because that is true of every part, clones included, and because
// the part did convert once; the detail names the likely cause.
func (p scratchpad) outside(celsius float64) fault.Error {
	detail := fmt.Sprintf("%g °C is outside %d to %d °C", celsius, minCelsius, maxCelsius)
	if p.raw() == 0x07ff && p.marked() {
		detail += ": the conversion failed for lack of power; connect the supply wire"
	}
	return fault.Error{Reason: fault.Range, Detail: detail}
}
