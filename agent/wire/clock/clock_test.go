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
