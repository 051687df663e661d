// Package sht3x reads the Sensirion SHT30, SHT31 and SHT35 temperature and humidity
// sensors, and the SHT85, which has the same chip.
//
// Accuracy: ±0.2 °C and ±2 %RH (SHT30, SHT31), ±0.1 °C and ±1.5 %RH (SHT35). One
// measurement takes 15 ms. Clock stretching, which the Pi's controllers do wrong,
// is never asked for.
//
// Datasheets: Sensirion SHT3x-DIS, version 6; "Electronic identification code",
// version 3.
package sht3x

import (
	"context"
	"fmt"
	"sync"
	"time"

	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
)

// Commands, sections 4.3 to 4.11.
const (
	cmdMeasure   = 0x2400 // once, with high repeatability
	cmdFetch     = 0xe000 // the latest of those that the part makes by itself
	cmdHeaterOff = 0x3066
	cmdStatus    = 0xf32d
	cmdSerial    = 0x3682
)

// heater is the bit of the status that tells that it is on, section 4.11.
const heater = 1 << 13

const (
	idle     = time.Millisecond      // from a command to its answer, section 2.2
	duration = 16 * time.Millisecond // of a measurement at the lowest supply, section 2.2
	pause    = 3 * time.Millisecond  // between looks at one that takes longer
	looks    = 4
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

// Addresses returns where the part can be: ADDR at ground, or at the supply.
func Addresses() []uint16 { return []uint16{0x44, 0x45} }

// New returns the sensor at addr. It does not touch the bus.
func New(bus i2c.Bus, addr uint16) *Dev { return &Dev{bus: bus, addr: addr} }

// Sense measures once with high repeatability, which takes 17 ms. From a part that
// somebody made measure by itself it takes the latest measurement, and lets it go
// on.
//
// A heater that is on is switched off, and the sample rejected with Range, because
// the part was warmer than the air; the next one is taken as usual.
//
// The error wraps a fault.Error if the part or the bus is to blame, else it is
// ctx's or the host's.
func (d *Dev) Sense(ctx context.Context) (Sample, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, err := d.sense(ctx)
	if err != nil {
		return Sample{}, fmt.Errorf("sht3x: %w", err)
	}
	return s, nil
}

// sense is Sense for its only user.
func (d *Dev) sense(ctx context.Context) (Sample, error) {
	if err := d.cold(ctx); err != nil {
		return Sample{}, err
	}
	var frame [6]byte
	if err := d.measure(ctx, frame[:]); err != nil {
		return Sample{}, fmt.Errorf("measure: %w", err)
	}
	return Decode(frame)
}

// cold makes sure that the heater is off. The question also keeps the command that
// measures from an SHT4x that took this part's place: its first byte would start
// that part's heater.
func (d *Dev) cold(ctx context.Context) error {
	var b [3]byte
	if err := d.ask(ctx, cmdStatus, b[:]); err != nil {
		return fmt.Errorf("status: %w", err)
	}
	status, err := i2c.Word("the status", b)
	if err != nil || status&heater == 0 {
		return err
	}
	if err := d.send(cmdHeaterOff); err != nil {
		return fmt.Errorf("heater off: %w", err)
	}
	return fault.New(fault.Range, "the heater was on (status 0x%04x), so the part was warmer than the air; it is switched off now", status)
}

// measure fills frame with a measurement. A part that measures by itself does not
// acknowledge the command, or gives nothing for it.
func (d *Dev) measure(ctx context.Context, frame []byte) error {
	err := d.send(cmdMeasure)
	if err == nil {
		err = d.result(ctx, frame)
	}
	if i2c.Silent(err) {
		err = d.ask(ctx, cmdFetch, frame)
	}
	return err
}

// result reads the result. A part that is not done does not acknowledge.
func (d *Dev) result(ctx context.Context, frame []byte) (err error) {
	delay := duration
	for range looks {
		if err := i2c.Wait(ctx, delay); err != nil {
			return err
		}
		if err = d.bus.Tx(d.addr, nil, frame); !i2c.Silent(err) {
			return err
		}
		delay = pause
	}
	return err
}

// ask sends a command and fills answer with what the part has to say.
func (d *Dev) ask(ctx context.Context, command uint16, answer []byte) error {
	if err := d.send(command); err != nil {
		return err
	}
	if err := i2c.Wait(ctx, idle); err != nil {
		return err
	}
	return d.bus.Tx(d.addr, nil, answer)
}

// send sends a command.
func (d *Dev) send(command uint16) error {
	return d.bus.Tx(d.addr, []byte{byte(command >> 8), byte(command)}, nil)
}

// Decode converts a frame of a word of temperature and one of humidity, each
// followed by its checksum.
//
// The error is a fault.Error: Floating or Zeros if nobody drove the bytes, CRC for
// a wrong checksum, Range outside -40 to 125 °C. Sections 4.12 and 4.13.
func Decode(frame [6]byte) (Sample, error) {
	t, h, err := i2c.Words("the measurement", frame)
	if err != nil {
		return Sample{}, err
	}
	const full = 0xffff
	s := Sample{Celsius: -45 + 175*float64(t)/full, Humidity: 100 * float64(h) / full}
	if s.Celsius < -40 || s.Celsius > 125 {
		return Sample{}, fault.New(fault.Range, "%.2f °C is outside -40 to 125", s.Celsius)
	}
	return s, nil
}
