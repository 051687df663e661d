// Package tmp102 reads the Texas Instruments TMP102 and TMP112 thermometers.
//
// Accuracy: ±2 °C (TMP102) and ±0.5 °C (TMP112) at room temperature. Resolution:
// 1/16 °C. In the state of delivery the part converts four times a second.
//
// Datasheets: Texas Instruments SBOS397 (TMP102), SBOS473 (TMP112).
package tmp102

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
)

// Registers, tables 1 and 2 of SBOS397. All have two bytes, the high one first.
const (
	regTemperature = 0x00
	regConfig      = 0x01
	regLow         = 0x02
	regHigh        = 0x03
)

// Bits of the configuration, "Configuration register" of SBOS397.
const (
	oneShot    = 1 << 15 // written: convert once; read: a sleeping part has converted
	resolution = 3 << 13 // always set
	shutdown   = 1 << 8
	alert      = 1 << 5
	unused     = 0xf // always zero
)

const (
	conversion = 35 * time.Millisecond // one at most, "Electrical characteristics"
	pause      = 5 * time.Millisecond  // between looks at one that takes longer
	looks      = 6
)

// A Dev is one thermometer on a bus. It is safe for concurrent use.
type Dev struct {
	bus  i2c.Bus
	addr uint16
	mu   sync.Mutex // one measurement at a time
}

// Addresses returns where the part can be: ADD0 at ground, supply, SDA or SCL.
func Addresses() []uint16 { return []uint16{0x48, 0x49, 0x4a, 0x4b} }

// New returns the thermometer at addr. It does not touch the bus.
func New(bus i2c.Bus, addr uint16) *Dev { return &Dev{bus: bus, addr: addr} }

// Sense returns the temperature in °C, -40 to 125.
//
// A part that converts by itself gives its latest reading at once; it is as old
// as the interval that was set, which is 0.25 s in the state of delivery and 4 s
// at most. A part in shutdown converts once, which takes 35 ms, and goes back to
// sleep. A reading of exactly 0 °C, which stands in the register before the first
// conversion, is read again 35 ms later.
//
// The error wraps a fault.Error if the part or the bus is to blame, else it is
// ctx's or the host's.
func (d *Dev) Sense(ctx context.Context) (float64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	celsius, err := d.sense(ctx)
	if err != nil {
		return 0, fmt.Errorf("tmp102: %w", err)
	}
	return celsius, nil
}

// sense is Sense for its only user.
func (d *Dev) sense(ctx context.Context) (float64, error) {
	config, err := d.config()
	if err != nil {
		return 0, err
	}
	if config&shutdown != 0 {
		if err := d.convert(ctx, config); err != nil {
			return 0, err
		}
		return d.temperature()
	}
	celsius, err := d.temperature()
	if err != nil || celsius != 0 {
		return celsius, err
	}
	// The configuration, in which some bits are always set, was read a moment
	// ago: so the bus is driven, and a second zero is true.
	if err := i2c.Wait(ctx, conversion); err != nil {
		return 0, err
	}
	return d.temperature()
}

// convert makes a sleeping part convert once, and waits until it has.
func (d *Dev) convert(ctx context.Context, config uint16) error {
	start := config | oneShot
	if err := d.bus.Tx(d.addr, []byte{regConfig, byte(start >> 8), byte(start)}, nil); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	delay := conversion
	for range looks {
		if err := i2c.Wait(ctx, delay); err != nil {
			return err
		}
		config, err := d.config()
		if err != nil || config&oneShot != 0 {
			return err
		}
		delay = pause
	}
	return fault.New(fault.Timeout, "the conversion does not end; cut the part's power")
}

// config reads the configuration, and makes sure that it is one.
func (d *Dev) config() (uint16, error) {
	b, err := i2c.ReadRegister(d.bus, d.addr, regConfig, 2)
	if err != nil {
		return 0, err
	}
	if err := i2c.Blank("the configuration", b); err != nil {
		return 0, err
	}
	config := binary.BigEndian.Uint16(b)
	if config&resolution != resolution || config&unused != 0 {
		return 0, fault.New(fault.NoDevice, "another part is at address 0x%02x: its configuration is 0x%04x", d.addr, config)
	}
	return config, nil
}

// temperature reads the temperature.
func (d *Dev) temperature() (float64, error) {
	b, err := i2c.ReadRegister(d.bus, d.addr, regTemperature, 2)
	if err != nil {
		return 0, err
	}
	return Decode([2]byte(b))
}

// Decode converts the temperature register to °C: two's complement, 1/16 °C in
// the upper twelve bits, or in the upper thirteen if the lowest bit is set, which
// is the extended mode's mark.
//
// All zeros are 0 °C, and also what stands there before the first conversion; who
// reads them must read again after one.
//
// The error is a fault.Error: Floating for all ones, CRC if a bit is set that is
// always zero, Range outside -40 to 125 °C. "Temperature register" of SBOS397.
func Decode(b [2]byte) (celsius float64, err error) {
	word := binary.BigEndian.Uint16(b[:])
	if word == 0xffff {
		return 0, i2c.Blank("the temperature", b[:])
	}
	shift := 4
	if word&1 != 0 {
		shift = 3
		word &^= 1
	}
	if word&(1<<shift-1) != 0 {
		return 0, fault.New(fault.CRC, "the temperature 0x%x has bits set that are always zero; check cable length and pull-ups", b)
	}
	celsius = float64(int16(word)>>shift) / 16
	if celsius < -40 || celsius > 125 {
		return 0, fault.New(fault.Range, "%.2f °C is outside -40 to 125", celsius)
	}
	return celsius, nil
}
