// Package lm75 reads the LM75 thermometer and the many parts that behave like it:
// LM75A, LM75B, TMP75, TMP175, TMP275, TMP105, DS75, MCP9800 and others.
//
// Accuracy: ±2 °C for an LM75, ±1 °C and better for later parts. Resolution: 1/2 °C
// for an LM75, 1/8 °C for an NXP LM75B, 1/16 °C for parts whose resolution can be
// chosen, which this package raises to that.
//
// Datasheets: Texas Instruments SNIS153 (LM75B), SBOS288 (TMP75), SLLS648
// (TMP105); NXP LM75B, revision 6.1.
package lm75

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
)

// Registers: TMP105 table 2. The configuration has one byte, the others have
// two, the high one first. Those must be read whole: an LM75 that is left after
// one byte may hold SDA low (SNIS153, figure 11).
const (
	regTemperature = 0x00
	regConfig      = 0x01
	regHysteresis  = 0x02
	regLimit       = 0x03
	regUnused      = 0x06
	regRevision    = 0x07 // of an LM75A
)

// Bits of the configuration.
const (
	shutdown   = 1 << 0
	resolution = 3 << 5 // 9 to 12 bits; reserved in parts that have no choice
	oneShot    = 1 << 7 // written only; reads as zero
)

// coarse and fine are how many bits the temperature has at least and at most.
const (
	coarse = 9
	fine   = 12
)

// conversion is the longest that a first one takes: of an LM75, and of a TMP75 and
// a TMP105 with twelve bits.
const conversion = 300 * time.Millisecond

// A Dev is one thermometer on a bus. It is safe for concurrent use.
type Dev struct {
	bus  i2c.Bus
	addr uint16

	mu     sync.Mutex
	bits   int       // of the temperature; 0 until it is known, and after trouble
	raised bool      // the resolution can be chosen, and is the highest
	ready  time.Time // when the first conversion with these bits is done
}

// Addresses returns where the parts can be, by their three address pins.
func Addresses() []uint16 {
	return []uint16{0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f}
}

// New returns the thermometer at addr. It does not touch the bus.
func New(bus i2c.Bus, addr uint16) *Dev { return &Dev{bus: bus, addr: addr} }

// Sense returns the temperature in °C, -55 to 125.
//
// A part that converts by itself gives its latest reading at once. It takes 0.3 s
// the first time, and again after a failure or when the part lost its power:
// where the resolution can be chosen it is then raised to 1/16 °C, in the part's
// memory and not for good. Other settings stay as they are. A part in shutdown is
// woken for one conversion and sent to sleep again, which takes 0.3 s each time.
//
// A reading of exactly 0 °C, which stands in the register before the first
// conversion, is read again 0.3 s later, after a look at the limits: those are
// never both zero, unless the bus is shorted.
//
// The error wraps a fault.Error if the part or the bus is to blame, else it is
// ctx's or the host's.
func (d *Dev) Sense(ctx context.Context) (float64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	celsius, err := d.sense(ctx)
	if err != nil {
		d.bits = 0 // another part may be there next time
		return 0, fmt.Errorf("lm75: %w", err)
	}
	return celsius, nil
}

// sense is Sense for its only user.
func (d *Dev) sense(ctx context.Context) (float64, error) {
	config, err := d.config()
	if err != nil {
		return 0, err
	}
	if d.bits == 0 || d.raised && config&resolution != resolution {
		if config, err = d.setUp(config); err != nil {
			return 0, err
		}
	}
	if config&shutdown != 0 {
		return d.woken(ctx, config)
	}
	if err := i2c.Wait(ctx, time.Until(d.ready)); err != nil {
		return 0, err
	}
	return d.temperature(ctx)
}

// woken lets a sleeping part convert once. It is sent to sleep again whatever
// happens, ctx's end included.
func (d *Dev) woken(ctx context.Context, config byte) (celsius float64, err error) {
	if err := d.configure(config &^ shutdown); err != nil {
		return 0, err
	}
	if err = i2c.Wait(ctx, conversion); err == nil {
		celsius, err = d.temperature(ctx)
	}
	if asleep := d.configure(config); err == nil {
		err = asleep
	}
	return celsius, err
}

// setUp finds out how many bits the temperature has, raises them if the part lets
// it, and returns the configuration that it has then.
//
// In an LM75 the bits of the resolution are reserved: written, they may start a
// test of the factory. So they are written only to parts whose unused registers
// repeat the others, which an LM75 does not, and whose temperature is no finer
// than the bits say, which that of an NXP LM75B is three times in four.
func (d *Dev) setUp(config byte) (byte, error) {
	d.bits, d.raised = fine, config&resolution == resolution
	if d.raised {
		return config, nil
	}
	d.ready = time.Now().Add(conversion)
	l, err := look(d.bus, d.addr)
	if err != nil {
		return 0, err
	}
	word, err := readWord(d.bus, d.addr, regTemperature)
	if err != nil {
		return 0, err
	}
	said := coarse + int(config&resolution>>5)
	switch family := l.family(); {
	case family == national:
		d.bits = coarse // the other bits are undefined
		return config, nil
	case family != repeating || word<<said != 0:
		return config, nil
	}
	return d.raise(config)
}

// raise sets the highest resolution, and takes it back from a part that does not
// keep it.
func (d *Dev) raise(config byte) (byte, error) {
	if err := d.configure(config | resolution); err != nil {
		return 0, err
	}
	got, err := d.config()
	if err != nil {
		return 0, err
	}
	if d.raised = got&resolution == resolution; d.raised {
		return got, nil
	}
	return config, d.configure(config)
}

// config reads the configuration.
func (d *Dev) config() (byte, error) {
	b, err := i2c.ReadRegister(d.bus, d.addr, regConfig, 1)
	if err != nil {
		return 0, err
	}
	if b[0] == 0xff {
		return 0, i2c.Blank("the configuration", b)
	}
	return b[0], nil
}

// configure writes the configuration, but never a one-shot.
func (d *Dev) configure(config byte) error {
	if err := d.bus.Tx(d.addr, []byte{regConfig, config &^ oneShot}, nil); err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	return nil
}

// temperature reads the temperature, and a zero once more.
func (d *Dev) temperature(ctx context.Context) (float64, error) {
	celsius, err := d.read()
	if err != nil || celsius != 0 {
		return celsius, err
	}
	limits, err := i2c.ReadRegister(d.bus, d.addr, regLimit, 2)
	if err != nil {
		return 0, err
	}
	hysteresis, err := i2c.ReadRegister(d.bus, d.addr, regHysteresis, 2)
	if err != nil {
		return 0, err
	}
	if err := i2c.Blank("temperature and limits", append(limits, hysteresis...)); err != nil {
		return 0, err
	}
	if err := i2c.Wait(ctx, conversion); err != nil {
		return 0, err
	}
	return d.read()
}

// read reads the temperature.
func (d *Dev) read() (float64, error) {
	b, err := i2c.ReadRegister(d.bus, d.addr, regTemperature, 2)
	if err != nil {
		return 0, err
	}
	return Decode([2]byte(b), d.bits)
}

// readWord reads a register of two bytes.
func readWord(bus i2c.Bus, addr uint16, register byte) (uint16, error) {
	b, err := i2c.ReadRegister(bus, addr, register, 2)
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint16(b), nil
}

// Decode converts the temperature register to °C: two's complement in the upper
// bits of the two bytes, 9 to 12 of them, the highest being -128 °C. The rest is
// ignored, since some parts leave it undefined.
//
// All zeros are 0 °C, and also what stands there before the first conversion; who
// reads them must read again after one, and look at another register to know that
// somebody drove the bus.
//
// The error is a fault.Error: Floating for all ones, which no part gives but one
// with undefined bits at -0.5 °C, and Range outside -55 to 125 °C.
//
// Source: TMP75 table 7-1, SNIS153 "Temperature data format".
func Decode(b [2]byte, bits int) (celsius float64, err error) {
	raw := int16(binary.BigEndian.Uint16(b[:]))
	if raw == -1 {
		return 0, i2c.Blank("the temperature", b[:])
	}
	rest := 16 - min(max(bits, coarse), fine)
	celsius = float64(raw>>rest<<rest) / 256
	if celsius < -55 || celsius > 125 {
		return 0, fault.New(fault.Range, "%.2f °C is outside -55 to 125", celsius)
	}
	return celsius, nil
}
