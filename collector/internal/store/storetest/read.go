package storetest

import (
	"errors"
	"testing"
	"time"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
)

func readChecks() []check {
	return []check{
		{"a range includes from and excludes to", rangeBounds},
		{"a range between two milliseconds holds neither", rangeBelowMillisecond},
		{"a range without points is empty, not unknown", rangeEmpty},
		{"a name that was never stored is ErrNoSeries", rangeUnknown},
		{"milliseconds are kept and what is finer is cut", milliseconds},
		{"two nodes that read one sensor are one name", twoNodes},
		{"latest sees the newest point within the lookback", latestLookback},
		{"latest does not see the future", latestFuture},
		{"latest takes the newest of all nodes", latestTwoNodes},
		{"counts of faults are stored by reason and are no latest value", faults},
		{"an unknown quantity keeps its name and unit", unknownQuantity},
		{"series are listed once, in order, as they were stored", seriesList},
		{"an empty store has no series", emptyStore},
	}
}

func rangeBounds(t *testing.T, f fixture) {
	f.append(t, at(inlet(), 0, 20), at(inlet(), time.Minute, 21), at(inlet(), 2*time.Minute, 22))
	f.ranges(t, inletName, span{0, 2 * time.Minute}, point(0, 20), point(time.Minute, 21))
	f.ranges(t, inletName, span{time.Millisecond, 2*time.Minute + time.Millisecond}, point(time.Minute, 21), point(2*time.Minute, 22))
}

func rangeBelowMillisecond(t *testing.T, f fixture) {
	f.append(t, at(inlet(), 0, 20), at(inlet(), time.Millisecond, 21))
	f.ranges(t, inletName, span{time.Microsecond, time.Millisecond})
	f.ranges(t, inletName, span{0, time.Microsecond}, point(0, 20))
}

func rangeEmpty(t *testing.T, f fixture) {
	f.append(t, at(inlet(), 0, 20))
	for _, s := range []span{{time.Hour, 2 * time.Hour}, {-48 * time.Hour, -47 * time.Hour}, {0, 0}, {time.Hour, 0}} {
		f.ranges(t, inletName, s)
	}
}

func rangeUnknown(t *testing.T, f fixture) {
	f.append(t, at(inlet(), 0, 20))
	for _, name := range []string{probe + ":humidity", probe + ":other", "urn:dev:ow:28:temperature", "temperature", ""} {
		if _, err := f.Range(t.Context(), name, noon, noon.Add(time.Hour)); !errors.Is(err, store.ErrNoSeries) {
			t.Errorf("Range(%q): err = %v, want ErrNoSeries", name, err)
		}
	}
}

func milliseconds(t *testing.T, f fixture) {
	f.append(t, at(inlet(), 7*time.Millisecond, 20), at(inlet(), 8*time.Millisecond+900*time.Microsecond, 21))
	f.holds(t, inletName, point(7*time.Millisecond, 20), point(8*time.Millisecond, 21))
}

func twoNodes(t *testing.T, f fixture) {
	first, second := inlet(), inlet()
	second.Node = nodeB
	f.append(t,
		at(second, 0, 19), at(second, 2*time.Minute, 22),
		at(first, 0, 20), at(first, time.Minute, 21))
	f.holds(t, inletName, point(0, 20), point(time.Minute, 21), point(2*time.Minute, 22))
}

func latestLookback(t *testing.T, f fixture) {
	f.append(t,
		at(inlet(), -time.Minute, 20), at(inlet(), -30*time.Second, 21),
		at(soc(nodeA), -5*time.Minute, 55), at(soc(nodeB), 0, 60))
	f.latest(t, 0, 5*time.Minute, map[string]store.Point{
		inletName:         point(-30*time.Second, 21),
		soc(nodeB).Name(): point(0, 60),
	})
	f.latest(t, 0, 5*time.Minute+time.Millisecond, map[string]store.Point{
		inletName:         point(-30*time.Second, 21),
		soc(nodeA).Name(): point(-5*time.Minute, 55),
		soc(nodeB).Name(): point(0, 60),
	})
}

func latestFuture(t *testing.T, f fixture) {
	f.append(t, at(inlet(), 0, 20), at(inlet(), time.Millisecond, 21), at(soc(nodeA), time.Hour, 55))
	f.latest(t, 0, time.Hour, map[string]store.Point{inletName: point(0, 20)})
	f.latest(t, -time.Second, time.Hour, nil)
}

func latestTwoNodes(t *testing.T, f fixture) {
	old, now := inlet(), inlet()
	now.Node = nodeB
	f.append(t, at(old, -time.Minute, 20), at(now, -time.Second, 25))
	f.latest(t, 0, time.Hour, map[string]store.Point{inletName: point(-time.Second, 25)})
	f.latest(t, -time.Second-time.Millisecond, time.Hour, map[string]store.Point{inletName: point(-time.Minute, 20)})
}

// faultCount returns the series that counts one kind of fault of the probe.
func faultCount(reason string) store.Series {
	return store.Series{Site: "hex", Node: nodeA, Device: probe, Quantity: wire.QuantityFaults, Reason: reason}
}

func faults(t *testing.T, f fixture) {
	f.append(t,
		at(faultCount(wire.FaultCRC), 0, 1), at(faultCount(wire.FaultPowerOn), time.Second, 1),
		at(faultCount(wire.FaultCRC), time.Minute, 2))
	f.holds(t, probe+":faults", point(0, 1), point(time.Second, 1), point(time.Minute, 2))
	f.latest(t, time.Hour, 2*time.Hour, nil)
}

func unknownQuantity(t *testing.T, f fixture) {
	vibration := inlet()
	vibration.Quantity, vibration.Unit = "vibration", "m/s2"
	plain := vibration
	plain.Unit = ""
	f.append(t, at(vibration, 0, 0.5), at(plain, time.Second, 3))
	f.holds(t, probe+":vibration", point(0, 0.5), point(time.Second, 3))
	f.latest(t, time.Minute, time.Hour, map[string]store.Point{probe + ":vibration": point(time.Second, 3)})
}

func seriesList(t *testing.T, f fixture) {
	elsewhere, handedOver := inlet(), inlet()
	elsewhere.Site, handedOver.Node = "ams", nodeB
	odd := inlet()
	odd.Quantity, odd.Unit = "vibration", "m/s2"
	throttled := store.Series{Site: "hex", Node: nodeA, Device: nodeA.Device("soc"), Quantity: wire.QuantityThrottled}
	fan := store.Series{Node: nodeA, Device: nodeA.Device("fan1"), Quantity: wire.QuantitySpeed, Unit: "1/s"}
	want := []store.Series{
		fan, soc(nodeA), throttled,
		faultCount(wire.FaultCRC), faultCount(wire.FaultStuck),
		elsewhere, inlet(), handedOver, odd,
	}
	for i := range want { // from the last to the first, and then all of them again
		f.append(t, at(want[len(want)-1-i], 0, 1))
	}
	for _, s := range want {
		f.append(t, at(s, time.Second, 2))
	}
	got, err := f.Series(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	same(t, "series", got, want)
}

func emptyStore(t *testing.T, f fixture) {
	got, err := f.Series(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	same(t, "series", got, []store.Series(nil))
	f.latest(t, 0, time.Hour, nil)
	if _, err := f.Range(t.Context(), inletName, noon, noon.Add(time.Hour)); !errors.Is(err, store.ErrNoSeries) {
		t.Errorf("err = %v, want ErrNoSeries", err)
	}
}
