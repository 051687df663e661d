package rack_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/store"
)

// A counted history is past, and counts how often it is asked.
type counted struct {
	past
	asked *int
	err   error
}

func (c counted) Latest(ctx context.Context, at time.Time, back time.Duration) (map[string]store.Point, error) {
	*c.asked++
	points, _ := c.past.Latest(ctx, at, back)
	return points, c.err
}

func TestStatesAreThoseOfEachShelfAndReadTheHistoryOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := hex(t)
		second := layout.Shelf{Site: "hex", Rack: "a1", Name: "s4", Columns: 1, Depth: 1, Slots: []layout.Slot{{Number: 1}}}
		l.Shelves = append(l.Shelves, second)
		asked := 0
		m := rack.New(rack.Options{Layout: l, History: counted{asked: &asked}, Stale: time.Minute})
		fill(m)
		for _, at := range []time.Time{{}, time.Now().Add(-time.Hour)} {
			var want []rack.State
			for _, id := range []string{"hex/a1/s4", "hex/a1/s3"} {
				s, err := m.State(t.Context(), id, at)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, s)
			}
			asked = 0
			got, err := m.States(t.Context(), []string{"hex/a1/s4", "hex/a1/s9", "hex/a1/s3"}, at)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("at %v: %v, -want +got\n%s", at, err, diff)
			}
			if most := map[bool]int{true: 0, false: 1}[at.IsZero()]; asked != most {
				t.Errorf("at %v the history was asked %d times, want %d", at, asked, most)
			}
		}
	})
}

func TestStatesSayWhyThereAreNone(t *testing.T) {
	t.Parallel()
	gone := errors.New("the disk is gone")
	m := rack.New(rack.Options{Layout: hex(t), History: counted{asked: new(int), err: gone}, Stale: time.Minute})
	if _, err := m.States(t.Context(), []string{"hex/a1/s3"}, time.Now()); !errors.Is(err, gone) {
		t.Errorf("err = %v, want the history's", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.States(ctx, []string{"hex/a1/s3"}, time.Time{}); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want that it was given up", err)
	}
}
