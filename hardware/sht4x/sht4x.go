// Package sht4x reads the Sensirion SHT40, SHT41, SHT43 and SHT45 temperature and
// humidity sensors.
//
// Accuracy: ±0.2 °C and ±1.8 %RH (SHT40), ±0.1 °C and ±1 %RH (SHT45). One measurement
// takes 8.3 ms.
//
// The part has a heater that runs for a second at most, and no register that would
// say so: this package never starts it, and a measurement while somebody else has
// is refused by the part.
//
// Datasheet: Sensirion SHT4x, version 6.
package sht4x

import (
	"context"
	"fmt"
	"sync"
	"time"

	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
)

// Commands, section 4. Six others start the heater.
const (
	cmdMeasure = 0xfd // with high repeatability
	cmdSerial  = 0x89
)

const (
	duration = 9 * time.Millisecond // of a measurement, section 3
	pause    = 2 * time.Millisecond // between looks at one that takes longer
	looks    = 5
	idle     = time.Millisecond // until a serial number is there
)

// A Sample is one measurement.
type Sample struct {
	Celsius  float64 // -40 to 125
	Humidity float64 // percent, 0 to 100
}

// A Dev is one sensor on a bus. It is safe for concurrent use.
type Dev struct {
	bus  i2c.Bus
	addr uint16
	mu   sync.Mutex // one measurement at a time
}

// Addresses returns where the part can be, which is the last letter but one of its
// order code: A, B or C.
func Addresses() []uint16 { return []uint16{0x44, 0x45, 0x46} }

// Identify reads the serial number at addr. It says Certain if both its words have
// the right checksum; No if they have not, if the part has the status register
// of an SHT3x or HDC302x, which live at the same addresses, or if nobody answers.
// It takes 2 ms. The error is the bus's.
//
// To an SHT4x the question for that register is an unknown command, which it
// refuses; to the others the one for the serial number is half a command.
//
// Section 4.
func Identify(bus i2c.Bus, addr uint16) (i2c.Match, error) {
	m, err := identify(bus, addr)
	if i2c.Refused(err) {
		return i2c.Match{}, nil
	}
	if err != nil {
		return i2c.Match{}, fmt.Errorf("sht4x: identify: %w", err)
	}
	return m, nil
}

// identify is Identify, whose error may be a refusal.
func identify(bus i2c.Bus, addr uint16) (i2c.Match, error) {
	var status [3]byte
	err := ask(bus, addr, status[:], 0xf3, 0x2d)
	if err != nil && !i2c.Refused(err) {
		return i2c.Match{}, err
	}
	if err == nil && i2c.CRC8(status[:2]) == status[2] {
		return i2c.Match{}, nil
	}
	var serial [6]byte
	if err := ask(bus, addr, serial[:], cmdSerial); err != nil {
		return i2c.Match{}, err
	}
	high, low, err := i2c.Words("the serial number", serial)
	if err != nil {
		return i2c.Match{}, nil
	}
	why := fmt.Sprintf("serial number %04x%04x with the right checksums", high, low)
	return i2c.Match{Part: "SHT4x", Sure: i2c.Certain, Why: why}, nil
}

// ask writes a command and fills answer with what the part has to say.
func ask(bus i2c.Bus, addr uint16, answer []byte, command ...byte) error {
	if err := bus.Tx(addr, command, nil); err != nil {
		return err
	}
	time.Sleep(idle)
	return bus.Tx(addr, nil, answer)
}

// New returns the sensor at addr. It does not touch the bus.
func New(bus i2c.Bus, addr uint16) *Dev { return &Dev{bus: bus, addr: addr} }

// Sense measures once with high repeatability, which takes 9 ms.
//
// The error wraps a fault.Error if the part or the bus is to blame, else it is
// ctx's or the host's. NoDevice also means a part whose heater somebody else
// started: it answers again after a second.
func (d *Dev) Sense(ctx context.Context) (Sample, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	frame, err := d.measure(ctx)
	if err != nil {
		return Sample{}, fmt.Errorf("sht4x: %w", err)
	}
	s, err := Decode(frame)
	if err != nil {
		return Sample{}, fmt.Errorf("sht4x: %w", err)
	}
	return s, nil
}

// measure returns the bytes of a finished measurement. A part that is not done
// does not acknowledge.
func (d *Dev) measure(ctx context.Context) ([6]byte, error) {
	var frame [6]byte
	if err := d.bus.Tx(d.addr, []byte{cmdMeasure}, nil); err != nil {
		return frame, fmt.Errorf("start: %w", err)
	}
	delay := duration
	var err error
	for range looks {
		if err := i2c.Wait(ctx, delay); err != nil {
			return frame, err
		}
		err = d.bus.Tx(d.addr, nil, frame[:])
		if !i2c.Silent(err) {
			break
		}
		delay = pause
	}
	if err != nil {
		return frame, fmt.Errorf("fetch: %w", err)
	}
	return frame, nil
}

// Decode converts a frame of a word of temperature and one of humidity, each
// followed by its checksum. A humidity beyond what is possible, which is within the
// part's tolerance, becomes 0 or 100 %RH.
//
// The error is a fault.Error: Floating or Zeros if nobody drove the bytes, CRC for
// a wrong checksum, Range outside -40 to 125 °C. Section 4.
func Decode(frame [6]byte) (Sample, error) {
	t, h, err := i2c.Words("the measurement", frame)
	if err != nil {
		return Sample{}, err
	}
	const full = 0xffff
	s := Sample{
		Celsius:  -45 + 175*float64(t)/full,
		Humidity: min(max(-6+125*float64(h)/full, 0), 100),
	}
	if s.Celsius < -40 || s.Celsius > 125 {
		return Sample{}, fault.New(fault.Range, "%.2f °C is outside -40 to 125", s.Celsius)
	}
	return s, nil
}
