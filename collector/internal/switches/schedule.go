package switches

import (
	"math/rand/v2"
	"time"
)

// A schedule is when one switch is polled: on a grid of its own, so that many are
// spread over the interval and the readings of one are evenly apart.
type schedule struct {
	interval time.Duration
	phase    time.Duration // of the grid, 0 to interval
}

// newSchedule returns the schedule of switch i of n. The first of them is polled
// at start.
func newSchedule(interval time.Duration, start time.Time, i, n int) schedule {
	first := start.UnixNano() + int64(interval)/int64(n)*int64(i)
	phase := time.Duration(first % int64(interval)).Truncate(time.Millisecond)
	return schedule{interval, phase}
}

// early is how much of the interval before a point already belongs to it: a timer
// may fire a little early.
const early = 20

// at returns the point of the grid that t belongs to.
func (s schedule) at(t time.Time) time.Time {
	since := t.UnixNano() + int64(s.interval)/early - int64(s.phase)
	point := since - mod(since, int64(s.interval)) + int64(s.phase)
	return time.Unix(0, point).UTC()
}

// mod is the remainder that is never below zero.
func mod(a, b int64) int64 { return (a%b + b) % b }

// longestPause is about the longest time between two tries of a switch that does
// not answer.
const longestPause = 4 * time.Minute

// pause returns how many intervals to wait after some failures in a row: 1 after
// none, then doubling to longestPause. chance spreads those that failed together
// over a quarter more.
func (s schedule) pause(failures int, chance *rand.Rand) int {
	if failures == 0 {
		return 1
	}
	longest := max(1, int(longestPause/s.interval))
	intervals := longest
	if failures < 16 {
		intervals = min(longest, 1<<failures)
	}
	return intervals + chance.IntN(intervals/4+1)
}
