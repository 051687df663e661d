package influx_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
	"thermarack/collector/internal/store/influx"
	"thermarack/collector/internal/store/influx/influxtest"
	"thermarack/collector/internal/store/tsdb"
)

// promQL compares what PromQL sees with what it sees of the embedded store with
// the same samples.
func promQL(t *testing.T, _ *influxtest.Server, o influx.Options) {
	embedded, err := tsdb.Open(tsdb.Options{Dir: t.TempDir(), MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = embedded.Close() })
	s := open(t, o)
	var all []store.Sample
	for i := range 20 {
		after := time.Duration(i) * time.Minute
		other := soc(after, 60+float64(i))
		other.Node, other.Device, other.Site = "b827eb000002", wire.Node("b827eb000002").Device("soc"), "ams"
		odd := soc(after, float64(i))
		odd.Quantity, odd.Unit = "vibration", "m/s2"
		fault := soc(after, float64(i))
		fault.Quantity, fault.Unit, fault.Reason = wire.QuantityFaults, "", wire.FaultCRC
		probe := soc(after, 20+float64(i))
		probe.Device = "urn:dev:ow:28f6fb1e0d0000c5"
		all = append(all, probe, soc(after, 50+float64(i)), of("fan1", wire.QuantitySpeed, after, 70), other, odd, fault)
	}
	appends(t, s, nil, all...)
	if _, err := embedded.Append(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	for _, selector := range []string{
		`thermarack_temperature_celsius`, `thermarack_temperature_celsius{site="ams"}`, `thermarack_temperature_celsius{site!="ams"}`,
		`{site=~"hex|ams",part="soc"}`, `{part=~"f.*"}`, `{__name__=~"thermarack_(other|faults_total)"}`, `{reason="",sensor!=""}`, `{reason=~".+"}`,
		`thermarack_other{quantity="vibration",unit="m/s2"}`, `thermarack_other{quantity="temperature"}`, `{node="b827eb000002"}`,
		`thermarack_place_info`, `{site="\"} |> drop()"}`, `{nothing="x"}`, `{nothing="",site="hex"}`, `thermarack_temperature_celsius{site=~"|hex"}`,
		`{sensor="urn:dev:mac:b827ebfffe000001_soc"}`, `{sensor=~"urn:dev:ow:28f6fb1e0d0000c5|urn:dev:mac:b827ebfffe000002_soc"}`,
		`thermarack_temperature_celsius{sensor="urn:dev:ow:28f6fb1e0d0000c5"}`, `{sensor="soc"}`, `{part="soc"}`, `{part="/\n.*"}`,
		`{quantity="vibration"}`, `{quantity="temperature"}`, `{reason="crc"}`, `{unit="Cel"}`, `up`, `{node=~"b827eb000001|up"}`,
	} {
		all := matchers(t, selector)
		for _, function := range []string{"", "series"} {
			got, want := sees(t, s.Queryable(), function, all), sees(t, embedded.Queryable(), function, all)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s %s (-embedded +influx):\n%s", function, selector, diff)
			}
		}
	}
	for _, selector := range []string{"", `{site="ams"}`, `{reason=~".+"}`, `{nothing="x"}`} {
		all := matchers(t, selector)
		if diff := cmp.Diff(values(t, embedded.Queryable(), all), values(t, s.Queryable(), all)); diff != "" {
			t.Errorf("labels of %s (-embedded +influx):\n%s", selector, diff)
		}
	}
}

// matchers reads a selector; "" has none.
func matchers(t *testing.T, selector string) []*labels.Matcher {
	t.Helper()
	if selector == "" {
		return nil
	}
	all, err := parser.NewParser(parser.Options{}).ParseMetricSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// begin and end are the time that queries ask for: from the fifth to the tenth
// minute.
var begin, end = noon.Add(5 * time.Minute).UnixMilli(), noon.Add(10 * time.Minute).UnixMilli()

// sees returns what a selector finds.
func sees(t *testing.T, from storage.Queryable, function string, matchers []*labels.Matcher) string {
	t.Helper()
	q, err := from.Querier(begin, end)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	var b strings.Builder
	set := q.Select(t.Context(), true, &storage.SelectHints{Start: begin, End: end, Func: function}, matchers...)
	for set.Next() {
		fmt.Fprintln(&b, set.At().Labels())
		for it := set.At().Iterator(nil); function == "" && it.Next() == chunkenc.ValFloat; {
			at, value := it.At()
			fmt.Fprintln(&b, "\t", at-noon.UnixMilli(), value)
		}
	}
	if set.Err() != nil {
		t.Fatal(set.Err())
	}
	return b.String()
}

// values returns the names and values of the labels of what a selector finds.
func values(t *testing.T, from storage.Queryable, matchers []*labels.Matcher) string {
	t.Helper()
	q, err := from.Querier(begin, end)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	var b strings.Builder
	names, _, err := q.LabelNames(t.Context(), nil, matchers...)
	fmt.Fprintln(&b, names, err)
	for _, name := range []string{"__name__", "site", "node", "sensor", "unit", "nothing"} {
		every, _, err := q.LabelValues(t.Context(), name, nil, matchers...)
		fmt.Fprintln(&b, name, every, err)
		two, _, err := q.LabelValues(t.Context(), name, &storage.LabelHints{Limit: 2}, matchers...)
		fmt.Fprintln(&b, len(two), err)
	}
	return b.String()
}
