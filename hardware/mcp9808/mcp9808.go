// Package mcp9808 reads the Microchip MCP9808 thermometer.
//
// Accuracy: ±0.25 °C typically, ±0.5 °C at most between -20 and 100 °C. Resolution:
// 1/16 °C. In the state of delivery the part converts four times a second.
//
// Datasheet: Microchip DS25095, MCP9808.
package mcp9808

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
)

// Registers, section 5.1. There is nothing to be asked above 0x08: those are for
// the factory's tests.
const (
	regConfig       = 0x01
	regTemperature  = 0x05
	regManufacturer = 0x06
	regDevice       = 0x07
	regResolution   = 0x08 // one byte; the others have two, the high one first
)

const (
	manufacturer = 0x0054
	device       = 0x04 // the high byte; the low one is the revision

	shutdown = 1 << 8 // of the configuration, register 5-2
	locks    = 3 << 6 // and: settings that stay until the power goes
	unused   = 0xf800 // and: always zero

	finest = 3 // of the resolution, section 5.1: 1/16 °C
)

// conversion is how long one takes at the finest resolution, with a margin: the
// datasheet has a typical 250 ms.
const conversion = 300 * time.Millisecond

// A Dev is one thermometer on a bus. It is safe for concurrent use.
type Dev struct {
	bus  i2c.Bus
	addr uint16

	mu    sync.Mutex
	ready time.Time // when the first conversion with the finest resolution is done
}

// Addresses returns where the part can be, by its three address pins.
func Addresses() []uint16 {
	return []uint16{0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f}
}

// Identify reads the manufacturer's and the device's ID at addr. It says Certain
// for 0x0054 and 0x04xx; No if nobody or another part answers. The error is the
// bus's.
//
// A DS2482, which may live at the first four addresses, takes the registers'
// numbers for commands that it does not know: it refuses them and stays as it is.
//
// Section 5.1.
func Identify(bus i2c.Bus, addr uint16) (i2c.Match, error) {
	maker, err := i2c.ReadRegister(bus, addr, regManufacturer, 2)
	var part []byte
	if err == nil && binary.BigEndian.Uint16(maker) == manufacturer {
		part, err = i2c.ReadRegister(bus, addr, regDevice, 2)
	}
	switch {
	case i2c.Refused(err):
		return i2c.Match{}, nil
	case err != nil:
		return i2c.Match{}, fmt.Errorf("mcp9808: identify: %w", err)
	case part == nil || part[0] != device:
		return i2c.Match{}, nil
	}
	why := fmt.Sprintf("registers 0x06 and 0x07 hold 0x%04x and 0x%x", manufacturer, part)
	return i2c.Match{Part: "MCP9808", Sure: i2c.Certain, Why: why}, nil
}

// New returns the thermometer at addr. It does not touch the bus.
func New(bus i2c.Bus, addr uint16) *Dev { return &Dev{bus: bus, addr: addr} }

// Sense returns the temperature in °C, -40 to 125.
//
// A part that converts by itself gives its latest reading at once, which is at
// most 0.25 s old. If somebody chose a coarser resolution, the finest is set
// again, and 0.3 s pass until it is there; other settings stay as they are. A part
// in shutdown is woken for one conversion and sent to sleep again, which takes
// 0.3 s each time, unless its settings are locked: then it could not go to sleep.
//
// A reading of exactly 0 °C without any alert, which stands in the register before
// the first conversion, is read again 0.3 s later, after a look at the ID.
//
// The error wraps a fault.Error if the part or the bus is to blame, else it is
// ctx's or the host's: Stale for a sleeping part with locked settings.
func (d *Dev) Sense(ctx context.Context) (float64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	celsius, err := d.sense(ctx)
	if err != nil {
		return 0, fmt.Errorf("mcp9808: %w", err)
	}
	return celsius, nil
}

// sense is Sense for its only user.
func (d *Dev) sense(ctx context.Context) (float64, error) {
	config, err := d.config()
	if err != nil {
		return 0, err
	}
	if err := d.refine(); err != nil {
		return 0, err
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
func (d *Dev) woken(ctx context.Context, config uint16) (celsius float64, err error) {
	if config&locks != 0 {
		return 0, fault.New(fault.Stale, "the part is shut down and its settings are locked; cut its power")
	}
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

// refine sets the finest resolution unless it is set.
func (d *Dev) refine() error {
	b, err := i2c.ReadRegister(d.bus, d.addr, regResolution, 1)
	if err != nil || b[0] == finest {
		return err
	}
	if b[0] > finest {
		return fault.New(fault.NoDevice, "another part is at address 0x%02x: its resolution is 0x%02x", d.addr, b[0])
	}
	if err := d.bus.Tx(d.addr, []byte{regResolution, finest}, nil); err != nil {
		return fmt.Errorf("set the resolution: %w", err)
	}
	d.ready = time.Now().Add(conversion)
	return nil
}

// config reads the configuration, and makes sure that it is one.
func (d *Dev) config() (uint16, error) {
	b, err := i2c.ReadRegister(d.bus, d.addr, regConfig, 2)
	if err != nil {
		return 0, err
	}
	config := binary.BigEndian.Uint16(b)
	switch {
	case config == 0xffff:
		return 0, i2c.Blank("the configuration", b)
	case config&unused != 0:
		return 0, fault.New(fault.NoDevice, "another part is at address 0x%02x: its configuration is 0x%04x", d.addr, config)
	}
	return config, nil
}

// configure writes the configuration.
func (d *Dev) configure(config uint16) error {
	if err := d.bus.Tx(d.addr, []byte{regConfig, byte(config >> 8), byte(config)}, nil); err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	return nil
}

// temperature reads the temperature, and all zeros once more.
func (d *Dev) temperature(ctx context.Context) (float64, error) {
	b, err := i2c.ReadRegister(d.bus, d.addr, regTemperature, 2)
	if err != nil {
		return 0, err
	}
	if b[0]|b[1] != 0 {
		return Decode([2]byte(b))
	}
	id, err := i2c.ReadRegister(d.bus, d.addr, regManufacturer, 2)
	if err != nil {
		return 0, err
	}
	if err := i2c.Blank("temperature and ID", id); err != nil {
		return 0, err
	}
	if err := i2c.Wait(ctx, conversion); err != nil {
		return 0, err
	}
	if b, err = i2c.ReadRegister(d.bus, d.addr, regTemperature, 2); err != nil {
		return 0, err
	}
	return Decode([2]byte(b))
}

// Decode converts the temperature register to °C: three alert flags, which do not
// matter here, and a two's complement of thirteen bits, 1/16 °C.
//
// All zeros are 0 °C, and also what stands there before the first conversion; who
// reads them must read again after one, and look at another register to know that
// somebody drove the bus.
//
// The error is a fault.Error: Floating for all ones, which the part could only
// give at -0.06 °C with an upper limit below the lower one, and Range outside -40
// to 125 °C. Section 5.1.
func Decode(b [2]byte) (celsius float64, err error) {
	word := binary.BigEndian.Uint16(b[:])
	if word == 0xffff {
		return 0, i2c.Blank("the temperature", b[:])
	}
	celsius = float64(int16(word<<3)>>3) / 16
	if celsius < -40 || celsius > 125 {
		return 0, fault.New(fault.Range, "%.2f °C is outside -40 to 125", celsius)
	}
	return celsius, nil
}
