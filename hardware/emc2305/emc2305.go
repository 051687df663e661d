// Package emc2305 reads the Microchip fan controllers EMC2301, EMC2302, EMC2303
// and EMC2305, which drive and watch one, two, three and five fans.
//
// It never writes: whoever set the drives keeps them, and no fan is ever slowed
// by being watched. It does read the status registers, and reading clears them:
// on a chip that another program controls, only one of the two sees a stall that
// has passed. A chip that the kernel owns is read through hwmon instead.
//
// Datasheet: Microchip DS20006532, "EMC2301/2/3/5".
package emc2305

import (
	"context"
	"fmt"
	"sync"

	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
)

// Registers, datasheet table "register set". Each fan has a block of 16 from
// 0x30 on.
const (
	regStalled     = 0x25 // one bit a fan, set until it is read
	regSpinFailed  = 0x26
	regDriveFailed = 0x27
	regProduct     = 0xfd
	regVendor      = 0xfe

	regFan     = 0x30
	fanBlock   = 0x10
	fanDrive   = 0x0 // 0 to 255
	fanConfig1 = 0x2
	fanTach    = 0xe // 2 bytes

	vendor = 0x5d
)

// A Fan is one channel of a chip.
type Fan struct {
	Speed float64 // 1/s; 0 also for one slower than the chip's range, 16 by default
	Duty  float64 // 0 to 1: what it is driven with

	// Stalled: driven and not turning, now or since the sample before. A channel
	// that is driven and has no fan looks the same.
	Stalled bool
	// SpinningUp: not turning yet, and at the sample before it was not driven.
	SpinningUp bool
	// SpinFailed: the chip tried to start it, in vain, since the sample before.
	SpinFailed bool
	// DriveFailed: full drive did not reach the speed that the chip was told to
	// hold, since the sample before. The fan is worn or blocked.
	DriveFailed bool
}

// A Dev is one chip on a bus. It is safe for concurrent use.
type Dev struct {
	bus  i2c.Bus
	addr uint16

	mu      sync.Mutex
	latched events  // read from the chip and not delivered yet
	still   [5]bool // channels that were not driven at the sample before
}

// events are the chip's status registers, one bit a fan.
type events struct {
	stalled, spinFailed, driveFailed byte
}

// Addresses returns where the chips can be: an EMC2301 at 0x2f, an EMC2302 at
// 0x2e or 0x2f, the others where a resistor says.
func Addresses() []uint16 { return []uint16{0x2c, 0x2d, 0x2e, 0x2f, 0x4c, 0x4d} }

// Identify reads the ID registers at addr. It says Certain for Microchip's
// vendor number with a product number of the family, No if nobody or another
// part answers. The error is the bus's.
func Identify(bus i2c.Bus, addr uint16) (i2c.Match, error) {
	d := Dev{bus: bus, addr: addr}
	ids, err := d.identity()
	if i2c.Refused(err) {
		return i2c.Match{}, nil
	}
	if err != nil {
		return i2c.Match{}, fmt.Errorf("emc2305: identify: %w", err)
	}
	part, _ := product(ids)
	if part == "" {
		return i2c.Match{}, nil
	}
	why := fmt.Sprintf("registers 0x%02x and 0x%02x hold 0x%02x and 0x%02x", regProduct, regVendor, ids[0], ids[1])
	return i2c.Match{Part: part, Sure: i2c.Certain, Why: why}, nil
}

// product returns the part with the given product and vendor number, and how
// many fans it has; "" and 0 for a stranger.
func product(ids [2]byte) (part string, fans int) {
	if ids[1] != vendor {
		return "", 0
	}
	switch ids[0] {
	case 0x34:
		return "EMC2305", 5
	case 0x35:
		return "EMC2303", 3
	case 0x36:
		return "EMC2302", 2
	case 0x37:
		return "EMC2301", 1
	}
	return "", 0
}

// New returns the chip at addr. It does not touch the bus.
func New(bus i2c.Bus, addr uint16) *Dev { return &Dev{bus: bus, addr: addr} }

// Sense reads every channel of the chip, in the chip's order. What the status
// registers told is kept until a sample is delivered.
//
// The error wraps a fault.Error if the chip or the bus is to blame, else it is
// ctx's or the host's.
func (d *Dev) Sense(ctx context.Context) ([]Fan, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fans, err := d.read(ctx)
	if err != nil {
		return nil, fmt.Errorf("emc2305: %w", err)
	}
	for i := range fans {
		d.judge(i, &fans[i])
	}
	d.latched = events{}
	return fans, nil
}

// judge says of a fan what its speed and drive do not.
func (d *Dev) judge(i int, f *Fan) {
	bit := byte(1) << i
	f.SpinningUp = f.Duty > 0 && f.Speed == 0 && d.still[i]
	f.Stalled = f.Duty > 0 && f.Speed == 0 && !f.SpinningUp || d.latched.stalled&bit != 0
	f.SpinFailed = d.latched.spinFailed&bit != 0
	f.DriveFailed = d.latched.driveFailed&bit != 0
	d.still[i] = f.Duty == 0
}

// read reads identity, status and channels.
func (d *Dev) read(ctx context.Context) ([]Fan, error) {
	ids, err := d.identity()
	if err != nil {
		return nil, err
	}
	if err := i2c.Blank("the ID", ids[:]); err != nil {
		return nil, err
	}
	_, channels := product(ids)
	if channels == 0 {
		return nil, fault.New(fault.NoDevice, "another part (0x%02x of vendor 0x%02x) is at address 0x%02x", ids[0], ids[1], d.addr)
	}
	if err := d.status(); err != nil {
		return nil, err
	}
	fans := make([]Fan, channels)
	for i := range fans {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if fans[i], err = d.channel(i); err != nil {
			return nil, fmt.Errorf("fan %d: %w", i+1, err)
		}
	}
	return fans, nil
}

// identity returns the product and the vendor number.
func (d *Dev) identity() (ids [2]byte, err error) {
	for i, reg := range [2]byte{regProduct, regVendor} {
		b, err := i2c.ReadRegister(d.bus, d.addr, reg, 1)
		if err != nil {
			return ids, err
		}
		ids[i] = b[0]
	}
	return ids, nil
}

// status reads what has happened, which clears it in the chip, and adds it to
// what is not delivered yet.
func (d *Dev) status() error {
	for _, s := range []struct {
		reg byte
		to  *byte
	}{
		{regStalled, &d.latched.stalled}, {regSpinFailed, &d.latched.spinFailed}, {regDriveFailed, &d.latched.driveFailed},
	} {
		b, err := i2c.ReadRegister(d.bus, d.addr, s.reg, 1)
		if err != nil {
			return err
		}
		if b[0]&^0x1f != 0 { // there are five fans at most
			return fault.New(fault.Floating, "status register 0x%02x holds 0x%02x; check wires and pull-ups", s.reg, b[0])
		}
		*s.to |= b[0]
	}
	return nil
}

// channel reads the drive and the speed of fan i, from 0 on.
func (d *Dev) channel(i int) (Fan, error) {
	block := byte(regFan + i*fanBlock)
	drive, err := i2c.ReadRegister(d.bus, d.addr, block+fanDrive, 1)
	if err != nil {
		return Fan{}, err
	}
	config, err := i2c.ReadRegister(d.bus, d.addr, block+fanConfig1, 1)
	if err != nil {
		return Fan{}, err
	}
	// Both bytes in one transaction, as the kernel reads them: the address moves
	// on, and the halves belong together.
	tach, err := i2c.ReadRegister(d.bus, d.addr, block+fanTach, 2)
	if err != nil {
		return Fan{}, err
	}
	speed, err := Speed([2]byte(tach), config[0])
	return Fan{Speed: speed, Duty: float64(drive[0]) / 255}, err
}
