package influx

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/influxdata/influxdb-client-go/v2/api/query"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"

	"thermarack/collector/internal/store"
	"thermarack/collector/internal/store/tsdb"
)

// maxSelected is how many samples one selector of PromQL may read: they are all
// in memory then, in 160 MB.
const maxSelected = 5_000_000

// Queryable gives PromQL access to the samples, under the names and labels of
// the embedded store. The server selects by time and by what matchers name in
// full; the rest is done here.
func (s *Store) Queryable() storage.Queryable {
	return storage.QueryableFunc(func(from, to int64) (storage.Querier, error) {
		return &querier{s, span{from, to}}, nil
	})
}

type querier struct {
	store *Store
	span  span
}

// Close does nothing: a querier holds nothing.
func (q *querier) Close() error { return nil }

// Select returns the series that match, sorted. With hints for the function
// "series" they have a sample at most.
func (q *querier) Select(ctx context.Context, _ bool, hints *storage.SelectHints, all ...*labels.Matcher) storage.SeriesSet {
	sp := q.span
	if hints != nil {
		sp = span{max(sp.from, hints.Start), min(sp.to, hints.End)}
	}
	found, err := q.read(ctx, sp, hints != nil && hints.Func == "series", all)
	if err != nil {
		return storage.ErrSeriesSet(fmt.Errorf("select: %w", err))
	}
	return &seriesSet{all: found, at: -1}
}

// read returns the series that match, sorted by labels.
func (q *querier) read(ctx context.Context, sp span, namesOnly bool, all []*labels.Matcher) ([]storage.Series, error) {
	if sp.from > sp.to {
		return nil, nil
	}
	if err := q.store.enter(ctx); err != nil {
		return nil, err
	}
	defer q.store.life.RUnlock()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	flux := q.store.flux(sp, append(conditions(all), ours)...)
	if namesOnly {
		flux += " |> last()"
	}
	found := make(map[store.Series]*selected)
	count := 0
	err := q.store.query(ctx, flux+keep, func(r row) {
		one, seen := found[r.series]
		if !seen {
			one = &selected{labels: tsdb.Labels(r.series)}
			one.matches = matches(one.labels, all)
			found[r.series] = one
		}
		if !one.matches || r.time < sp.from || r.time > sp.to {
			return
		}
		one.samples = append(one.samples, point{r.time, r.value})
		if count++; count > maxSelected {
			cancel(fmt.Errorf("more than %d samples: ask for less time, or fewer series", maxSelected))
		}
	})
	if err != nil {
		return nil, err
	}
	return sorted(found), nil
}

// A selected series is one of an answer.
type selected struct {
	labels  labels.Labels
	matches bool
	samples []chunks.Sample
}

// sorted returns the series that match and have samples, in the order of their
// labels.
func sorted(found map[store.Series]*selected) []storage.Series {
	var all []*selected
	for _, one := range found {
		if len(one.samples) > 0 {
			all = append(all, one)
		}
	}
	slices.SortFunc(all, func(a, b *selected) int { return labels.Compare(a.labels, b.labels) })
	series := make([]storage.Series, len(all))
	for i, one := range all {
		slices.SortFunc(one.samples, func(a, b chunks.Sample) int { return int(max(min(a.T()-b.T(), 1), -1)) })
		series[i] = storage.NewListSeries(one.labels, one.samples)
	}
	return series
}

func matches(ls labels.Labels, all []*labels.Matcher) bool {
	return !slices.ContainsFunc(all, func(m *labels.Matcher) bool { return !m.Matches(ls.Get(m.Name)) })
}

// conditions returns in Flux what the server can select by. It may select more
// than what matches.
func conditions(all []*labels.Matcher) []string {
	var found []string
	for _, m := range all {
		values := valuesOf(m)
		if len(values) == 0 {
			continue
		}
		var either []string
		for _, value := range values {
			if condition := conditionOf(m.Name, value); condition != "" {
				either = append(either, condition)
			}
		}
		if len(either) == len(values) {
			found = append(found, strings.Join(either, " or "))
		}
	}
	return found
}

// valuesOf returns the values that a matcher lets pass, when it names them all and
// none is empty: a label that is not there.
func valuesOf(m *labels.Matcher) []string {
	var values []string
	switch m.Type {
	case labels.MatchEqual:
		values = []string{m.Value}
	case labels.MatchRegexp:
		values = m.SetMatches()
	}
	if len(values) > maxNames || slices.Contains(values, "") {
		return nil
	}
	return values
}

// conditionOf returns in Flux that a label has a value, "" when only we can tell.
// It may hold for more.
func conditionOf(label, value string) string {
	switch label {
	case model.MetricNameLabel:
		return isMetric(value)
	case "node":
		return isNode(value)
	case "sensor":
		return isDevice(value, func(named string) string { return isField("^" + verbatim(named) + ":[^:]*$") })
	case "part":
		return isField("(^|_)" + verbatim(value) + ":[^:]*$")
	case "quantity":
		return isField(":" + verbatim(value) + "$")
	case tagSite, tagReason, tagUnit:
		return "r." + label + " == " + quote(value)
	}
	return ""
}

// isField returns a condition that holds for the fields that match.
func isField(pattern string) string { return "r._field =~ /" + pattern + "/" }

// isMetric returns a condition that holds for the fields of a name in PromQL, and
// for none when the name is none of ours.
func isMetric(name string) string {
	for _, quantity := range quantities() {
		if tsdb.MetricName(quantity) == name {
			return isField(":" + quantity + "$")
		}
	}
	if name == tsdb.MetricName("") {
		return "r._field !~ /:(" + strings.Join(quantities(), "|") + ")$/"
	}
	return `r._field == ""`
}

// LabelValues returns the sorted values of a label over the series that match
// and have a sample in the time of the querier.
func (q *querier) LabelValues(ctx context.Context, name string, hints *storage.LabelHints, all ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	column := map[string]string{"node": columnNode, tagSite: tagSite, tagReason: tagReason, tagUnit: tagUnit}[name]
	if len(all) == 0 && column != "" {
		values, err := q.columnValues(ctx, column)
		return limited(values, hints), nil, err
	}
	values, err := q.over(ctx, all, func(ls labels.Labels, add func(string)) {
		if value := ls.Get(name); value != "" {
			add(value)
		}
	})
	return limited(values, hints), nil, err
}

// LabelNames returns the sorted names of the labels of the series that match and
// have a sample in the time of the querier.
func (q *querier) LabelNames(ctx context.Context, hints *storage.LabelHints, all ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	names, err := q.over(ctx, all, func(ls labels.Labels, add func(string)) {
		ls.Range(func(l labels.Label) { add(l.Name) })
	})
	return limited(names, hints), nil, err
}

// columnValues asks the server's index, which is quick.
func (q *querier) columnValues(ctx context.Context, column string) ([]string, error) {
	if err := q.store.enter(ctx); err != nil {
		return nil, err
	}
	defer q.store.life.RUnlock()
	if q.span.from > q.span.to {
		return nil, nil
	}
	samples := q.store.flux(q.span, ours)
	if column == columnNode { // by which InfluxDB 1.8 cannot select here
		samples = q.store.flux(q.span)
	}
	var values []string
	flux := fmt.Sprintf("%s |> keep(columns: [%[2]s]) |> group() |> distinct(column: %[2]s)", samples, quote(column))
	err := q.store.records(ctx, flux, func(r *query.FluxRecord) {
		if value, ok := r.ValueByKey("_value").(string); ok && value != "" && (column != columnNode || isOurs(value)) {
			values = append(values, value)
		}
	})
	slices.Sort(values)
	return values, err
}

// over collects what visit adds for the series that match, sorted, each once.
func (q *querier) over(ctx context.Context, all []*labels.Matcher, visit func(labels.Labels, func(string))) ([]string, error) {
	series, err := q.read(ctx, q.span, true, all)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, one := range series {
		visit(one.Labels(), func(s string) { found = append(found, s) })
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

func limited(all []string, hints *storage.LabelHints) []string {
	if hints != nil && hints.Limit > 0 && len(all) > hints.Limit {
		return all[:hints.Limit]
	}
	return all
}

// A seriesSet walks over series that are in memory.
type seriesSet struct {
	all []storage.Series
	at  int
}

func (s *seriesSet) Next() bool                        { s.at++; return s.at < len(s.all) }
func (s *seriesSet) At() storage.Series                { return s.all[s.at] }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }

// A point is a sample as PromQL takes it.
type point struct {
	time  int64 // Unix ms
	value float64
}

func (p point) T() int64                      { return p.time }
func (p point) ST() int64                     { return 0 }
func (p point) F() float64                    { return p.value }
func (p point) H() *histogram.Histogram       { return nil }
func (p point) FH() *histogram.FloatHistogram { return nil }
func (p point) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (p point) Copy() chunks.Sample           { return p }
