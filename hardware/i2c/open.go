package i2c

import (
	"fmt"
	"strings"
	"syscall"

	"periph.io/x/host/v3/sysfs"

	"thermarack/hardware/fault"
)

// An Adapter is a bus of the host, /dev/i2c-N. It is safe for concurrent use.
type Adapter struct {
	bus *sysfs.I2C
}

// Open opens bus n. The error names the file and says what to do: load i2c-dev,
// or become a member of the group i2c. Close the Adapter after use.
func Open(n int) (*Adapter, error) {
	bus, err := sysfs.NewI2C(n)
	if err != nil {
		return nil, fmt.Errorf("i2c: open /dev/i2c-%d: %w; check that i2c-dev is loaded and that this user is in group i2c", n, err)
	}
	return &Adapter{bus}, nil
}

// Tx runs one transaction. It blocks for as long as the kernel does, which is a
// second on a stuck bus.
func (a *Adapter) Tx(addr uint16, w, r []byte) error {
	return explain(addr, a.bus.Tx(addr, w, r))
}

// Close closes the bus.
func (a *Adapter) Close() error { return a.bus.Close() }

// explain gives an error of the kernel its reason. periph keeps only the text of
// the error's number, so that is what there is to go by.
//
// Numbers: https://docs.kernel.org/i2c/fault-codes.html; the Pi's own
// controllers say EREMOTEIO where others say ENXIO.
func explain(addr uint16, err error) error {
	if err == nil {
		return nil
	}
	is := func(n syscall.Errno) bool { return strings.HasSuffix(err.Error(), n.Error()) }
	switch {
	case is(syscall.EREMOTEIO), is(syscall.ENXIO), is(syscall.ENODEV):
		return fault.New(fault.NoDevice, "nobody answers at address 0x%02x; check that the part is connected", addr)
	case is(syscall.ETIMEDOUT), is(syscall.EAGAIN):
		return fault.New(fault.Timeout, "the bus is stuck at address 0x%02x; a part holds SDA or SCL low: check wires and pull-ups, or cut its power", addr)
	case is(syscall.EIO):
		return fault.New(fault.CRC, "the transfer with address 0x%02x was disturbed; check cable length and pull-ups", addr)
	}
	return fmt.Errorf("i2c: address 0x%02x: %w", addr, err)
}
