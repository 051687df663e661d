package tsdb_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
	"thermarack/collector/internal/store/storetest"
	"thermarack/collector/internal/store/tsdb"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store {
		return open(t, tsdb.Options{Dir: t.TempDir(), MinFree: 1})
	})
}

// open opens a store and closes it with the test.
func open(t testing.TB, o tsdb.Options) *tsdb.Store {
	t.Helper()
	s, err := tsdb.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(t, s) })
	return s
}

func shut(t testing.TB, s *tsdb.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// inlet is a series of which the tests here store samples.
func inlet() store.Series {
	return store.Series{Site: "hex", Node: "b827eb000001", Device: "urn:dev:ow:28f6fb1e0d0000c5", Quantity: wire.QuantityTemperature, Unit: "Cel"}
}

// hours stores one sample an hour, in order or not, and returns all points that
// the store then has of it, in order.
func hours(t *testing.T, s *tsdb.Store, hours ...int) {
	t.Helper()
	for _, h := range hours {
		sample := store.Sample{Series: inlet(), Point: hour(h)}
		if refused, err := s.Append(t.Context(), []store.Sample{sample}); err != nil || refused != nil {
			t.Fatalf("Append at %d h: %v, %v", h, refused, err)
		}
	}
}

func hour(h int) store.Point {
	return store.Point{Time: noon.Add(time.Duration(h) * time.Hour), Value: float64(h)}
}

// hasHours compares all points of inlet.
func hasHours(t *testing.T, s *tsdb.Store, hours ...int) {
	t.Helper()
	var want []store.Point
	for _, h := range hours {
		want = append(want, hour(h))
	}
	got, err := s.Range(t.Context(), inlet().Name(), noon.Add(-10000*time.Hour), noon.Add(10000*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("points (-want +got):\n%s", diff)
	}
}

func TestWhatIsStoredIsThereAfterClose(t *testing.T) {
	t.Parallel()
	o := tsdb.Options{Dir: t.TempDir(), MinFree: 1}
	s := open(t, o)
	hours(t, s, 0, 1, -30, -29, 2)
	shut(t, s)

	s = open(t, o)
	hasHours(t, s, -30, -29, 0, 1, 2)
	hours(t, s, -30, 1, 2, 3) // again, and one more
	hasHours(t, s, -30, -29, 0, 1, 2, 3)
	conflict := store.Sample{Series: inlet(), Point: store.Point{Time: noon.Add(-29 * time.Hour), Value: 99}}
	refused, err := s.Append(t.Context(), []store.Sample{conflict})
	if diff := cmp.Diff([]store.Refusal{{Index: 0, Reason: store.RefusedConflict}}, refused); diff != "" || err != nil {
		t.Errorf("conflict with what was stored before (-want +got), %v:\n%s", err, diff)
	}
}

// TestWhatIsAcknowledgedIsThereAfterAKill opens what is on disk while the store
// that wrote it has not been closed, as after kill -9.
func TestWhatIsAcknowledgedIsThereAfterAKill(t *testing.T) {
	t.Parallel()
	alive := open(t, tsdb.Options{Dir: t.TempDir(), MinFree: 1})
	var want []int
	for i := range 40 { // backwards from the second on: more than the library holds in one chunk
		hours(t, alive, -2*i)
		want = append([]int{-2 * i}, want...)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(alive.Dir())); err != nil {
		t.Fatal(err)
	}
	s := open(t, tsdb.Options{Dir: dir, MinFree: 1})
	hasHours(t, s, want...)
	hours(t, s, 1)
	hasHours(t, s, append(want, 1)...)
}

func TestATornLogIsCutAndTheRestKept(t *testing.T) {
	t.Parallel()
	alive := open(t, tsdb.Options{Dir: t.TempDir(), MinFree: 1})
	hours(t, alive, 0, 1, -5)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(alive.Dir())); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"wal", "wbl"} {
		f, err := os.OpenFile(dir+"/"+name+"/00000000", os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		// The header of a whole record of 100 bytes, and no record.
		if _, err := f.Write([]byte{1, 0, 100, 1, 2, 3, 4, 5}); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	s := open(t, tsdb.Options{Dir: dir, MinFree: 1, Log: slog.New(slog.NewTextHandler(&log, nil))})
	hasHours(t, s, -5, 0, 1)
	if !strings.Contains(log.String(), "level=WARN") {
		t.Errorf("nothing was said about the cut:\n%s", log.String())
	}
}

func TestASecondOpenerIsRefused(t *testing.T) {
	t.Parallel()
	o := tsdb.Options{Dir: t.TempDir(), MinFree: 1}
	s := open(t, o)
	hours(t, s, 0)
	if _, err := tsdb.Open(o); !errors.Is(err, tsdb.ErrLocked) || !strings.Contains(err.Error(), o.Dir) {
		t.Errorf("err = %v, want ErrLocked that names %s", err, o.Dir)
	}
	hours(t, s, 1)
	shut(t, s)
	hasHours(t, open(t, o), 0, 1)
}

func TestAFullDiskRefusesAndHarmsNothing(t *testing.T) {
	t.Parallel()
	o := tsdb.Options{Dir: t.TempDir(), MinFree: 1}
	s := open(t, o)
	hours(t, s, 0)
	shut(t, s)

	full := o
	full.MinFree = 1 << 60
	s = open(t, full)
	_, err := s.Append(t.Context(), []store.Sample{{Series: inlet(), Point: hour(1)}})
	if !errors.Is(err, tsdb.ErrDiskFull) || !strings.Contains(err.Error(), "1099511627776 MiB needed") {
		t.Errorf("err = %v, want ErrDiskFull that says how much is needed", err)
	}
	hasHours(t, s, 0)
	shut(t, s)

	s = open(t, o)
	hours(t, s, 1)
	hasHours(t, s, 0, 1)
}

func TestImpossibleOptionsAreErrors(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]tsdb.Options{
		"no directory":                 {},
		"a file for a directory":       {Dir: file},
		"negative retention":           {Dir: t.TempDir(), Retention: -time.Hour},
		"negative window":              {Dir: t.TempDir(), OutOfOrder: -time.Hour},
		"window longer than retention": {Dir: t.TempDir(), Retention: time.Hour, OutOfOrder: 2 * time.Hour},
	} {
		if s, err := tsdb.Open(o); err == nil {
			shut(t, s)
			t.Errorf("%s: no error", name)
		}
	}
}

func TestTheWindowIsAnOption(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]tsdb.Options{
		"given":             {OutOfOrder: 2 * time.Hour},
		"of a short memory": {Retention: 2 * time.Hour},
	} {
		o.Dir, o.MinFree = t.TempDir(), 1
		s := open(t, o)
		hours(t, s, 0, -2)
		refused, err := s.Append(t.Context(), []store.Sample{{Series: inlet(), Point: hour(-3)}})
		if len(refused) != 1 || refused[0].Reason != store.RefusedPast || err != nil {
			t.Errorf("%s: refused %v, %v, want the past", name, refused, err)
		}
	}
}

func TestValuesAreRoundedBeforeTheyAreCompared(t *testing.T) {
	t.Parallel()
	s := open(t, tsdb.Options{Dir: t.TempDir(), MinFree: 1})
	sample := store.Sample{Series: inlet(), Point: store.Point{Time: noon, Value: 21.3}}
	for range 2 {
		if refused, err := s.Append(t.Context(), []store.Sample{sample}); refused != nil || err != nil {
			t.Fatalf("refused %v, %v", refused, err)
		}
	}
	got, err := s.Range(t.Context(), inlet().Name(), noon, noon.Add(time.Second))
	want := []store.Point{{Time: noon, Value: 21811.0 / 1024}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("points (-want +got), %v:\n%s", err, diff)
	}
}

func TestPromQLSeesTheNamesOfTheContract(t *testing.T) {
	t.Parallel()
	s := open(t, tsdb.Options{Dir: t.TempDir(), MinFree: 1})
	hours(t, s, 0)
	q, err := s.Queryable().Querier(noon.UnixMilli(), noon.UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = q.Close() }()
	match, err := labels.NewMatcher(labels.MatchEqual, "sensor", inlet().Device)
	if err != nil {
		t.Fatal(err)
	}
	set := q.Select(t.Context(), false, nil, match)
	var got []string
	for set.Next() {
		got = append(got, set.At().Labels().String())
	}
	want := []string{`{__name__="thermarack_temperature_celsius", node="b827eb000001", sensor="urn:dev:ow:28f6fb1e0d0000c5", site="hex"}`}
	if diff := cmp.Diff(want, got); diff != "" || set.Err() != nil {
		t.Errorf("series (-want +got), %v:\n%s", set.Err(), diff)
	}
}

func TestTheLibraryIsQuietAndMeasured(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	registry := prometheus.NewRegistry()
	o := tsdb.Options{Dir: t.TempDir(), MinFree: 1, Registry: registry, Log: slog.New(slog.NewTextHandler(&log, nil))}
	for i := range 2 { // the second time with the same registry
		s := open(t, o)
		hours(t, s, i)
		families, err := registry.Gather()
		if err != nil || len(families) == 0 {
			t.Errorf("%d metrics, %v", len(families), err)
		}
		shut(t, s)
	}
	if families, err := registry.Gather(); err != nil || len(families) != 0 {
		t.Errorf("%d metrics stay behind a closed store, %v", len(families), err)
	}
	if log.Len() != 0 {
		t.Errorf("log of a healthy store:\n%s", log.String())
	}
}

// fleet returns one sample of each of n series at one instant.
func fleet(n int, at time.Time) []store.Sample {
	samples := make([]store.Sample, n)
	for i := range samples {
		node := wire.Node(fmt.Sprintf("b827eb%06x", i))
		samples[i] = store.Sample{
			Series: store.Series{Site: "hex", Node: node, Device: node.Device("soc"), Quantity: wire.QuantityTemperature, Unit: "Cel"},
			Point:  store.Point{Time: at, Value: 40 + float64((at.Unix()/10+int64(i)*7)%64)/16},
		}
	}
	return samples
}

func TestARecordNameHasTheUnitInWhichItWasStored(t *testing.T) {
	t.Parallel()
	s := open(t, tsdb.Options{Dir: t.TempDir(), MinFree: 1})
	t.Cleanup(func() { shut(t, s) })
	for i, stored := range []struct {
		node           wire.Node
		quantity, unit string
	}{
		{"b827eb000001", wire.QuantityTemperature, "Cel"},
		{"b827eb000001", "vibration", "m/s2"}, {"b827eb000002", "vibration", "m/s2"},
		{"b827eb000001", "count", ""},
		{"b827eb000001", "flow", "m3/s"}, {"b827eb000002", "flow", "l/s"},
	} {
		series := store.Series{Site: "hex", Node: stored.node, Device: inlet().Device, Quantity: stored.quantity, Unit: stored.unit}
		if refused, err := s.Append(t.Context(), []store.Sample{{Series: series, Point: hour(i)}}); err != nil || refused != nil {
			t.Fatalf("Append %v: %v, %v", series, refused, err)
		}
	}
	for quantity, want := range map[string]string{wire.QuantityTemperature: "Cel", "vibration": "m/s2", "count": "", "flow": ""} {
		if got, err := s.Unit(t.Context(), inlet().Device+":"+quantity); err != nil || got != want {
			t.Errorf("unit of %s: %q, %v, want %q", quantity, got, err, want)
		}
	}
	for _, name := range []string{inlet().Device + ":never", "urn:dev:ow:28ff000000000000:vibration", "no colon"} {
		if got, err := s.Unit(t.Context(), name); !errors.Is(err, store.ErrNoSeries) {
			t.Errorf("unit of %s: %q, %v, want ErrNoSeries", name, got, err)
		}
	}
}
