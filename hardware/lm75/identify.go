package lm75

import (
	"fmt"

	"thermarack/hardware/i2c"
	"thermarack/hardware/tmp102"
	"thermarack/hardware/tmp117"
)

// Identify looks at the registers of the part at addr, and writes none. There is
// no ID. It says Likely if configuration and limits have the format of an LM75 and
// either the unused registers behave as one of its kinds does, or the limits are
// those of the factory; Possible for the format alone; No if it does not fit, if
// a TMP117 or a TMP102 can be told, or if nobody answers. The error is the bus's.
//
// Other parts that live at these addresses, such as an ADS1115, INA219 or EMC2101,
// are only read, too. A PCF8591 has no registers: it takes their numbers for its
// settings, selects one of its inputs and lets go of its analog output.
//
// Source: what the LM75's unused registers and bits hold is what the detection in
// drivers/hwmon/lm75.c of Linux goes by; that parts with a pointer of two bits
// repeat theirs, what sensors-detect of lm-sensors went by.
func Identify(bus i2c.Bus, addr uint16) (i2c.Match, error) {
	for _, other := range []func(i2c.Bus, uint16) (i2c.Match, error){tmp117.Identify, tmp102.Identify} {
		if m, err := other(bus, addr); err != nil || m.Sure != i2c.No {
			return i2c.Match{}, err
		}
	}
	l, err := look(bus, addr)
	if i2c.Refused(err) {
		return i2c.Match{}, nil
	}
	if err != nil {
		return i2c.Match{}, fmt.Errorf("lm75: identify: %w", err)
	}
	return l.match(), nil
}

// A family is what the unused registers tell of a part.
type family int

const (
	unknown   family = iota
	repeating        // a pointer of two bits: register 6 is register 2
	national         // an LM75 by its inventor, whose pointer has three
)

// A looked is what the registers held, in the order in which they were read.
type looked struct {
	config                  byte
	hysteresis, afterThat   uint16 // and register 6
	limit, afterThis, seven uint16 // and registers 6 and 7
}

// look reads the registers. Those that a part should not be asked for may be
// refused, and are zero then.
func look(bus i2c.Bus, addr uint16) (looked, error) {
	b, err := i2c.ReadRegister(bus, addr, regConfig, 1)
	if err != nil {
		return looked{}, err
	}
	l := looked{config: b[0]}
	for _, r := range []struct {
		register byte
		into     *uint16
	}{
		{regHysteresis, &l.hysteresis},
		{regUnused, &l.afterThat},
		{regLimit, &l.limit},
		{regUnused, &l.afterThis},
		{regRevision, &l.seven},
	} {
		*r.into, err = readWord(bus, addr, r.register)
		if err != nil && (r.register <= regLimit || !i2c.Refused(err)) {
			return looked{}, err
		}
	}
	return l, nil
}

// family judges the unused registers. An LM75 repeats there what was read last, and
// an LM75A has ones there, and its revision in the last one.
func (l looked) family() family {
	switch {
	case l.lm75a(), l.hysteresis != l.limit && l.afterThat == l.hysteresis && l.afterThis == l.limit:
		return national
	case l.hysteresis != l.limit && l.afterThat == l.hysteresis && l.afterThis == l.hysteresis:
		return repeating
	}
	return unknown
}

// lm75a reports whether an LM75A says its revision.
func (l looked) lm75a() bool {
	return l.seven>>8 == 0xa1 && l.afterThat>>8 == 0xff && l.afterThis>>8 == 0xff
}

// match judges all of it.
func (l looked) match() i2c.Match {
	if l.config&oneShot != 0 || !l.limits() {
		return i2c.Match{}
	}
	m := i2c.Match{Part: "LM75", Sure: i2c.Likely}
	family := l.family()
	switch {
	case l.lm75a():
		m.Part, m.Why = "LM75A", fmt.Sprintf("register 0x07 holds 0x%02x, and the limits fit", l.seven>>8)
	case family == national:
		m.Why = "unused registers give what was read last, and the limits fit"
	case family == repeating:
		m.Why = "unused registers repeat the four that it has, and the limits fit"
	case l.hysteresis == 75<<8 && l.limit == 80<<8:
		m.Why = "the limits are 75 and 80 °C, as from the factory"
	default:
		m.Sure, m.Why = i2c.Possible, "configuration and limits fit"
	}
	return m
}

// limits reports whether the limits are two temperatures in order.
func (l looked) limits() bool {
	const never = 0xf // no part has more than twelve bits
	low, high := int16(l.hysteresis), int16(l.limit)
	return (low|high)&never == 0 && low <= high && (low != 0 || high != 0) && low >= -55<<8
}
