package normal_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/agent/wire/clock"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/normal"
	"thermarack/collector/internal/rack"
)

const pi = wire.Node("b827eb000001")

var (
	soc   = pi.Device("soc") + ":temperature"
	begin = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
)

// shelf is one Pi behind an inlet of so many °C.
func shelf(at time.Time, inlet, socTemperature float64) rack.State {
	return rack.State{
		Shelf: &layout.Shelf{Site: "hex", Rack: "a1", Name: "s3", Columns: 1, Depth: 1}, At: at,
		Slots:   []rack.Slot{{Slot: layout.Slot{Number: 1, Node: pi}, SoC: fresh(socTemperature)}},
		Fans:    []rack.Fan{{Fan: layout.Fan{Name: "left", Healthy: 40}, Value: fresh(50)}},
		Figures: rack.Figures{Inlet: rack.Figure{V: inlet}},
	}
}

func fresh(v float64) rack.Value { return rack.Value{V: v, State: rack.Fresh} }

// watch shows the learner a shelf each minute.
func watch(l *normal.Learner, from time.Time, d time.Duration, state func(at time.Time) rack.State) time.Time {
	for at := from; at.Before(from.Add(d)); at = at.Add(time.Minute) {
		l.Learn(state(at))
	}
	return from.Add(d)
}

func TestTheNormalIsAboveTheInletsWhateverTheRoomDoes(t *testing.T) {
	t.Parallel()
	var l normal.Learner
	rng := rand.New(rand.NewPCG(1, 2))
	watch(&l, begin, 48*time.Hour, func(at time.Time) rack.State {
		inlet := 22 + 3*math.Sin(at.Sub(begin).Hours()/24*2*math.Pi)
		return shelf(at, inlet, inlet+28+rng.NormFloat64())
	})
	rise, sd, ok := l.Normal(soc)
	if !ok || math.Abs(rise-28) > 0.2 || sd < 0.9 || sd > 1.1 {
		t.Errorf("normal %v ± %v, %v; want 28 ± 1", rise, sd, ok)
	}
}

func TestANormalIsKnownAfterSixHours(t *testing.T) {
	t.Parallel()
	var l normal.Learner
	usual := func(at time.Time) rack.State { return shelf(at, 22, 50) }
	at := watch(&l, begin, 6*time.Hour-2*time.Minute, usual)
	if _, _, ok := l.Normal(soc); ok {
		t.Error("known before six hours")
	}
	watch(&l, at, 20*time.Minute, usual)
	if rise, _, ok := l.Normal(soc); !ok || rise != 28 {
		t.Errorf("normal %v, %v after six hours, want 28", rise, ok)
	}
}

func TestANormalFollowsAChangeThatStaysWithinDays(t *testing.T) {
	t.Parallel()
	var l normal.Learner
	at := watch(&l, begin, 240*time.Hour, func(at time.Time) rack.State { return shelf(at, 22, 50) })
	watch(&l, at, normal.Memory, func(at time.Time) rack.State { return shelf(at, 22, 60) })
	if rise, _, _ := l.Normal(soc); math.Abs(rise-38+10/math.E) > 0.1 {
		t.Errorf("normal %v after one time constant of 10 K more, want %.1f", rise, 38-10/math.E)
	}
}

func TestNothingIsLearnedOfWhatIsNotNormal(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*rack.State){
		"no inlet":          func(s *rack.State) { s.Figures.Inlet = rack.Figure{Why: "2 of 2 inlets missing"} },
		"a fan too slow":    func(s *rack.State) { s.Fans[0].V = 39 },
		"a fan not heard":   func(s *rack.State) { s.Fans[0].State = rack.Stale },
		"a stale processor": func(s *rack.State) { s.Slots[0].SoC.State = rack.Stale },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var l normal.Learner
			at := watch(&l, begin, 24*time.Hour, func(at time.Time) rack.State { return shelf(at, 22, 50) })
			before := l.Saved()
			watch(&l, at, 24*time.Hour, func(at time.Time) rack.State {
				s := shelf(at, 22, 70)
				spoil(&s)
				return s
			})
			if diff := cmp.Diff(before, l.Saved()); diff != "" {
				t.Errorf("-before +after\n%s", diff)
			}
		})
	}
}

func TestAPauseAndASetClockCountAsLittle(t *testing.T) {
	t.Parallel()
	var l normal.Learner
	for _, at := range []time.Time{begin, begin.Add(1000 * time.Hour), begin.Add(-1000 * time.Hour), begin.Add(-1000 * time.Hour)} {
		l.Learn(shelf(at, 22, 50))
	}
	if seen := l.Saved()[soc].Seen.Round(time.Second); seen != 2*time.Minute {
		t.Errorf("seen for %v, want two minutes", seen)
	}
}

func TestWhatIsSavedIsResumedAndWhatIsGoneIsForgotten(t *testing.T) {
	t.Parallel()
	var l, again normal.Learner
	at := watch(&l, begin, 8*time.Hour, func(at time.Time) rack.State { return shelf(at, 22, 50) })
	again.Resume(l.Saved())
	if rise, _, ok := again.Normal(soc); !ok || rise != 28 {
		t.Errorf("normal %v, %v after a restart, want 28", rise, ok)
	}
	again.Forget(at)
	if left := again.Saved(); len(left) != 0 {
		t.Errorf("%d sensors are not forgotten", len(left))
	}
}

// room is a shelf that stays as it is.
type room struct{}

func (room) Layout() *layout.Layout {
	return &layout.Layout{Shelves: []layout.Shelf{{Site: "hex", Rack: "a1", Name: "s3"}, {Site: "hex", Rack: "a1", Name: "s4"}}}
}

func (room) State(_ context.Context, id string, _ time.Time) (rack.State, error) {
	if id != "hex/a1/s3" {
		return rack.State{}, rack.ErrNoShelf
	}
	return shelf(time.Now(), 22, 50), nil
}

func TestRunLooksEachMinuteAndWritesDownWhatItKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l normal.Learner
		var kept []int
		troubled := false
		full := errors.New("no space left on device")
		var failed error
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour+time.Second)
		defer cancel()
		err := l.Run(ctx, normal.Options{
			Racks: room{}, Clock: clock.Clock{},
			Troubled: func(string) bool { troubled = !troubled; return troubled && len(kept) > 2 },
			Keep: func(memos map[string]normal.Memo) error {
				kept = append(kept, int(memos[soc].Seen.Round(time.Minute).Minutes()))
				return map[bool]error{true: full}[len(kept) == 2]
			},
			Failed: func(err error) { failed = err },
		})
		if diff := cmp.Diff(kept[:2], []int{30, 60}); diff != "" || len(kept) != 5 || err != nil || !errors.Is(failed, full) {
			t.Errorf("kept %v, ended with %v, told of %v", kept, err, failed)
		}
		if last := kept[4]; last >= 119 {
			t.Errorf("learned for %d minutes of two hours that were troubled in part", last)
		}
	})
}
