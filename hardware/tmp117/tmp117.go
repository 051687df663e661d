// Package tmp117 reads the Texas Instruments TMP117 thermometer.
//
// Accuracy: ±0.1 °C between -20 and 50 °C. Resolution: 1/128 °C. In the state of
// delivery a reading is the mean of eight conversions, taken once a second.
//
// The part keeps settings in an EEPROM, which this package never unlocks: what it
// writes is forgotten when the power goes.
//
// Datasheet: Texas Instruments SNOSD82D, TMP117.
package tmp117

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
)

// Registers, section 7.6. All have two bytes, the high one first.
const (
	regTemperature = 0x00
	regConfig      = 0x01
	regUnlock      = 0x04
	regID          = 0x0f
)

// Bits of the configuration, section 7.6.
const (
	dataReady  = 1 << 13 // until the temperature or the configuration is read
	eepromBusy = 1 << 12
	oneShot    = 3 << 10 // reads as shutdown when it is done
	shutdown   = 1 << 10
	modes      = 3 << 10
	averages   = 3 << 5 // how many conversions make a reading
	settings   = 0x0ffc // what can be written, without the reset
)

// unlocked is the bit of the unlock register that makes every write to the
// configuration a write to the EEPROM, section 7.5.1.
const unlocked = 1 << 15

// id is the part's number; the four bits above it are its revision.
const id = 0x117

const (
	conversion = 17500 * time.Microsecond // one at most, section 6.5
	pause      = 5 * time.Millisecond     // between looks at what is not ready
	looks      = 8                        // the EEPROM takes 7 ms, section 6.6
)

// A Dev is one thermometer on a bus. It is safe for concurrent use.
type Dev struct {
	bus  i2c.Bus
	addr uint16

	mu    sync.Mutex
	known bool // that it is this part, until trouble
}

// Addresses returns where the part can be: ADD0 at ground, supply, SDA or SCL.
func Addresses() []uint16 { return []uint16{0x48, 0x49, 0x4a, 0x4b} }

// Identify reads the device ID at addr, which changes nothing in any part that
// may be there. It says Certain for 0x0117, whatever the revision in the upper
// four bits; No if nobody or another part answers. The error is the bus's.
//
// Section 7.6.
func Identify(bus i2c.Bus, addr uint16) (i2c.Match, error) {
	b, err := i2c.ReadRegister(bus, addr, regID, 2)
	if i2c.Refused(err) {
		return i2c.Match{}, nil
	}
	if err != nil {
		return i2c.Match{}, fmt.Errorf("tmp117: identify: %w", err)
	}
	word := binary.BigEndian.Uint16(b)
	if word&0x0fff != id {
		return i2c.Match{}, nil
	}
	return i2c.Match{Part: "TMP117", Sure: i2c.Certain, Why: fmt.Sprintf("register 0x%02x holds 0x%04x", regID, word)}, nil
}

// New returns the thermometer at addr. It does not touch the bus.
func New(bus i2c.Bus, addr uint16) *Dev { return &Dev{bus: bus, addr: addr} }

// Sense returns the temperature in °C, -55 to 150.
//
// A part that converts by itself gives its latest reading at once; it is as old
// as the interval that was set, which is 1 s in the state of delivery and 16 s
// at most. A part in shutdown converts once, with the averaging that was set, and
// goes back to sleep: that takes 17.5 ms to 1.1 s. Reading the configuration, which
// this needs, also clears the part's alert flags.
//
// The error wraps a fault.Error if the part or the bus is to blame, else it is
// ctx's or the host's: PowerOn before the first conversion, Stale for a sleeping
// part that must not be woken because somebody unlocked its EEPROM.
func (d *Dev) Sense(ctx context.Context) (float64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	celsius, err := d.sense(ctx)
	d.known = err == nil // another part may be there next time
	if err != nil {
		return 0, fmt.Errorf("tmp117: %w", err)
	}
	return celsius, nil
}

// sense is Sense for its only user. The ID is looked at before the first reading
// and after a failure, because a TMP102 in this part's place would look twice as
// warm.
func (d *Dev) sense(ctx context.Context) (float64, error) {
	if !d.known {
		if err := d.there(); err != nil {
			return 0, err
		}
	}
	config, err := d.until(ctx, func(config uint16) bool { return config&eepromBusy == 0 })
	if err != nil {
		return 0, err
	}
	if config&modes != 0 && config&modes != 2<<10 { // 2 is continuous too
		if err := d.convert(ctx, config); err != nil {
			return 0, err
		}
	}
	word, err := d.read(regTemperature)
	if err != nil {
		return 0, err
	}
	if word == 0 || word == 0xffff { // which a broken line gives as well
		if err := d.there(); err != nil {
			return 0, err
		}
	}
	return Decode([2]byte{byte(word >> 8), byte(word)})
}

// convert makes a sleeping part convert once, and waits until it has.
func (d *Dev) convert(ctx context.Context, config uint16) error {
	lock, err := d.read(regUnlock)
	if err != nil {
		return err
	}
	if lock&unlocked != 0 {
		return fault.New(fault.Stale, "the part is shut down and its EEPROM is unlocked, so that waking it would wear it; cut its power")
	}
	config = config&settings | oneShot
	if err := d.bus.Tx(d.addr, []byte{regConfig, byte(config >> 8), byte(config)}, nil); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	count := [4]time.Duration{1, 8, 32, 64}[config&averages>>5]
	if err := i2c.Wait(ctx, count*conversion); err != nil {
		return err
	}
	_, err = d.until(ctx, func(config uint16) bool { return config&dataReady != 0 })
	return err
}

// until reads the configuration until it satisfies done.
func (d *Dev) until(ctx context.Context, done func(config uint16) bool) (uint16, error) {
	for range looks {
		config, err := d.read(regConfig)
		if err != nil {
			return 0, err
		}
		if config == 0xffff {
			return 0, i2c.Blank("the configuration", []byte{0xff, 0xff})
		}
		if done(config) {
			return config, nil
		}
		if err := i2c.Wait(ctx, pause); err != nil {
			return 0, err
		}
	}
	return 0, fault.New(fault.Timeout, "the part is still busy; cut its power")
}

// there makes sure that the part is there and drives the bus.
func (d *Dev) there() error {
	b, err := i2c.ReadRegister(d.bus, d.addr, regID, 2)
	if err != nil {
		return err
	}
	if err := i2c.Blank("the device ID", b); err != nil {
		return err
	}
	if word := binary.BigEndian.Uint16(b); word&0x0fff != id {
		return fault.New(fault.NoDevice, "another part with ID 0x%04x is at address 0x%02x", word, d.addr)
	}
	return nil
}

// read reads a register.
func (d *Dev) read(register byte) (uint16, error) {
	b, err := i2c.ReadRegister(d.bus, d.addr, register, 2)
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint16(b), nil
}

// Decode converts the temperature register to °C: two's complement, 1/128 °C.
//
// All zeros (0 °C) and all ones (-0.0078 °C) are temperatures of this part; who
// reads them must look at another register to know that somebody drove the bus.
//
// The error is a fault.Error: PowerOn for 0x8000, which stands there before the
// first conversion, Range outside -55 to 150 °C. Sections 6.3, 7.3.1 and 7.3.3.
func Decode(b [2]byte) (celsius float64, err error) {
	raw := int16(binary.BigEndian.Uint16(b[:]))
	if raw == -0x8000 {
		return 0, fault.New(fault.PowerOn, "the part has not converted yet; check its supply if it stays so")
	}
	celsius = float64(raw) / 128
	if celsius < -55 || celsius > 150 {
		return 0, fault.New(fault.Range, "%.2f °C is outside -55 to 150", celsius)
	}
	return celsius, nil
}
