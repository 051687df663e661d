package main

import (
	"bytes"
	"testing"
	"time"

	"thermarack/agent/internal/timekeeper"
)

func TestOnceWarnsOfAClockThatNobodyKeeps(t *testing.T) {
	at := time.Date(2026, time.June, 1, 12, 0, 0, 0, time.UTC)
	for _, synchronised := range []bool{true, false} {
		var out bytes.Buffer
		warnOfTime(timekeeper.Clocks{
			Wall:         func() time.Time { return at },
			Synchronised: func() bool { return synchronised },
			Up:           func() time.Duration { return time.Minute },
		}, &out)
		want := "thermarack-agent: warning: nobody keeps the clock right yet: the stamp is of 2026-06-01T12:00:00Z\n"
		if synchronised {
			want = ""
		}
		if out.String() != want {
			t.Errorf("synchronised %v: %q, want %q", synchronised, out.String(), want)
		}
	}
}
