package clock_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"thermarack/agent/wire/clock"
)

func TestAScaledClockRunsFromItsStartAtItsSpeed(t *testing.T) {
	origin := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	c := clock.Scaled(start, origin, 240)
	if got, want := c.At(origin.Add(time.Second)), start.Add(4*time.Minute); !got.Equal(want) {
		t.Errorf("one second in: %v, want %v", got, want)
	}
	if got, want := c.Wall(start.Add(4*time.Minute)), origin.Add(time.Second); !got.Equal(want) {
		t.Errorf("Wall = %v, want %v", got, want)
	}
}

func TestTheZeroClockIsTheWallClock(t *testing.T) {
	var c clock.Clock
	at := time.Unix(1.8e9, 0)
	if !c.At(at).Equal(at) || !c.Wall(at).Equal(at) || c.Speed() != 1 {
		t.Error("the zero clock does not show wall time")
	}
}

func TestAClockThatIsSetStepsAtOnce(t *testing.T) {
	var off time.Duration
	c := clock.Set(func() time.Duration { return off })
	at := time.Now()
	for _, off = range []time.Duration{0, time.Hour, -time.Hour} {
		if got, want := c.At(at), at.Add(off); !got.Equal(want) || !c.Wall(got).Equal(at) || c.Speed() != 1 {
			t.Errorf("put forward by %v: %v shows %v, and that %v again; want %v", off, at, got, c.Wall(got), want)
		}
	}
	first := c.Now()
	off = -2 * time.Hour
	if second := c.Now(); !second.Before(first) {
		t.Errorf("put back from %v to %v, want an earlier time", first, second)
	}
}

func TestSleepUntilWaitsInScaledTimeAndStopsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		c := clock.Scaled(begin, begin, 60)
		if err := c.SleepUntil(t.Context(), begin.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took != time.Minute {
			t.Errorf("an hour at speed 60 took %v, want 1m", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.SleepUntil(ctx, c.Now().Add(time.Hour)); err == nil {
			t.Error("slept on after its context had ended")
		}
	})
}
