// Package aht20 reads the ASAIR AHT20 temperature and humidity sensor, and its
// siblings AHT21, AHT25 and DHT20, which speak the same.
//
// Accuracy: ±0.3 °C, ±2 %RH. One measurement takes 80 ms.
//
// Datasheet: ASAIR AHT20, version 1.1, section 5.
package aht20

import (
	"context"
	"fmt"
	"sync"
	"time"

	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
)

// The status byte, section 5.3.
const (
	busy       = 1 << 7
	calibrated = 1 << 3
	reserved4  = 1 << 4 // set by every part that has started well
)

// Section 5.4.
const (
	settle   = 10 * time.Millisecond // after the initialisation
	duration = 80 * time.Millisecond // of a measurement
	pause    = 10 * time.Millisecond // between looks at one that takes longer
	looks    = 6
)

// A Sample is one measurement.
type Sample struct {
	Celsius  float64 // -40 to 85
	Humidity float64 // percent, 0 to 100
}

// A Dev is one sensor on a bus. It is safe for concurrent use.
type Dev struct {
	bus  i2c.Bus
	addr uint16
	mu   sync.Mutex // one measurement at a time
}

// Addresses returns the only address that the part has.
func Addresses() []uint16 { return []uint16{0x38} }

// Identify looks at what the part at addr has ready. There is no ID register,
// and other parts live at the same address, some of which (PCF8574A) take any
// written byte as a command: so it only reads. It says Likely if the bytes end
// with the right checksum, or if the status is that of a part that has started;
// Possible for a status that an AHT20 without calibration may have; No if nobody
// answers, or if all bytes are the same. The error is the bus's.
func Identify(bus i2c.Bus, addr uint16) (i2c.Match, error) {
	var frame [7]byte
	err := bus.Tx(addr, nil, frame[:])
	if i2c.Refused(err) {
		return i2c.Match{}, nil
	}
	if err != nil {
		return i2c.Match{}, fmt.Errorf("aht20: identify: %w", err)
	}
	sure, status := sureOf(frame), frame[0]
	if sure == i2c.No {
		return i2c.Match{}, nil
	}
	why := fmt.Sprintf("status 0x%02x", status)
	if i2c.CRC8(frame[:6]) == frame[6] {
		why += " and the right checksum"
	}
	return i2c.Match{Part: "AHT20", Sure: sure, Why: why}, nil
}

// sureOf judges the bytes that an unknown part gives when it is read.
func sureOf(frame [7]byte) i2c.Sure {
	const started = calibrated | reserved4
	switch {
	case frame == [7]byte{frame[0], frame[0], frame[0], frame[0], frame[0], frame[0], frame[0]}:
		return i2c.No
	case i2c.CRC8(frame[:6]) == frame[6], frame[0]&(busy|started) == started:
		return i2c.Likely
	case frame[0]&busy == 0:
		return i2c.Possible
	}
	return i2c.No
}

// New returns the sensor at addr. It does not touch the bus.
func New(bus i2c.Bus, addr uint16) *Dev { return &Dev{bus: bus, addr: addr} }

// Sense measures once, which takes 80 ms, and 10 ms more when the part has just
// got its power and must be initialised.
//
// The error wraps a fault.Error if the part or the bus is to blame, else it is
// ctx's or the host's.
func (d *Dev) Sense(ctx context.Context) (Sample, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	frame, err := d.measure(ctx)
	if err != nil {
		return Sample{}, fmt.Errorf("aht20: %w", err)
	}
	s, err := Decode(frame)
	if err != nil {
		return Sample{}, fmt.Errorf("aht20: %w", err)
	}
	return s, nil
}

// measure returns the bytes of a finished measurement.
func (d *Dev) measure(ctx context.Context) ([7]byte, error) {
	var frame [7]byte
	if err := d.initialise(ctx); err != nil {
		return frame, err
	}
	if err := d.bus.Tx(d.addr, []byte{0xac, 0x33, 0x00}, nil); err != nil {
		return frame, fmt.Errorf("start: %w", err)
	}
	delay := duration
	for range looks {
		if err := i2c.Wait(ctx, delay); err != nil {
			return frame, err
		}
		if err := d.bus.Tx(d.addr, nil, frame[:]); err != nil {
			return frame, fmt.Errorf("fetch: %w", err)
		}
		// The checksum of a busy part does not hold: it is no transfer error.
		if frame[0]&busy == 0 || frame[0] == 0xff {
			return frame, nil
		}
		delay = pause
	}
	return frame, fault.New(fault.Timeout, "still busy (status 0x%02x); cut its power", frame[0])
}

// initialise makes the part load its calibration if it has not, which is so
// after power-on.
func (d *Dev) initialise(ctx context.Context) error {
	status, err := d.status()
	if err != nil || status&calibrated != 0 {
		return err
	}
	if err := d.bus.Tx(d.addr, []byte{0xbe, 0x08, 0x00}, nil); err != nil {
		return fmt.Errorf("initialise: %w", err)
	}
	if err := i2c.Wait(ctx, settle); err != nil {
		return err
	}
	if status, err = d.status(); err == nil && status&calibrated == 0 {
		err = fault.New(fault.PowerOn, "not calibrated (status 0x%02x); replace the part if it stays so", status)
	}
	return err
}

// status reads the status byte.
func (d *Dev) status() (byte, error) {
	var b [1]byte
	if err := d.bus.Tx(d.addr, nil, b[:]); err != nil {
		return 0, fmt.Errorf("status: %w", err)
	}
	if b[0] == 0xff {
		return 0, i2c.Blank("the status", b[:])
	}
	return b[0], nil
}

// Decode converts a frame of status, 20 bits of humidity, 20 bits of temperature
// and a checksum.
//
// The error is a fault.Error: Floating or Zeros if nobody drove the bytes, Stale
// if the part is still measuring, CRC for a wrong checksum, Range for a value
// that the part cannot measure. Sections 5.4 and 6.
func Decode(frame [7]byte) (Sample, error) {
	if err := i2c.Blank("the measurement", frame[:]); err != nil {
		return Sample{}, err
	}
	if frame[0]&busy != 0 {
		return Sample{}, fault.New(fault.Stale, "the measurement is not finished (status 0x%02x)", frame[0])
	}
	if got := i2c.CRC8(frame[:6]); got != frame[6] {
		return Sample{}, fault.New(fault.CRC, "checksum 0x%02x, want 0x%02x; check cable length and pull-ups", frame[6], got)
	}
	const full = 1 << 20
	h := uint32(frame[1])<<12 | uint32(frame[2])<<4 | uint32(frame[3])>>4
	t := uint32(frame[3]&0xf)<<16 | uint32(frame[4])<<8 | uint32(frame[5])
	s := Sample{Celsius: float64(t)*200/full - 50, Humidity: float64(h) * 100 / full}
	if s.Celsius < -40 || s.Celsius > 85 {
		return Sample{}, fault.New(fault.Range, "%.2f °C is outside -40 to 85", s.Celsius)
	}
	return s, nil
}
