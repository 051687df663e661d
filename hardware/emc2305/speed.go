package emc2305

import (
	"encoding/binary"

	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
)

const (
	stopped = 1<<13 - 1 // the counter's end: no edges within its range
	fastest = 500       // 1/s, more than any fan turns and the chip can measure
)

// Speed converts a tachometer reading, high byte first, under a fan's
// configuration 1 register to revolutions a second. It is 0 for a fan that
// stands, or turns slower than the range of that register.
//
// The chip counts its clock of 32,768 Hz, divided by the range, over a number of
// edges that the register gives and which is right for a fan with as many poles
// as edges = 2 × poles + 1. So the count means the same for every such setting:
// RPM = 3,932,160 × m / count with m = 1, 2, 4, 8 for slowest speeds of 500,
// 1000, 2000 and 4000 RPM (datasheet equations 2 and 3).
//
// The error is a fault.Error: Floating or Zeros if nobody drove the bytes, Range
// for bits that are always zero or a speed that no fan has.
func Speed(tach [2]byte, config byte) (float64, error) {
	if err := i2c.Blank("the tachometer reading", tach[:]); err != nil {
		return 0, err
	}
	if tach[1]&7 != 0 {
		return 0, fault.New(fault.Range, "tachometer reading 0x%02x%02x has bits that do not exist", tach[0], tach[1])
	}
	count := binary.BigEndian.Uint16(tach[:]) >> 3
	if count == stopped {
		return 0, nil
	}
	m := float64(uint(1) << (config >> 5 & 3))
	speed := 3_932_160 / 60 * m / float64(count)
	if speed > fastest {
		return 0, fault.New(fault.Range, "%.0f revolutions a second; check the tachometer wire for interference", speed)
	}
	return speed, nil
}
