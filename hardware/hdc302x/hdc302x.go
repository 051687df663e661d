// Package hdc302x reads the Texas Instruments HDC3020, HDC3021 and HDC3022
// temperature and humidity sensors.
//
// Accuracy: ±0.1 °C and ±0.5 %RH typically. One measurement takes 12.5 ms.
//
// The part can keep offsets, limits and a mode in its own memory for good; this
// package never writes there.
//
// Datasheet: Texas Instruments SNAS778D, HDC302x.
package hdc302x

import (
	"context"
	"fmt"
	"sync"
	"time"

	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
)

// Commands, table 7-4.
const (
	cmdMeasure   = 0x2400 // once, with the least noise
	cmdFetch     = 0xe000 // the latest of those that the part makes by itself
	cmdHeaterOff = 0x3066
	cmdStatus    = 0xf32d
	cmdMaker     = 0x3781
)

// maker is the manufacturer's ID, Texas Instruments.
const maker = 0x3000

// heater is the bit of the status that tells that it is on, table 7-14.
const heater = 1 << 13

// A part that measures does not acknowledge: not the read of a result that is not
// there, and nothing at all in the automatic mode. It is asked again for as long
// as a measurement can take.
const (
	duration = 15 * time.Millisecond // typically 12.5 ms, table 7-4
	pause    = 4 * time.Millisecond
	looks    = 6
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

// Addresses returns where the part can be, by its two address pins.
func Addresses() []uint16 { return []uint16{0x44, 0x45, 0x46, 0x47} }

// Identify asks the part at addr for its manufacturer's ID. It says Certain for
// 0x3000 with the right checksum; No if another part or nobody answers, which
// takes 20 ms, since a part may be measuring. The error is the bus's.
//
// The command's first byte is none that an SHT4x knows, which lives at the same
// addresses, and the whole is none of an SHT3x: they refuse it.
func Identify(bus i2c.Bus, addr uint16) (i2c.Match, error) {
	var id [3]byte
	err := New(bus, addr).ask(context.Background(), cmdMaker, id[:])
	if i2c.Refused(err) {
		return i2c.Match{}, nil
	}
	if err != nil {
		return i2c.Match{}, fmt.Errorf("hdc302x: identify: %w", err)
	}
	if word, err := i2c.Word("the ID", id); err != nil || word != maker {
		return i2c.Match{}, nil
	}
	return i2c.Match{Part: "HDC302x", Sure: i2c.Certain, Why: fmt.Sprintf("manufacturer ID 0x%04x with the right checksum", maker)}, nil
}

// New returns the sensor at addr. It does not touch the bus.
func New(bus i2c.Bus, addr uint16) *Dev { return &Dev{bus: bus, addr: addr} }

// Sense measures once with the least noise, which takes 15 ms. From a part that
// measures by itself, which it may do from its power-on, it takes the latest
// measurement, which is at most 2 s old, and lets it go on.
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
		return Sample{}, fmt.Errorf("hdc302x: %w", err)
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
	if err := d.bus.Tx(d.addr, command(cmdHeaterOff), nil); err != nil {
		return fmt.Errorf("heater off: %w", err)
	}
	return fault.New(fault.Range, "the heater was on (status 0x%04x), so the part was warmer than the air; it is switched off now", status)
}

// measure fills frame with a measurement.
func (d *Dev) measure(ctx context.Context, frame []byte) error {
	err := d.bus.Tx(d.addr, command(cmdMeasure), nil)
	if err == nil {
		if err := i2c.Wait(ctx, duration); err != nil {
			return err
		}
		err = d.patiently(ctx, nil, frame)
	}
	if i2c.Silent(err) {
		err = d.ask(ctx, cmdFetch, frame)
	}
	return err
}

// ask sends a command and fills answer with what the part has to say.
func (d *Dev) ask(ctx context.Context, what uint16, answer []byte) error {
	return d.patiently(ctx, command(what), answer)
}

// patiently runs a transaction, again if it is not acknowledged.
func (d *Dev) patiently(ctx context.Context, w, r []byte) (err error) {
	for look := range looks {
		if look > 0 {
			if err := i2c.Wait(ctx, pause); err != nil {
				return err
			}
		}
		if err = d.bus.Tx(d.addr, w, r); !i2c.Silent(err) {
			return err
		}
	}
	return err
}

// command returns the bytes of a command.
func command(what uint16) []byte { return []byte{byte(what >> 8), byte(what)} }

// Decode converts a frame of a word of temperature and one of humidity, each
// followed by its checksum.
//
// The error is a fault.Error: Floating or Zeros if nobody drove the bytes, CRC for
// a wrong checksum, Range outside -40 to 125 °C; that includes the zeros with a
// right checksum that the part is said to give once after power-on.
// Sections 7.3.3 and 7.3.9.
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
