// Package fault has the reasons for which a driver rejects a sample.
//
// A rejected sample is no missing one: it was looked for, and what came back
// cannot be true. The words are those of the wire contract, so that a reason is
// the same from the driver to the page.
package fault

import (
	"context"
	"errors"
	"fmt"
)

// Why a sample is rejected.
const (
	// CRC: the bytes were damaged on the bus. Look at cable length, pull-up and
	// interference if it happens more than now and then.
	CRC = "crc"
	// Zeros: all bytes are zero, which passes a 1-Wire checksum. The data line
	// is shorted to ground, or the part is connected by half.
	Zeros = "zeros"
	// PowerOn: the register holds what the part puts there when it gets power,
	// so nothing was measured. Look at its supply.
	PowerOn = "power-on"
	// NoDevice: the part does not answer. Look whether it is still connected.
	NoDevice = "no-device"
	// Floating: all bytes are ones, the idle level of the line. Nobody pulled it
	// down: the part is gone, or its ground is.
	Floating = "floating"
	// Range: a value that the part cannot measure.
	Range = "range"
	// Jump: too far from the value before for the time between.
	Jump = "jump"
	// Stale: an earlier conversion, read again.
	Stale = "stale"
	// Timeout: no answer within the reader's deadline, or a bus that is held
	// low. Look for another reader on the bus, or a hung part.
	Timeout = "timeout"
	// Stuck: the same value for too long.
	Stuck = "stuck"
)

// An Error says why a part gave no value. It is the part's or the bus's doing:
// errors of the host, such as a permission, are not Errors of this package.
type Error struct {
	Reason string // one of the constants
	Detail string // what was seen and what to do, for a person
}

// New returns an Error whose detail is formatted as by fmt.Sprintf.
func New(reason, format string, args ...any) Error {
	return Error{reason, fmt.Sprintf(format, args...)}
}

// Error returns the reason and the detail in one line.
func (e Error) Error() string { return e.Reason + ": " + e.Detail }

// Of returns the reason why err rejects a sample: that of the Error it wraps,
// or Timeout if it wraps context.DeadlineExceeded. ok is false for any other
// error, and for nil.
func Of(err error) (reason string, ok bool) {
	var e Error
	switch {
	case errors.As(err, &e):
		return e.Reason, true
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout, true
	}
	return "", false
}
