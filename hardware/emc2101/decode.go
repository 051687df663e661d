package emc2101

import (
	"encoding/binary"

	"thermarack/hardware/fault"
)

const (
	coldest = -64
	stopped = 0xffff // the counter's end: no edges for 0.7 s, or nothing connected
	fastest = 500    // 1/s, more than any fan turns

	diodeOpen  = 0x7f00
	diodeShort = 0x7fe0
)

// Decode converts the temperature registers 0x00, 0x01 and 0x10 and the fan's
// registers 0x03, 0x4c, 0x4d, 0x46 and 0x47. It leaves Stalled and SpinningUp
// alone, which need the sample before.
//
// The error is a fault.Error with reason Range for a chip colder than it can be.
func Decode(heat [3]byte, fan [5]byte) (Sample, error) {
	s := Sample{Internal: float64(int8(heat[0])), Duty: duty(fan[0], fan[1], fan[2])}
	if s.Internal < coldest {
		return Sample{}, fault.New(fault.Range, "chip at %.0f °C", s.Internal)
	}
	s.External, s.ExternalErr = external(binary.BigEndian.Uint16(heat[1:]))
	if fan[0]&configTach == 0 {
		s.SpeedErr = ErrNoTach
		return s, nil
	}
	s.Speed, s.SpeedErr = speed(binary.LittleEndian.Uint16(fan[3:]))
	return s, nil
}

// external converts the diode's registers: an integer of 11 bits, left aligned.
func external(raw uint16) (float64, error) {
	switch raw {
	case diodeOpen:
		return 0, fault.New(fault.NoDevice, "the external diode is open; check its wires")
	case diodeShort:
		return 0, fault.New(fault.NoDevice, "the external diode is shorted; check its wires")
	}
	celsius := float64(int16(raw)) / 256
	if celsius < coldest || raw&0x1f != 0 {
		return 0, fault.New(fault.Range, "external diode reads 0x%04x", raw)
	}
	return celsius, nil
}

// speed converts a count of the 90 kHz clock over one revolution of a fan with
// two pulses (SNAS207: RPM = 5,400,000 / count).
func speed(count uint16) (float64, error) {
	if count == stopped {
		return 0, nil
	}
	const perSecond = 5_400_000 / 60
	if count < perSecond/fastest {
		return 0, fault.New(fault.Range, "tachometer count %d; check its wire for interference", count)
	}
	return perSecond / float64(count), nil
}

// duty converts the drive: of 63 if it is a voltage, else of twice the PWM
// frequency register, which sets how finely a period is cut.
func duty(config, drive, pwm byte) float64 {
	full := 63.0
	if config&configDAC == 0 {
		full = 2 * max(1, float64(pwm&0x1f))
	}
	return min(1, float64(drive&0x3f)/full)
}
