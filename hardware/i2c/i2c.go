// Package i2c has what drivers of I²C parts share: the bus, why it failed, and
// how sure an identification is. Open gives a bus of the host, by periph.
//
// A driver takes a Bus and an address, never owns the bus, and touches it only
// when it is asked to measure. It rejects samples with a fault.Error.
package i2c

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"thermarack/hardware/fault"
)

// A Bus runs one transaction with the part at a 7-bit address: it writes w, then,
// after a repeated start, fills r. Either may be empty, not both. A
// Bus is safe for concurrent use; periph's i2c.Bus is one.
//
// The error wraps a fault.Error with reason NoDevice if nobody acknowledged, and
// with Timeout if the bus is stuck.
type Bus interface {
	Tx(addr uint16, w, r []byte) error
}

// Sure says how sure an identification is.
type Sure int

// From no match to a register that only this part has.
const (
	No       Sure = iota // another part, or nobody
	Possible             // somebody answers at an address that the part may have
	Likely               // and behaves as the part must
	Certain              // and an ID register or a checksummed serial number says so
)

func (s Sure) String() string {
	return [...]string{"no", "possible", "likely", "certain"}[s]
}

// A Match is what an identification found.
type Match struct {
	Part string // "TMP117"; "" if Sure is No
	Sure Sure
	Why  string // what was seen, for a person: "register 0x0f holds 0x0117"
}

// ReadRegister returns n bytes from a register of one byte's address.
func ReadRegister(b Bus, addr uint16, register byte, n int) ([]byte, error) {
	r := make([]byte, n)
	if err := b.Tx(addr, []byte{register}, r); err != nil {
		return nil, fmt.Errorf("register 0x%02x: %w", register, err)
	}
	return r, nil
}

// Blank rejects bytes that are all ones or all zeros, which nobody drove: most
// parts never hold either where a driver asks for them. what names them in the
// error, a fault.Error.
func Blank(what string, b []byte) error {
	switch {
	case !slices.ContainsFunc(b, func(v byte) bool { return v != 0xff }):
		return fault.New(fault.Floating, "%s is all ones; check the part's wires and pull-ups", what)
	case !slices.ContainsFunc(b, func(v byte) bool { return v != 0 }):
		return fault.New(fault.Zeros, "%s is all zeros; check for a short to ground", what)
	}
	return nil
}

// Numbers returns the numbers of the host's buses that programs may use, in
// order: those with a dev/i2c-N below root. A host without any has none, and no
// error.
func Numbers(root fs.FS) ([]int, error) {
	names, err := fs.Glob(root, "dev/i2c-*")
	if err != nil {
		return nil, fmt.Errorf("i2c: list buses: %w", err)
	}
	var numbers []int
	for _, name := range names {
		if n, err := strconv.Atoi(strings.TrimPrefix(path.Base(name), "i2c-")); err == nil && n >= 0 {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// Name returns what the kernel calls a bus, such as "bcm2835 (i2c@7e804000)", or
// "" if it does not say.
//
// File: sys/class/i2c-adapter/i2c-N/name, or sys/bus/i2c/devices/i2c-N/name.
func Name(root fs.FS, bus int) string {
	for _, dir := range []string{"sys/class/i2c-adapter", "sys/bus/i2c/devices"} {
		if text, err := fs.ReadFile(root, path.Join(dir, "i2c-"+strconv.Itoa(bus), "name")); err == nil {
			return strings.TrimSpace(string(text))
		}
	}
	return ""
}

// Owner returns the kernel driver that owns an address of a bus, such as "lm75",
// or "" if none does. Programs must leave such an address alone: the kernel's
// conversations with the part would be disturbed, and it lets them be, because
// a transaction does not ask who owns the address.
//
// Link: sys/bus/i2c/devices/N-00XX/driver.
func Owner(root fs.FS, bus int, addr uint16) string {
	target, err := fs.ReadLink(root, fmt.Sprintf("sys/bus/i2c/devices/%d-%04x/driver", bus, addr))
	if err != nil {
		return ""
	}
	return path.Base(target)
}
