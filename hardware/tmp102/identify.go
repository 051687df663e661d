package tmp102

import (
	"encoding/binary"
	"fmt"

	"thermarack/hardware/i2c"
	"thermarack/hardware/tmp117"
)

// Identify looks at the registers of the part at addr, and writes none. There is
// no ID: it says Likely if the configuration has the sixteen bits of this part,
// of which some are always set and some never, and temperature and limits fit its
// format; No if they do not, if it is a TMP117, which has an ID, or if nobody
// answers. The error is the bus's.
//
// A part whose settings make both bytes of the configuration equal cannot be told
// from an LM75 with twelve bits, and is left to that package, which reads it
// right.
func Identify(bus i2c.Bus, addr uint16) (i2c.Match, error) {
	if m, err := tmp117.Identify(bus, addr); err != nil || m.Sure != i2c.No {
		return i2c.Match{}, err
	}
	l, err := look(bus, addr)
	if i2c.Refused(err) {
		return i2c.Match{}, nil
	}
	if err != nil {
		return i2c.Match{}, fmt.Errorf("tmp102: identify: %w", err)
	}
	if !l.wide() || !l.plausible() {
		return i2c.Match{}, nil
	}
	why := fmt.Sprintf("the configuration 0x%04x has 16 bits, and the limits fit", l.config)
	return i2c.Match{Part: "TMP102", Sure: i2c.Likely, Why: why}, nil
}

// A looked is what the registers held, in the order in which they were read.
type looked struct {
	temperature, config, low, again, high uint16 // again is config once more
}

// look reads the registers.
func look(bus i2c.Bus, addr uint16) (looked, error) {
	var words [5]uint16
	for i, register := range [...]byte{regTemperature, regConfig, regLow, regConfig, regHigh} {
		b, err := i2c.ReadRegister(bus, addr, register, 2)
		if err != nil {
			return looked{}, err
		}
		words[i] = binary.BigEndian.Uint16(b)
	}
	return looked{words[0], words[1], words[2], words[3], words[4]}, nil
}

// wide reports whether the configuration has two bytes of its own. A part with
// one byte gives it twice, or nothing behind it, or what it gave as the second
// byte of the register before (as the TMP105 of QEMU does).
func (l looked) wide() bool {
	const moving = oneShot | alert
	second, secondAgain := byte(l.config), byte(l.again)
	switch {
	case l.config&resolution != resolution || l.config&unused != 0:
		return false
	case (l.config^l.again)&^moving != 0:
		return false
	case second == byte(l.config>>8) || second == 0:
		return false
	}
	return second != byte(l.temperature) || secondAgain != byte(l.low)
}

// plausible reports whether temperature and limits have this part's format.
func (l looked) plausible() bool {
	const extended = 1 << 4
	never := uint16(0x0f)
	if l.config&extended != 0 {
		never = 0x07
	}
	marked := l.temperature&1 != 0
	return marked == (l.config&extended != 0) &&
		l.temperature&never&^1 == 0 && l.low&never == 0 && l.high&never == 0 &&
		int16(l.low) <= int16(l.high) && l.low|l.high != 0
}
