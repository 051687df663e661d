package timekeeper

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"time"
)

// prefix is how wire.EncodePack begins: with the base time, which all times of the
// pack are relative to (RFC 8428, section 4.1). So that number alone is the stamp,
// and nothing else of a pack need be read, or could be lost.
const prefix = `[{"bt":`

var errForm = errors.New("it does not begin with its base time")

// stampOf returns the stamp of a pack, that of its first reading, and what follows
// it.
func stampOf(pack []byte) (stamp time.Time, rest []byte, err error) {
	text, ok := bytes.CutPrefix(pack, []byte(prefix))
	end := bytes.IndexByte(text, ',')
	if !ok || end < 0 {
		return time.Time{}, nil, errForm
	}
	seconds, err := strconv.ParseFloat(string(text[:end]), 64)
	if err != nil || !(math.Abs(seconds) < 1e11) { // catches NaN as well
		return time.Time{}, nil, errForm
	}
	return time.UnixMilli(int64(math.Round(seconds * 1000))).UTC(), text[end:], nil
}

// Restamp returns a pack of wire.EncodePack whose stamps are all moved so that the
// first one is to, a whole millisecond. A pack that is stamped so already is
// returned as it is. The error says that it is no such pack.
func Restamp(pack []byte, to time.Time) ([]byte, error) {
	stamp, rest, err := stampOf(pack)
	if err != nil || stamp.Equal(to) {
		return pack, err
	}
	moved := strconv.AppendFloat([]byte(prefix), float64(to.UnixMilli())/1000, 'f', -1, 64)
	return append(moved, rest...), nil
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
