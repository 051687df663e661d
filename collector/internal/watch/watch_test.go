package watch_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/alerts"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/watch"
)

const (
	pi1  = wire.Node("b827eb000001")
	text = `version: 1
sites: {hex: {racks: {a1: {shelves: {s3: {
  columns: 2, depth: 1, nodes: {1: b827eb000001}, limits: {hot: 45, soc: 75, critical: 48},
  probes: [
    {name: c1, sensor: "urn:dev:ow:28c1000000000000", x: 0.5, y: 0, face: cold},
    {name: h1, sensor: "urn:dev:ow:28a1000000000000", x: 0.2, y: 1, face: hot, offset: -0.5},
    {name: h2, sensor: "urn:dev:ow:28a2000000000000", x: 0.8, y: 1, face: hot}],
  fans: [
    {name: left, speed: "urn:dev:mac:b827ebfffe000001_fan1:speed", healthy: 40},
    {name: right, speed: "urn:dev:mac:b827ebfffe000001_fan2:speed", healthy: 40}]}}}}}}
`
)

// A shift is a shelf that is watched, and what was told of it.
type shift struct {
	watch *watch.Watch
	told  []string
	all   []watch.Change

	settled []string // alert and severity of what was told to have ended before we knew of it
	start   time.Time
}

func begin(t *testing.T) *shift {
	t.Helper()
	l, err := layout.Parse("layout.yaml", []byte(text), fstest.MapFS{})
	if err != nil {
		t.Fatal(err)
	}
	s := &shift{start: time.Unix(1.8e9, 0)}
	s.watch = watch.New(watch.Options{
		Places: rack.New(rack.Options{Layout: l, Stale: time.Minute}),
		Rules:  alerts.DefaultRules(),
		Late:   2 * time.Minute,
		OnChange: func(c watch.Change) {
			if c.Event == watch.Settled {
				s.settled = append(s.settled, c.Alert+" "+c.Severity)
				return
			}
			s.all = append(s.all, c)
			s.told = append(s.told, fmt.Sprintf("%v %s %s %s", c.At.Sub(s.start), c.Event, c.Alert, c.Severity))
		},
	})
	return s
}

// at reports one value, so many seconds into the shift.
func (s *shift) at(second int, device, quantity string, v float64) {
	s.late(second, second, device, quantity, v)
}

func (s *shift) late(second, received int, device, quantity string, v float64) {
	s.watch.Observe(ingest.Batch{
		Site: "hex", Node: pi1, Received: s.start.Add(time.Duration(received) * time.Second),
		Readings: []wire.Reading{{Device: device, Quantity: quantity, Value: v, Time: s.start.Add(time.Duration(second) * time.Second)}},
	})
}

func (s *shift) want(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(s.told, want); diff != "" {
		t.Errorf("told -got +want\n%s", diff)
	}
}

func TestAHotSoCPagesOnceAfterItsTimeAndResolvesAtItsClearLevel(t *testing.T) {
	s := begin(t)
	for second := 0; second <= 300; second += 10 {
		s.at(second, pi1.Device("soc"), "temperature", 76)
	}
	s.at(310, pi1.Device("soc"), "temperature", 74)
	s.at(320, pi1.Device("soc"), "temperature", 73)
	s.want(t, "1m0s fired SocTemperature warning", "5m20s resolved SocTemperature warning")
	if got := s.watch.Active(); len(got) != 0 {
		t.Errorf("active = %v after it has resolved", got)
	}
}

func TestAnAlertIsPendingBeforeItFiresAndKeepsItsID(t *testing.T) {
	s := begin(t)
	s.at(0, pi1.Device("soc"), "temperature", 76)
	pending := s.watch.Active()
	s.at(60, pi1.Device("soc"), "temperature", 77)
	firing := s.watch.Active()
	if len(pending) != 1 || pending[0].State != "pending" || len(firing) != 1 || firing[0].State != "firing" {
		t.Fatalf("pending %v, firing %v", pending, firing)
	}
	a := firing[0]
	if a.ID != pending[0].ID || !a.Since.Equal(s.start) || a.Slot != 1 || a.Value != 77 ||
		a.Summary != "hex/a1/s3 slot 1: SoC at 77.0 °C, limit 75 °C" {
		t.Errorf("got %+v", a)
	}
}

func TestAlertsAreCountedBySeverityAndState(t *testing.T) {
	s := begin(t)
	registry := prometheus.NewPedanticRegistry()
	s.watch.Register(registry)
	counted := func() string {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		var text []string
		for _, m := range families[0].GetMetric() {
			text = append(text, fmt.Sprintf("%s %s %v", m.Label[0].GetValue(), m.Label[1].GetValue(), m.GetGauge().GetValue()))
		}
		return strings.Join(text, ", ")
	}
	s.at(0, pi1.Device("soc"), "temperature", 76)
	if got, want := counted(), "critical firing 0, critical pending 0, warning firing 0, warning pending 1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	s.at(60, pi1.Device("soc"), "temperature", 77)
	if got, want := counted(), "critical firing 0, critical pending 0, warning firing 1, warning pending 0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestProbesAreHeldAgainstTheLimitOfTheirFaceWithTheirOffset(t *testing.T) {
	s := begin(t)
	for second := 0; second <= 60; second += 20 {
		s.at(second, "urn:dev:ow:28c1000000000000", "temperature", 33)   // limit 32
		s.at(second, "urn:dev:ow:28a1000000000000", "temperature", 45.4) // 44.9 by its offset
		s.at(second, "urn:dev:ow:28a2000000000000", "temperature", 45.4)
	}
	s.want(t, "1m0s fired InletTemperature warning", "1m0s fired HotTemperature warning")
}

func TestFusedHotAirBeyondCriticalIsCritical(t *testing.T) {
	s := begin(t)
	for second := 0; second <= 60; second += 20 {
		s.at(second, "urn:dev:ow:28a1000000000000", "temperature", 51.5)
		s.at(second+1, "urn:dev:ow:28a2000000000000", "temperature", 46)
	}
	got := s.watch.Active()
	if len(got) != 3 || got[0].Severity != "critical" || got[0].Value != 48.5 || got[0].Probe != "" {
		t.Errorf("active = %+v, want 48.5 °C on average, critical, first", got)
	}
}

func TestOneDeadFanDegradesAndBothFail(t *testing.T) {
	s := begin(t)
	left, right := pi1.Device("fan1"), pi1.Device("fan2")
	speeds := func(second int, l, r float64) {
		at := s.start.Add(time.Duration(second) * time.Second)
		s.watch.Observe(ingest.Batch{Site: "hex", Node: pi1, Received: at, Readings: []wire.Reading{
			{Device: left, Quantity: "speed", Value: l, Time: at}, {Device: right, Quantity: "speed", Value: r, Time: at}}})
	}
	speeds(0, 50, 50)
	for second := 10; second <= 30; second += 10 {
		speeds(second, 0, 50)
	}
	for second := 40; second <= 120; second += 10 {
		speeds(second, 0, 0)
	}
	if a := s.watch.Active(); len(a) != 1 || !slices.Equal(a[0].FanNames(), []string{"left", "right"}) ||
		a[0].Summary != "hex/a1/s3: 2 of 2 fans failed (left at 0.0 1/s, right at 0.0 1/s)" {
		t.Errorf("active = %+v", a)
	}
	if got, want := s.all[len(s.all)-1].Summary, "hex/a1/s3: 2 of 2 fans failed (left at 0.0 1/s, right at 0.0 1/s)"; got != want {
		t.Errorf("last told %q, want %q", got, want)
	}
	for second := 130; second <= 150; second += 10 {
		speeds(second, 50, 50)
	}
	if got, want := s.all[len(s.all)-1].Summary, "hex/a1/s3: all 2 fans turn again"; got != want {
		t.Errorf("last told %q, want %q", got, want)
	}
	s.want(t,
		"30s fired FanDegraded warning",
		"1m0s resolved FanDegraded warning", "1m0s fired FanFailed critical",
		"2m0s updated FanFailed critical",
		"2m10s resolved FanFailed critical",
	)
}

func TestAVerdictThatGetsWorseIsNoAllClear(t *testing.T) {
	s := begin(t)
	for second := 0; second <= 20; second += 10 {
		s.at(second, pi1.Device("fan1"), "speed", 0)
	}
	for second := 30; second <= 60; second += 10 {
		s.at(second, pi1.Device("fan2"), "speed", 0)
	}
	var ended string
	for _, told := range s.all {
		if told.Event == watch.Resolved {
			ended = told.Summary
		}
	}
	if want := "hex/a1/s3: FanDegraded has become FanFailed"; ended != want {
		t.Errorf("resolved with %q, want %q", ended, want)
	}
}

func TestWhatFiredBeforeARestartIsSettledOnceByItsFirstHealthySample(t *testing.T) {
	s := begin(t)
	s.at(0, pi1.Device("soc"), "temperature", 74) // below the limit of 75, above its clear level
	s.at(10, pi1.Device("soc"), "temperature", 60)
	s.at(20, pi1.Device("soc"), "temperature", 60)
	if diff := cmp.Diff(s.settled, []string{"SocTemperature warning"}); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
}

func TestFansThatAreStillDeadAfterARestartAreNotSettled(t *testing.T) {
	s := begin(t)
	for second := 0; second <= 60; second += 10 {
		at := s.start.Add(time.Duration(second) * time.Second)
		s.watch.Observe(ingest.Batch{Site: "hex", Node: pi1, Received: at, Readings: []wire.Reading{
			{Device: pi1.Device("fan1"), Quantity: "speed", Time: at}, {Device: pi1.Device("fan2"), Quantity: "speed", Time: at}}})
	}
	s.want(t, "20s fired FanFailed critical")
	if diff := cmp.Diff(s.settled, []string{"FanDegraded warning"}); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
}

func TestTheMeanOfHotAirIsTakenOfOneMessageAsAWhole(t *testing.T) {
	s := begin(t)
	together := func(second int, h1, h2 float64) {
		at := s.start.Add(time.Duration(second) * time.Second)
		s.watch.Observe(ingest.Batch{Site: "hex", Node: pi1, Received: at, Readings: []wire.Reading{
			{Device: "urn:dev:ow:28a1000000000000", Quantity: "temperature", Value: h1, Time: at},
			{Device: "urn:dev:ow:28a2000000000000", Quantity: "temperature", Value: h2, Time: at}}})
	}
	for second := 0; second <= 120; second += 10 {
		together(second, 52, 40) // one side beyond 48, the mean at 45.75
	}
	s.want(t, "1m0s fired HotTemperature warning")
	for second := 130; second <= 190; second += 10 {
		together(second, 52, 52)
	}
	s.want(t, "1m0s fired HotTemperature warning", "3m10s fired HotTemperature warning", "3m10s fired HotTemperature critical")
}

func TestALateSpeedIsNotShownForANewerOne(t *testing.T) {
	s := begin(t)
	for second := 0; second <= 30; second += 10 {
		s.at(second, pi1.Device("fan1"), "speed", 0)
	}
	s.late(5, 31, pi1.Device("fan1"), "speed", 55)
	s.at(40, pi1.Device("fan2"), "speed", 50)
	if got, want := s.watch.Active()[0].Summary, "hex/a1/s3: 1 of 2 fans failed (left at 0.0 1/s)"; got != want {
		t.Errorf("summary %q, want %q", got, want)
	}
}

func TestBackfilledReadingsNeverPage(t *testing.T) {
	s := begin(t)
	for second := 0; second <= 600; second += 10 {
		s.late(second, 3600, pi1.Device("soc"), "temperature", 90)
	}
	s.want(t)
}

func TestAMessageDeliveredTwiceIsToldOnce(t *testing.T) {
	s := begin(t)
	for range 2 {
		s.at(0, pi1.Device("soc"), "temperature", 90)
		s.at(70, pi1.Device("soc"), "temperature", 90)
	}
	s.want(t, "1m10s fired SocTemperature warning")
}

func TestWatchersHearOfAChangeAndOnlyOfAChange(t *testing.T) {
	s := begin(t)
	changed, cancel := s.watch.Watch()
	heard := func() bool {
		select {
		case <-changed:
			return true
		default:
			return false
		}
	}
	s.at(0, pi1.Device("soc"), "temperature", 50)
	if heard() {
		t.Error("told of a healthy reading")
	}
	s.at(10, pi1.Device("soc"), "temperature", 90)
	if !heard() {
		t.Error("not told of a pending alert")
	}
	cancel()
	s.at(20, pi1.Device("soc"), "temperature", 50)
	if heard() {
		t.Error("told after cancel")
	}
}

func TestPageNamesThePlaceAndEndsWhenResolved(t *testing.T) {
	wall := time.Unix(1.9e9, 0)
	c := watch.Change{Event: watch.Fired, Active: watch.Active{
		Alert: "SocTemperature", Severity: "warning", Site: "hex", Rack: "a1", Shelf: "s3", Slot: 17, Summary: "hot"}}
	got := watch.Page(c, wall)
	want := map[string]string{"alertname": "SocTemperature", "severity": "warning", "site": "hex", "rack": "a1", "shelf": "s3", "slot": "17"}
	if diff := cmp.Diff(got.Labels, want); diff != "" || !got.StartsAt.Equal(wall) || !got.EndsAt.IsZero() {
		t.Errorf("got %+v\n%s", got, diff)
	}
	c.Event = watch.Resolved
	if got := watch.Page(c, wall); !got.EndsAt.Equal(wall) {
		t.Errorf("resolved: %+v", got)
	}
}
