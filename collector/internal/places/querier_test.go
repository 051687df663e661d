package places_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"

	"thermarack/agent/wire"
	"thermarack/collector/internal/places"
	"thermarack/collector/internal/store"
	"thermarack/collector/internal/store/tsdb"
)

// A stored is a store with a point each 10 s from noon on for an hour.
func stored(t testing.TB, series ...store.Series) *tsdb.Store {
	t.Helper()
	s, err := tsdb.Open(tsdb.Options{Dir: t.TempDir(), MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	var samples []store.Sample
	for at := noon; at.Before(noon.Add(time.Hour)); at = at.Add(10 * time.Second) {
		for i, one := range series {
			samples = append(samples, store.Sample{Series: one, Point: store.Point{Time: at, Value: 20 + float64(i)}})
		}
	}
	if refused, err := s.Append(t.Context(), samples); err != nil || refused != nil {
		t.Fatal(refused, err)
	}
	return s
}

// temperature is the series of a device that node b827eb000001 reads.
func temperature(device string) store.Series {
	return store.Series{Site: "hex", Node: "b827eb000001", Device: device, Quantity: wire.QuantityTemperature, Unit: "Cel"}
}

const node = wire.Node("b827eb000001")

// replaced is a history in which a probe is replaced half an hour after noon, its
// Pi moved to slot 2 at the same time, and a store of both probes and of the Pi.
func replaced(t testing.TB) (*places.History, storage.Queryable) {
	t.Helper()
	dir := t.TempDir()
	open(t, dir, shelf(t, oldProbe, 1), 0)
	h := open(t, dir, shelf(t, newProbe, 2), 30*time.Minute)
	s := stored(t, temperature("urn:dev:ow:"+oldProbe), temperature("urn:dev:ow:"+newProbe),
		temperature(node.Device("soc")), temperature(node.Device("i2c1-48")), temperature(wire.Node("b827eb0000ff").Device("soc")))
	return h, h.Queryable(s.Queryable())
}

func engine() *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, EnableAtModifier: true, EnableNegativeOffset: true})
}

// query evaluates an expression some time after noon.
func query(t testing.TB, q storage.Queryable, expression string, after time.Duration) []string {
	t.Helper()
	asked, err := engine().NewInstantQuery(t.Context(), q, nil, expression, noon.Add(after))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	defer asked.Close()
	result := asked.Exec(t.Context())
	if result.Err != nil {
		t.Fatalf("%s: %v", expression, result.Err)
	}
	vector, ok := result.Value.(promql.Vector)
	if !ok {
		t.Fatalf("%s is %v", expression, result.Value)
	}
	lines := []string{}
	for _, s := range vector {
		lines = append(lines, fmt.Sprintf("%s %g", s.Metric, s.F))
	}
	slices.Sort(lines)
	return lines
}

func TestPlacesAreThoseOfTheLayoutValidAtTheTime(t *testing.T) {
	t.Parallel()
	_, q := replaced(t)
	const on, at = ` * on(sensor) group_left(shelf,slot,probe,face) thermarack_place_info`, `, shelf="s3", site="hex"`
	tests := []struct {
		name, expression string
		after            time.Duration
		want             []string
	}{
		{"a probe before it is replaced", `thermarack_temperature_celsius{sensor=~"urn:dev:ow:.*"}` + on, 20 * time.Minute,
			[]string{`{face="hot", node="b827eb000001", probe="h1", sensor="urn:dev:ow:28f6fb1e0d0000c5", shelf="s3", site="hex"} 20`}},
		{"the moment before", `thermarack_temperature_celsius{sensor=~"urn:dev:ow:.*"}` + on, 30*time.Minute - time.Millisecond,
			[]string{`{face="hot", node="b827eb000001", probe="h1", sensor="urn:dev:ow:28f6fb1e0d0000c5", shelf="s3", site="hex"} 20`}},
		{"at once the other, though the old one is within the lookback", `thermarack_temperature_celsius{sensor=~"urn:dev:ow:.*"}` + on, 30 * time.Minute,
			[]string{`{face="hot", node="b827eb000001", probe="h1", sensor="urn:dev:ow:28a2000000000000", shelf="s3", site="hex"} 21`}},
		{"offset goes back to the layout of then", `thermarack_temperature_celsius{sensor=~"urn:dev:ow:.*"} offset 20m * on(sensor) group_left(probe) (thermarack_place_info offset 20m)`, 40 * time.Minute,
			[]string{`{node="b827eb000001", probe="h1", sensor="urn:dev:ow:28f6fb1e0d0000c5", site="hex"} 20`}},
		{"all parts of a Pi stand in its slot", `thermarack_temperature_celsius{part!=""}` + on, 20 * time.Minute, []string{
			`{node="b827eb000001", part="i2c1-48", sensor="urn:dev:mac:b827ebfffe000001_i2c1-48", shelf="s3", site="hex", slot="1"} 23`,
			`{node="b827eb000001", part="soc", sensor="urn:dev:mac:b827ebfffe000001_soc", shelf="s3", site="hex", slot="1"} 22`}},
		{"and move with it", `thermarack_temperature_celsius{part="soc"}` + on, 31 * time.Minute,
			[]string{`{node="b827eb000001", part="soc", sensor="urn:dev:mac:b827ebfffe000001_soc", shelf="s3", site="hex", slot="2"} 22`}},
		{"who is silent", `thermarack_place_info{probe!=""} unless on(sensor) thermarack_temperature_celsius`, 3 * time.Hour,
			[]string{`{__name__="thermarack_place_info", face="hot", probe="h1", rack="a1", sensor="urn:dev:ow:28a2000000000000"` + at + `} 1`}},
		{"before there was any layout the first one holds", `thermarack_place_info{slot="1"}`, -1000 * time.Hour, []string{
			`{__name__="thermarack_place_info", rack="a1", sensor="urn:dev:mac:001122fffe3344ff_port7"` + at + `, slot="1"} 1`,
			`{__name__="thermarack_place_info", rack="a1", sensor="urn:dev:mac:b827ebfffe000001_soc"` + at + `, slot="1"} 1`}},
		{"a fan of the shelf is no part of its Pi's slot", `thermarack_place_info{fan!=""}`, 0,
			[]string{`{__name__="thermarack_place_info", fan="left", rack="a1", sensor="urn:dev:mac:b827ebfffe000001_fan1"` + at + `} 1`}},
		{"by any name", `{face="hot"}`, 20 * time.Minute,
			[]string{`{__name__="thermarack_place_info", face="hot", probe="h1", rack="a1", sensor="urn:dev:ow:28f6fb1e0d0000c5"` + at + `} 1`}},
		{"matchers are honoured", `thermarack_place_info{shelf!="s3"} or thermarack_place_info{rack=~"b.*"} or thermarack_place_info{nonsense="x"}`, 0, []string{}},
		{"other metrics are left alone", `count(thermarack_temperature_celsius)`, time.Minute, []string{`{} 5`}},
		{"10 s apart in a range", `count_over_time(thermarack_place_info{probe="h1"}[10m])`, 20 * time.Minute,
			[]string{`{face="hot", probe="h1", rack="a1", sensor="urn:dev:ow:28f6fb1e0d0000c5", shelf="s3", site="hex"} 60`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(query(t, q, tt.expression, tt.after), tt.want); diff != "" {
				t.Errorf("%s: -got +want\n%s", tt.expression, diff)
			}
		})
	}
}

func TestARangeFollowsTheLayouts(t *testing.T) {
	t.Parallel()
	_, q := replaced(t)
	for _, lookback := range []time.Duration{5 * time.Minute, 10 * time.Second} {
		asked, err := engine().NewRangeQuery(t.Context(), q, promql.NewPrometheusQueryOpts(false, lookback), `thermarack_place_info{probe="h1"}`, noon, noon.Add(time.Hour), 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		result := asked.Exec(t.Context())
		matrix, ok := result.Value.(promql.Matrix)
		if !ok || len(matrix) != 2 {
			t.Fatalf("lookback %v: %v", lookback, result)
		}
		points := map[string][]promql.FPoint{}
		for _, s := range matrix {
			points[s.Metric.Get("sensor")] = s.Floats
		}
		before, after := points["urn:dev:ow:"+oldProbe], points["urn:dev:ow:"+newProbe]
		if len(before) != 180 || len(after) != 181 || before[179].T != noon.Add(30*time.Minute-10*time.Second).UnixMilli() || after[0].T != noon.Add(30*time.Minute).UnixMilli() {
			t.Errorf("lookback %v: %d points and then %d, want half an hour of each", lookback, len(before), len(after))
		}
		asked.Close()
	}
}

func TestLabelsShowPlacesToo(t *testing.T) {
	t.Parallel()
	_, queryable := replaced(t)
	q, err := queryable.Querier(noon.UnixMilli(), noon.Add(time.Hour).UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	matcher := func(text string) []*labels.Matcher {
		m, err := parser.NewParser(parser.Options{}).ParseMetricSelector(text)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	type words func() ([]string, annotations.Annotations, error)
	values := func(name string, limit int, all ...*labels.Matcher) words {
		return func() ([]string, annotations.Annotations, error) {
			return q.LabelValues(t.Context(), name, &storage.LabelHints{Limit: limit}, all...)
		}
	}
	names := func(all ...*labels.Matcher) words {
		return func() ([]string, annotations.Annotations, error) { return q.LabelNames(t.Context(), nil, all...) }
	}
	tests := []struct {
		name string
		ask  words
		want []string
	}{
		{"names of metrics", values("__name__", 0), []string{"thermarack_place_info", "thermarack_temperature_celsius"}},
		{"names of metrics with a matcher", values("__name__", 0, matcher(`{shelf="s3"}`)...), []string{"thermarack_place_info"}},
		{"slots of both layouts", values("slot", 0), []string{"1", "2", "6"}},
		{"no more than asked for", values("slot", 2), []string{"1", "2"}},
		{"values of another metric", values("slot", 0, matcher(`thermarack_temperature_celsius`)...), nil},
		{"names of labels", names(), []string{"__name__", "face", "fan", "node", "part", "probe", "rack", "sensor", "shelf", "site", "slot"}},
		{"names of labels of a metric", names(matcher(`thermarack_temperature_celsius{part="soc"}`)...), []string{"__name__", "node", "part", "sensor", "site"}},
	}
	for _, tt := range tests {
		got, _, err := tt.ask()
		if diff := cmp.Diff(got, tt.want); diff != "" || err != nil {
			t.Errorf("%s: %v -got +want\n%s", tt.name, err, diff)
		}
	}
}

// series selects the places of a span from a history over a store, or over none.
func series(t testing.TB, h *places.History, s storage.Queryable, from, to time.Time) []storage.Series {
	t.Helper()
	if s == nil {
		s = storage.QueryableFunc(func(int64, int64) (storage.Querier, error) { return storage.NoopQuerier(), nil })
	}
	q, err := h.Queryable(s).Querier(from.UnixMilli(), to.UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	set := q.Select(t.Context(), true, nil, labels.MustNewMatcher(labels.MatchEqual, "__name__", places.Metric))
	var all []storage.Series
	for set.Next() {
		all = append(all, set.At())
	}
	if set.Err() != nil {
		t.Fatal(set.Err())
	}
	return all
}

func TestAnIteratorSeeksAndWalksAlike(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open(t, dir, shelf(t, oldProbe, 1), 0)
	open(t, dir, shelf(t, newProbe, 1), 25*time.Second)
	h := open(t, dir, shelf(t, oldProbe, 1), time.Minute+time.Millisecond)
	var probe storage.Series
	for _, s := range series(t, h, nil, noon.Add(-time.Second), noon.Add(80*time.Second)) {
		if s.Labels().Get("sensor") == "urn:dev:ow:"+oldProbe {
			probe = s
		}
	}
	walk := func(it chunkenc.Iterator, first chunkenc.ValueType) (got []string) {
		for kind := first; kind != chunkenc.ValNone; kind = it.Next() {
			at, v := it.At()
			word := fmt.Sprintf("%v %g", time.UnixMilli(at).Sub(noon), v)
			if value.IsStaleNaN(v) {
				word = fmt.Sprintf("%v ended", time.UnixMilli(at).Sub(noon))
			}
			got = append(got, word)
		}
		return got
	}
	tests := []struct {
		name string
		seek time.Duration
		want []string
	}{
		{"from before the span", -time.Hour, []string{"0s 1", "10s 1", "20s 1", "25s ended", "1m0.001s 1", "1m10s 1", "1m20s 1"}},
		{"to the next point of the grid", 11 * time.Second, []string{"20s 1", "25s ended", "1m0.001s 1", "1m10s 1", "1m20s 1"}},
		{"to the end of a period", 21 * time.Second, []string{"25s ended", "1m0.001s 1", "1m10s 1", "1m20s 1"}},
		{"into a gap", 30 * time.Second, []string{"1m0.001s 1", "1m10s 1", "1m20s 1"}},
		{"beyond the span", 13 * time.Minute, nil},
	}
	for _, tt := range tests {
		it := probe.Iterator(nil)
		if diff := cmp.Diff(walk(it, it.Seek(noon.Add(tt.seek).UnixMilli())), tt.want); diff != "" {
			t.Errorf("seek %s: -got +want\n%s", tt.name, diff)
		}
	}
	it := probe.Iterator(nil)
	if diff := cmp.Diff(walk(it, it.Next()), tests[0].want); diff != "" {
		t.Errorf("walk: -got +want\n%s", diff)
	}
	it = probe.Iterator(nil)
	it.Seek(noon.Add(20 * time.Second).UnixMilli())
	if it.Seek(noon.UnixMilli()); it.AtT() != noon.Add(20*time.Second).UnixMilli() {
		t.Error("seek has gone back")
	}
}

func TestAllOfTimeCanBeAskedFor(t *testing.T) {
	t.Parallel()
	h, q := replaced(t)
	begin, end := time.UnixMilli(math.MinInt64+1e9), time.UnixMilli(math.MaxInt64-1e9)
	if got := len(series(t, h, q, begin, end)); got != 10 {
		t.Errorf("%d series", got)
	}
}

// broken is a store that cannot be read.
type broken struct{ storage.Querier }

var errDisk = errors.New("disk is gone")

func (broken) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, errDisk
}

func TestAStoreThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := open(t, dir, shelf(t, oldProbe, 1), 0)
	q, err := h.Queryable(storage.QueryableFunc(func(int64, int64) (storage.Querier, error) { return broken{storage.NoopQuerier()}, nil })).Querier(0, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	set := q.Select(t.Context(), false, nil, labels.MustNewMatcher(labels.MatchEqual, "__name__", places.Metric))
	if set.Next() || !errors.Is(set.Err(), errDisk) {
		t.Errorf("err = %v", set.Err())
	}
}
