package timekeeper

import (
	"errors"
	"fmt"
	"time"

	"thermarack/agent/wire"
)

// epoch is what packs are decoded with: a time in 1970 would otherwise be taken
// for one relative to now (RFC 8428, section 4.5.3).
var epoch = time.UnixMilli(0)

var errEmpty = errors.New("it holds no reading")

// stampOf returns the stamp of a pack, that of its first reading.
func stampOf(pack []byte) (time.Time, error) {
	readings, _, err := wire.DecodePack(pack, epoch)
	if err != nil {
		return time.Time{}, err
	}
	if len(readings) == 0 {
		return time.Time{}, errEmpty
	}
	return readings[0].Time, nil
}

// Restamp returns a pack whose stamps are all moved so that the first one is to.
// A pack that is stamped so already is returned as it is. The error says that the
// pack cannot be read or written.
func Restamp(pack []byte, to time.Time) ([]byte, error) {
	readings, _, err := wire.DecodePack(pack, epoch)
	if err == nil && len(readings) == 0 {
		err = errEmpty
	}
	if err != nil {
		return nil, fmt.Errorf("restamp: %w", err)
	}
	by := to.Sub(readings[0].Time)
	if by == 0 {
		return pack, nil
	}
	for i, r := range readings {
		readings[i].Time = r.Time.Add(by)
	}
	return wire.EncodePack(readings)
}

// A mark is what is remembered of a pack that is held.
type mark struct {
	stamp  time.Time
	offset time.Duration // of the clock that it was stamped by
	to     time.Time     // its stamp by the right clock; zero until that is known
}

// right returns the stamp by a clock with the offset. One that is off by less than
// half an interval stays: that is as well as a grid can tell. Any other becomes the
// last instant of the grid that had passed, so that it stays before those that
// come next.
func (m mark) right(offset, interval time.Duration) time.Time {
	step := offset - m.offset
	if step.Abs() < interval/2 {
		return m.stamp
	}
	at := time.Duration(m.stamp.UnixNano()) + step
	return time.Unix(0, int64(at-at%interval)).UTC()
}

// setRight fills in the right stamps of marks, oldest first. They increase: where
// the clock was set twice and two would be the same, the older one goes back, so
// that the last stays before what comes next.
func setRight(marks []mark, offset, interval time.Duration) {
	for i := len(marks) - 1; i >= 0; i-- {
		to := marks[i].right(offset, interval)
		if i+1 < len(marks) && !to.Before(marks[i+1].to) {
			to = marks[i+1].to.Add(-interval)
		}
		marks[i].to = to
	}
}
