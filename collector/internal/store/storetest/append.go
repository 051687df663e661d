package storetest

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"sync"
	"testing"
	"time"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
)

func orderChecks() []check {
	return []check{
		{"samples of one call may come in any order", anyOrder},
		{"the first call may go back in time by more than the window", firstCall},
		{"a sample older than the newest of its series is found", outOfOrder},
		{"a series that begins before all that is stored is found", oldNewSeries},
		{"a day of backlog arrives beside the present", backlog},
		{"the same samples again change nothing", redelivery},
		{"the same out-of-order samples again change nothing", lateRedelivery},
		{"a sample twice in one call is stored once", twiceInOneCall},
	}
}

func refusalChecks() []check {
	return []check{
		{"another value at the same instant is refused and the first kept", conflict},
		{"a conflict with an out-of-order sample is refused as well", lateConflict},
		{"a conflict within one call is refused", conflictInOneCall},
		{"only what is stored conflicts, not what was refused before in the call", conflictBesideTheSame},
		{"the same instant on another node is no conflict", noConflict},
		{"a sample older than the window is refused, its neighbours are kept", past},
		{"a refused sample leaves no series behind", pastSeries},
		{"an old sample that is stored is no refusal when it comes again", pastRedelivery},
	}
}

func callChecks() []check {
	return []check{
		{"no samples are no error", noSamples},
		{"a bad sample is an error and nothing of the call is stored", badSample},
		{"a cancelled context stops every call", cancelled},
		{"concurrent calls lose nothing", concurrent},
		{"a closed store says so", closed},
	}
}

func anyOrder(t *testing.T, f fixture) {
	f.append(t, at(inlet(), time.Minute, 21), at(soc(nodeA), 0, 55), at(inlet(), 0, 20), at(inlet(), 30*time.Second, 20.5))
	f.holds(t, inletName, point(0, 20), point(30*time.Second, 20.5), point(time.Minute, 21))
	f.holds(t, soc(nodeA).Name(), point(0, 55))
}

func firstCall(t *testing.T, f fixture) {
	f.append(t, at(inlet(), 0, 20), at(soc(nodeA), -2*store.OutOfOrder, 50))
	f.holds(t, inletName, point(0, 20))
	f.holds(t, soc(nodeA).Name(), point(-2*store.OutOfOrder, 50))
}

func outOfOrder(t *testing.T, f fixture) {
	f.append(t, at(inlet(), 0, 20))
	for _, back := range []time.Duration{time.Second, time.Hour, 30 * time.Hour, store.OutOfOrder} {
		f.append(t, at(inlet(), -back, 19))
	}
	f.holds(t, inletName,
		point(-store.OutOfOrder, 19), point(-30*time.Hour, 19), point(-time.Hour, 19), point(-time.Second, 19), point(0, 20))
	f.latest(t, -time.Minute, 2*time.Hour, map[string]store.Point{inletName: point(-time.Hour, 19)})
}

func oldNewSeries(t *testing.T, f fixture) {
	f.append(t, at(inlet(), 0, 20))
	f.append(t, at(soc(nodeA), -50*time.Hour, 50))
	f.append(t, at(soc(nodeA), -40*time.Hour, 51), at(soc(nodeA), -45*time.Hour, 50.5))
	f.holds(t, soc(nodeA).Name(), point(-50*time.Hour, 50), point(-45*time.Hour, 50.5), point(-40*time.Hour, 51))
}

func backlog(t *testing.T, f fixture) {
	const step, packs = 30 * time.Minute, 48
	start := -packs * step
	var want []store.Point
	for i := range packs {
		after := start + time.Duration(i)*step
		f.append(t, at(inlet(), after, float64(i)), at(soc(nodeA), time.Duration(i)*time.Second, 55))
		want = append(want, point(after, float64(i)))
	}
	f.holds(t, inletName, want...)
}

func redelivery(t *testing.T, f fixture) {
	samples := []store.Sample{at(inlet(), 0, 20), at(inlet(), time.Second, 21), at(soc(nodeA), 0, 55)}
	for range 3 {
		f.append(t, samples...)
	}
	f.append(t, samples[0])
	f.holds(t, inletName, point(0, 20), point(time.Second, 21))
}

func lateRedelivery(t *testing.T, f fixture) {
	f.append(t, at(inlet(), 0, 20))
	late := []store.Sample{at(inlet(), -time.Hour, 18), at(inlet(), -3*time.Hour, 17)}
	for range 3 {
		f.append(t, late...)
	}
	f.holds(t, inletName, point(-3*time.Hour, 17), point(-time.Hour, 18), point(0, 20))
}

func twiceInOneCall(t *testing.T, f fixture) {
	f.append(t, at(inlet(), 0, 20), at(inlet(), 0, 20), at(inlet(), -time.Second, 19), at(inlet(), -time.Second, 19))
	f.holds(t, inletName, point(-time.Second, 19), point(0, 20))
}

func conflict(t *testing.T, f fixture) {
	f.append(t, at(inlet(), 0, 20), at(inlet(), time.Second, 21))
	f.refuses(t, []store.Refusal{{Index: 1, Reason: store.RefusedConflict}, {Index: 2, Reason: store.RefusedConflict}},
		at(soc(nodeA), time.Second, 55), at(inlet(), time.Second, 99), at(inlet(), 0, 98), at(inlet(), 2*time.Second, 22))
	f.holds(t, inletName, point(0, 20), point(time.Second, 21), point(2*time.Second, 22))
	f.holds(t, soc(nodeA).Name(), point(time.Second, 55))
}

func lateConflict(t *testing.T, f fixture) {
	f.append(t, at(inlet(), 0, 20))
	for i := range 40 { // so many that they are not all kept in one place
		f.append(t, at(inlet(), time.Duration(i-100)*time.Minute, float64(i)))
	}
	f.refuses(t, []store.Refusal{{Index: 0, Reason: store.RefusedConflict}, {Index: 1, Reason: store.RefusedConflict}},
		at(inlet(), -100*time.Minute, 70), at(inlet(), -61*time.Minute, 71), at(inlet(), -80*time.Minute, 20))
	f.ranges(t, inletName, span{-100 * time.Minute, -99 * time.Minute}, point(-100*time.Minute, 0))
	f.ranges(t, inletName, span{-61 * time.Minute, -60 * time.Minute}, point(-61*time.Minute, 39))
}

func conflictBesideTheSame(t *testing.T, f fixture) {
	f.append(t, at(inlet(), 0, 20))
	f.refuses(t, []store.Refusal{{Index: 0, Reason: store.RefusedConflict}}, at(inlet(), 0, 21), at(inlet(), 0, 20))
	const tooOld = -store.OutOfOrder - time.Hour
	f.refuses(t, []store.Refusal{{Index: 0, Reason: store.RefusedPast}, {Index: 1, Reason: store.RefusedPast}},
		at(inlet(), tooOld, 21), at(inlet(), tooOld, 22))
}

func conflictInOneCall(t *testing.T, f fixture) {
	f.refuses(t, []store.Refusal{{Index: 1, Reason: store.RefusedConflict}},
		at(inlet(), 0, 20), at(inlet(), 0, 21), at(inlet(), time.Second, 22))
	f.holds(t, inletName, point(0, 20), point(time.Second, 22))
}

func noConflict(t *testing.T, f fixture) {
	other := inlet()
	other.Node = nodeB
	f.append(t, at(inlet(), 0, 20), at(other, 0, 25))
	f.append(t, at(faultCount(wire.FaultCRC), 0, 1), at(faultCount(wire.FaultJump), 0, 2))
	f.holds(t, inletName, point(0, 20))
}

func past(t *testing.T, f fixture) {
	const tooOld = -store.OutOfOrder - time.Millisecond
	f.append(t, at(inlet(), 0, 20))
	f.refuses(t, []store.Refusal{{Index: 1, Reason: store.RefusedPast}},
		at(soc(nodeA), 0, 55), at(inlet(), tooOld, 19), at(inlet(), time.Second, 21), at(inlet(), -time.Hour, 18))
	f.holds(t, inletName, point(-time.Hour, 18), point(0, 20), point(time.Second, 21))
	f.holds(t, soc(nodeA).Name(), point(0, 55))
}

func pastSeries(t *testing.T, f fixture) {
	f.append(t, at(inlet(), 0, 20))
	f.refuses(t, []store.Refusal{{Index: 0, Reason: store.RefusedPast}}, at(soc(nodeA), -1000*time.Hour, 55))
	if _, err := f.Range(t.Context(), soc(nodeA).Name(), noon, noon.Add(time.Hour)); !errors.Is(err, store.ErrNoSeries) {
		t.Errorf("err = %v, want ErrNoSeries", err)
	}
	got, err := f.Series(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	same(t, "series", got, []store.Series{inlet()})
}

func pastRedelivery(t *testing.T, f fixture) {
	f.append(t, at(inlet(), 0, 20))
	f.append(t, at(inlet(), store.OutOfOrder+time.Hour, 21))
	f.append(t, at(inlet(), 0, 20))
	f.refuses(t, []store.Refusal{{Index: 0, Reason: store.RefusedConflict}}, at(inlet(), 0, 20.5))
	f.holds(t, inletName, point(0, 20), point(store.OutOfOrder+time.Hour, 21))
}

func noSamples(t *testing.T, f fixture) {
	f.append(t)
}

func badSample(t *testing.T, f fixture) {
	noUnit, noDevice, colon := inlet(), inlet(), inlet()
	noUnit.Unit, noDevice.Device, colon.Quantity = "", "", "a:b"
	reason := inlet()
	reason.Reason = wire.FaultCRC
	for _, bad := range []store.Sample{
		at(inlet(), 0, math.NaN()), at(inlet(), 0, math.Inf(1)),
		at(noUnit, 0, 1), at(noDevice, 0, 1), at(colon, 0, 1), at(reason, 0, 1),
		{Series: inlet(), Point: store.Point{Value: 1}},
	} {
		if _, err := f.Append(t.Context(), []store.Sample{at(inlet(), 0, 20), bad}); !errors.Is(err, store.ErrSample) {
			t.Errorf("Append(%v): err = %v, want ErrSample", bad, err)
		}
	}
	if _, err := f.Range(t.Context(), inletName, noon, noon.Add(time.Hour)); !errors.Is(err, store.ErrNoSeries) {
		t.Errorf("err = %v, want ErrNoSeries: nothing is stored", err)
	}
}

func cancelled(t *testing.T, f fixture) {
	f.append(t, at(inlet(), 0, 20))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, appendErr := f.Append(ctx, []store.Sample{at(inlet(), time.Second, 21)})
	_, rangeErr := f.Range(ctx, inletName, noon, noon.Add(time.Hour))
	_, latestErr := f.Latest(ctx, noon, time.Hour)
	_, seriesErr := f.Series(ctx)
	for call, err := range map[string]error{"Append": appendErr, "Range": rangeErr, "Latest": latestErr, "Series": seriesErr} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: err = %v, want context.Canceled", call, err)
		}
	}
	f.holds(t, inletName, point(0, 20))
}

// concurrent lets four writers append what is partly the same, each out of
// order with the others, while the store is read.
func concurrent(t *testing.T, f fixture) {
	const writers, calls = 4, 8
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range calls {
				own := soc(wire.Node("b827eb00001" + string(rune('0'+w))))
				after := time.Duration((i*7+w*3)%calls) * time.Second
				_, err := f.Append(t.Context(), []store.Sample{at(inlet(), after, after.Seconds()), at(own, after, 50)})
				if err != nil {
					t.Errorf("Append: %v", err)
				}
				if _, err := f.Latest(t.Context(), noon.Add(time.Hour), 2*time.Hour); err != nil {
					t.Errorf("Latest: %v", err)
				}
			}
		})
	}
	wg.Wait()
	var want []store.Point
	for i := range calls {
		want = append(want, point(time.Duration(i)*time.Second, float64(i)))
	}
	f.holds(t, inletName, want...)
	for w := range writers {
		got, err := f.Range(t.Context(), soc(wire.Node("b827eb00001"+string(rune('0'+w)))).Name(), noon, noon.Add(time.Hour))
		if err != nil || len(got) != calls {
			t.Errorf("writer %d: %d points, %v, want %d", w, len(got), err, calls)
		}
	}
}

func closed(t *testing.T, f fixture) {
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	_, appendErr := f.Append(t.Context(), []store.Sample{at(inlet(), 0, 20)})
	_, rangeErr := f.Range(t.Context(), inletName, noon, noon.Add(time.Hour))
	_, latestErr := f.Latest(t.Context(), noon, time.Hour)
	_, seriesErr := f.Series(t.Context())
	for call, err := range map[string]error{"Append": appendErr, "Range": rangeErr, "Latest": latestErr, "Series": seriesErr} {
		if !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s: err = %v, want fs.ErrClosed", call, err)
		}
	}
}
