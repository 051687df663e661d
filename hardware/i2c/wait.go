package i2c

import (
	"context"
	"time"

	"thermarack/hardware/fault"
)

// Wait returns nil after t, or before with ctx's error. It returns at once if t
// is not positive.
func Wait(ctx context.Context, t time.Duration) error {
	if t <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Silent reports whether err of a transaction says that nobody acknowledged: the
// part is not there, or, if it was a moment ago, is at work.
func Silent(err error) bool {
	reason, _ := fault.Of(err)
	return reason == fault.NoDevice
}

// Refused reports whether err of a transaction says that nobody is there, or
// somebody who did not go along with it. To an identification both mean another
// part: one that does not know a command leaves it unacknowledged, which some
// adapters report like a silent address and others like a disturbed transfer.
func Refused(err error) bool {
	reason, _ := fault.Of(err)
	return reason == fault.NoDevice || reason == fault.CRC
}
