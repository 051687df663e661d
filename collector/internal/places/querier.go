package places

import (
	"context"
	"maps"
	"math"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"
)

// Queryable returns what stored holds and Metric beside it, as if the place of
// every sensor had been stored since its layout was loaded. The sensors are
// those that a layout names, and those in stored that are parts of its Pis.
// Stored itself must hold nothing of that name.
func (h *History) Queryable(stored storage.Queryable) storage.Queryable {
	return storage.QueryableFunc(func(from, to int64) (storage.Querier, error) {
		q, err := stored.Querier(from, to)
		if err != nil {
			return nil, err
		}
		return &querier{q, h, span{from, to}}, nil
	})
}

// A querier adds places to what another finds in a span.
type querier struct {
	storage.Querier
	history *History
	span    span
}

// Select returns the series that match, sorted when asked for.
func (q *querier) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, all ...*labels.Matcher) storage.SeriesSet {
	if !mayName(all) {
		return q.Querier.Select(ctx, sorted, hints, all...)
	}
	found, err := q.places(ctx, all)
	if err != nil {
		return storage.ErrSeriesSet(err)
	}
	if onlyName(all) {
		return &set{series: found}
	}
	limit := 0
	if hints != nil {
		limit = hints.Limit
	}
	stored := q.Querier.Select(ctx, true, hints, all...)
	return storage.NewMergeSeriesSet([]storage.SeriesSet{stored, &set{series: found}}, limit, storage.ChainedSeriesMerge)
}

// mayName tells whether matchers let Metric pass.
func mayName(all []*labels.Matcher) bool {
	return !slices.ContainsFunc(all, func(m *labels.Matcher) bool {
		return m.Name == model.MetricNameLabel && !m.Matches(Metric)
	})
}

// onlyName tells whether matchers let nothing but Metric pass.
func onlyName(all []*labels.Matcher) bool {
	return slices.ContainsFunc(all, func(m *labels.Matcher) bool {
		return m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual && m.Value == Metric
	})
}

// LabelValues returns the sorted values of a label over the series that match.
func (q *querier) LabelValues(ctx context.Context, name string, hints *storage.LabelHints, all ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	stored, warnings, err := q.Querier.LabelValues(ctx, name, hints, all...)
	if err != nil || !mayName(all) {
		return stored, warnings, err
	}
	found, err := q.places(ctx, all)
	values := make(map[string]bool)
	for _, s := range found {
		if value := s.labels.Get(name); value != "" {
			values[value] = true
		}
	}
	return union(stored, values, hints), warnings, err
}

// LabelNames returns the sorted names of the labels of the series that match.
func (q *querier) LabelNames(ctx context.Context, hints *storage.LabelHints, all ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	stored, warnings, err := q.Querier.LabelNames(ctx, hints, all...)
	if err != nil || !mayName(all) {
		return stored, warnings, err
	}
	found, err := q.places(ctx, all)
	names := make(map[string]bool)
	for _, s := range found {
		s.labels.Range(func(l labels.Label) { names[l.Name] = true })
	}
	return union(stored, names, hints), warnings, err
}

// union returns the words of both, sorted, and no more than hints ask for.
func union(words []string, more map[string]bool, hints *storage.LabelHints) []string {
	for _, w := range words {
		more[w] = true
	}
	all := slices.Sorted(maps.Keys(more))
	if hints != nil && hints.Limit > 0 && len(all) > hints.Limit {
		all = all[:hints.Limit]
	}
	return all
}

// places returns the series of Metric that match, sorted by labels. Of several
// layouts that say the same of a sensor it makes one series.
func (q *querier) places(ctx context.Context, all []*labels.Matcher) ([]*series, error) {
	entries := q.history.entries
	if len(entries) == 0 || q.span.from > q.span.to {
		return nil, nil
	}
	seen, _, err := q.Querier.LabelValues(ctx, labelSensor, nil)
	if err != nil {
		return nil, err
	}
	parts, found := partsOf(seen), map[string]*series{}
	first := q.history.index(q.span.from)
	for i := first; i < len(entries) && (i == first || entries[i].from <= q.span.to); i++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		q.entry(found, i, parts, all)
	}
	for _, s := range found {
		s.clip = q.span
	}
	return slices.SortedFunc(maps.Values(found), func(a, b *series) int { return labels.Compare(a.labels, b.labels) }), nil
}

// entry adds the series of one entry that match.
func (q *querier) entry(found map[string]*series, i int, seen parts, all []*labels.Matcher) {
	e, valid := q.history.entries[i], q.history.valid(i)
	note := func(some []labels.Labels, valid span) {
		for _, ls := range some {
			if matches(ls, all) {
				add(found, ls, valid)
			}
		}
	}
	here := stand(e.layout)
	note(here.all(seen), valid)
	for _, s := range q.history.journal.stays(valid) {
		if s.to <= q.span.from || s.from > q.span.to || !e.plan().Takes(s.Port, s.node) {
			continue
		}
		if slot, ok := e.plan().Slot(s.Port); ok {
			note(here.pi(slot, s.node, seen), s.span)
		}
	}
}

// valid returns when an entry was valid: from inclusive, to exclusive.
func (h *History) valid(i int) span {
	valid := span{math.MinInt64, math.MaxInt64}
	if i > 0 {
		valid.from = h.entries[i].from
	}
	if i+1 < len(h.entries) {
		valid.to = h.entries[i+1].from
	}
	return valid
}

// add says that labels held for a time that is after all others added.
func add(found map[string]*series, ls labels.Labels, valid span) {
	key := string(ls.Bytes(nil))
	s := found[key]
	if s == nil {
		found[key] = &series{labels: ls, valid: []span{valid}}
		return
	}
	if last := &s.valid[len(s.valid)-1]; last.to == valid.from {
		last.to = valid.to
		return
	}
	s.valid = append(s.valid, valid)
}

// A set walks over series.
type set struct {
	series []*series
	next   int
}

func (s *set) Next() bool {
	s.next++
	return s.next <= len(s.series)
}

func (s *set) At() storage.Series                { return s.series[s.next-1] }
func (s *set) Err() error                        { return nil }
func (s *set) Warnings() annotations.Annotations { return nil }

// A series is one place of one sensor.
type series struct {
	labels labels.Labels
	valid  []span // from inclusive, to exclusive, in order, apart from each other
	clip   span   // what is asked for, both inclusive
}

func (s *series) Labels() labels.Labels { return s.labels }

func (s *series) Iterator(chunkenc.Iterator) chunkenc.Iterator { return &iterator{series: s} }
