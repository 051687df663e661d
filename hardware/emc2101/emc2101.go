// Package emc2101 reads the Microchip EMC2101, a controller of one fan with two
// thermometers: its own and a diode or transistor outside.
//
// It never writes, so that no fan is ever slowed by being watched. One
// consequence: after power-on pin 6 is an alert output, not a tachometer input,
// and stays so unless the board's own program has switched it.
//
// Datasheet: Microchip DS20006703 ("EMC2101"); the registers are those of the
// National LM63 and LM64 (SNAS207), whose tachometer section says more.
package emc2101

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
)

// Registers.
const (
	regInternal     = 0x00 // °C
	regExternal     = 0x01 // °C
	regConfig       = 0x03
	regExternalFrac = 0x10 // eighths of °C in the upper three bits
	regTachLow      = 0x46
	regTachHigh     = 0x47
	regDrive        = 0x4c
	regPWM          = 0x4d
	regProduct      = 0xfd
	regVendor       = 0xfe
)

const (
	vendor     = 0x5d
	productID  = 0x16
	productIDR = 0x28 // EMC2101-R, which loads its settings from an EEPROM

	configTach = 1 << 2 // pin 6 is the tachometer's input
	configDAC  = 1 << 4 // the fan is driven by a voltage instead of pulses
)

// ErrNoTach says that the chip does not measure the fan's speed, because its pin
// is an alert output. It is absent, which is no fault of the fan.
var ErrNoTach = errors.New("pin 6 is ALERT, not TACH; if a tachometer is wired to it, let the board's program set bit 2 of register 0x03")

// A Sample is what the chip measures and does.
type Sample struct {
	Internal float64 // °C of the chip, -64 to 127, in steps of 1

	External    float64 // °C of the diode, -64 to 127.75, in steps of 0.125
	ExternalErr error   // a fault.Error if there is no such value: diode open or shorted

	Speed    float64 // 1/s; 0 for a fan that stands, or turns below 1.4
	SpeedErr error   // ErrNoTach, or a fault.Error, if there is no such value

	Duty float64 // 0 to 1: what the fan is driven with

	// Stalled: driven and not turning. A chip without a fan looks the same.
	Stalled bool
	// SpinningUp: not turning yet, and at the sample before it was not driven.
	SpinningUp bool
}

// A Dev is one chip on a bus. It is safe for concurrent use.
type Dev struct {
	bus  i2c.Bus
	addr uint16

	mu    sync.Mutex
	still bool // the fan was not driven at the sample before
}

// Addresses returns the only address that the chip has.
func Addresses() []uint16 { return []uint16{0x4c} }

// Identify reads the ID registers at addr. It says Certain for Microchip's
// vendor number with one of the chip's two product numbers, No if nobody or
// another part answers. The error is the bus's.
func Identify(bus i2c.Bus, addr uint16) (i2c.Match, error) {
	d := Dev{bus: bus, addr: addr}
	ids, err := d.get(regProduct, regVendor)
	if i2c.Refused(err) {
		return i2c.Match{}, nil
	}
	if err != nil {
		return i2c.Match{}, fmt.Errorf("emc2101: identify: %w", err)
	}
	if !isOurs(ids) {
		return i2c.Match{}, nil
	}
	why := fmt.Sprintf("registers 0x%02x and 0x%02x hold 0x%02x and 0x%02x", regProduct, regVendor, ids[0], ids[1])
	return i2c.Match{Part: "EMC2101", Sure: i2c.Certain, Why: why}, nil
}

// isOurs tells from product and vendor number whether this is an EMC2101.
func isOurs(ids []byte) bool {
	return ids[1] == vendor && (ids[0] == productID || ids[0] == productIDR)
}

// New returns the chip at addr. It does not touch the bus.
func New(bus i2c.Bus, addr uint16) *Dev { return &Dev{bus: bus, addr: addr} }

// Sense reads what the chip has measured last; it measures on its own, 16 times
// a second by default.
//
// The error wraps a fault.Error if the chip or the bus is to blame, else it is
// ctx's or the host's. A diode or a tachometer that is not there is no error of
// Sense: see Sample.
func (d *Dev) Sense(ctx context.Context) (Sample, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, err := d.read(ctx)
	if err != nil {
		return Sample{}, fmt.Errorf("emc2101: %w", err)
	}
	if s.SpeedErr == nil && s.Speed == 0 && s.Duty > 0 {
		s.SpinningUp, s.Stalled = d.still, !d.still
	}
	d.still = s.Duty == 0
	return s, nil
}

// read reads identity, temperatures and fan.
func (d *Dev) read(ctx context.Context) (Sample, error) {
	ids, err := d.get(regProduct, regVendor)
	if err != nil {
		return Sample{}, err
	}
	if err := i2c.Blank("the ID", ids); err != nil {
		return Sample{}, err
	}
	if !isOurs(ids) {
		return Sample{}, fault.New(fault.NoDevice, "another part (0x%02x of vendor 0x%02x) is at address 0x%02x", ids[0], ids[1], d.addr)
	}
	// Reading the diode's high byte holds its low byte, and the tachometer's low
	// byte its high one: the order matters.
	heat, err := d.get(regInternal, regExternal, regExternalFrac)
	if err != nil {
		return Sample{}, err
	}
	if err := ctx.Err(); err != nil {
		return Sample{}, err
	}
	fan, err := d.get(regConfig, regDrive, regPWM, regTachLow, regTachHigh)
	if err != nil {
		return Sample{}, err
	}
	return Decode([3]byte(heat), [5]byte(fan))
}

// get reads registers one by one: the chip's address does not move on.
func (d *Dev) get(registers ...byte) ([]byte, error) {
	values := make([]byte, 0, len(registers))
	for _, reg := range registers {
		b, err := i2c.ReadRegister(d.bus, d.addr, reg, 1)
		if err != nil {
			return nil, err
		}
		values = append(values, b[0])
	}
	return values, nil
}
