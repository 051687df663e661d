package tsdb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
)

// A span is a closed range of time in Unix ms.
type span struct{ from, to int64 }

var forever = span{math.MinInt64, math.MaxInt64}

// spanOf returns the milliseconds with from <= t < to.
func spanOf(from, to time.Time) span { return span{ceilMilli(from), ceilMilli(to) - 1} }

// ceilMilli returns the first millisecond that is not before t.
func ceilMilli(t time.Time) int64 { return t.Add(time.Millisecond - 1).UnixMilli() }

func (s span) hints() *storage.SelectHints {
	return &storage.SelectHints{Start: s.from, End: s.to}
}

// Range returns the points of a record name with from <= t < to, in time order,
// those of all its series merged: of equal instants, that of the first series
// in the order of Series. Values are as store.Round made them.
//
// The error wraps store.ErrNoSeries for a name that was never stored, or of
// which all samples are older than the retention; otherwise it is the error of
// ctx, or says which part of the store could not be read.
func (s *Store) Range(ctx context.Context, name string, from, to time.Time) ([]store.Point, error) {
	device, quantity, ok := wire.SplitName(name)
	if !ok {
		return nil, fmt.Errorf("range of %.200q: %w", name, store.ErrNoSeries)
	}
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("range of %.200q: %w", name, err)
	}
	defer s.life.RUnlock()
	found := make(map[store.Series][]store.Point)
	match := matchName(device, quantity)
	err := s.each(ctx, spanOf(from, to), match, func(series store.Series, points iterator) {
		found[series] = points.all()
	})
	if err == nil && len(found) == 0 {
		err = s.exists(ctx, match)
	}
	if err != nil {
		return nil, fmt.Errorf("range of %.200q: %w", name, err)
	}
	return store.MergeSeries(found), nil
}

// Unit returns the SenML unit of a record name: "" for plain numbers, and for a
// name that was stored in several units. It reads the index of that name only.
//
// The error wraps store.ErrNoSeries for a name that was never stored, or of
// which all samples are older than the retention; otherwise it is the error of
// ctx, or says which part of the store could not be read.
func (s *Store) Unit(ctx context.Context, name string) (string, error) {
	device, quantity, ok := wire.SplitName(name)
	if !ok {
		return "", fmt.Errorf("unit of %.200q: %w", name, store.ErrNoSeries)
	}
	if err := s.enter(ctx); err != nil {
		return "", fmt.Errorf("unit of %.200q: %w", name, err)
	}
	defer s.life.RUnlock()
	all, err := s.list(ctx, matchName(device, quantity))
	if err == nil && len(all) == 0 {
		err = store.ErrNoSeries
	}
	if err != nil {
		return "", fmt.Errorf("unit of %.200q: %w", name, err)
	}
	if slices.ContainsFunc(all, func(series store.Series) bool { return series.Unit != all[0].Unit }) {
		return "", nil
	}
	return all[0].Unit, nil
}

// exists returns store.ErrNoSeries if no series ever matched.
func (s *Store) exists(ctx context.Context, match []*labels.Matcher) error {
	all, err := s.list(ctx, match)
	if err == nil && len(all) == 0 {
		err = store.ErrNoSeries
	}
	return err
}

// Latest returns, by record name, the newest point with at-lookback < t <= at
// over all series of the name; of equal instants, that of the first series in
// the order of Series. Names without one are missing, and so are counts of
// faults. All points of the lookback are read: keep it to minutes.
//
// The error is that of ctx, or says which part of the store could not be read.
func (s *Store) Latest(ctx context.Context, at time.Time, lookback time.Duration) (map[string]store.Point, error) {
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("latest: %w", err)
	}
	defer s.life.RUnlock()
	type newest struct {
		series store.Series
		point  store.Point
	}
	byName := make(map[string]newest)
	sp := span{at.Add(-lookback).UnixMilli() + 1, at.UnixMilli()}
	err := s.each(ctx, sp, matchAll(), func(series store.Series, points iterator) {
		p, ok := points.last()
		old, seen := byName[series.Name()]
		later := p.Time.After(old.point.Time) ||
			p.Time.Equal(old.point.Time) && series.Compare(old.series) < 0
		if ok && (!seen || later) {
			byName[series.Name()] = newest{series, p}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("latest: %w", err)
	}
	latest := make(map[string]store.Point, len(byName))
	for name, n := range byName {
		latest[name] = n.point
	}
	return latest, nil
}

// Series returns every series that has a sample, in the order of
// store.Series.Compare. The error is that of ctx, or says which part of the
// store could not be read.
func (s *Store) Series(ctx context.Context) ([]store.Series, error) {
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("list series: %w", err)
	}
	defer s.life.RUnlock()
	all, err := s.list(ctx, matchStored())
	if err != nil {
		return nil, fmt.Errorf("list series: %w", err)
	}
	slices.SortFunc(all, store.Series.Compare)
	return all, nil
}

// list returns the series that match, in no order. It reads no samples.
func (s *Store) list(ctx context.Context, match []*labels.Matcher) ([]store.Series, error) {
	q, err := s.db.Querier(forever.from, forever.to)
	if err != nil {
		return nil, err
	}
	hints := forever.hints()
	hints.Func = "series" // the library then leaves the chunks alone
	var all []store.Series
	set := q.Select(ctx, false, hints, match...)
	for set.Next() {
		if series, ok := ParseLabels(set.At().Labels()); ok {
			all = append(all, series)
		}
	}
	return all, errors.Join(set.Err(), ctx.Err(), q.Close())
}

// each calls visit for every series that matches, in no order, with its points
// in the span.
func (s *Store) each(ctx context.Context, sp span, match []*labels.Matcher, visit func(store.Series, iterator)) error {
	if sp.from > sp.to {
		return nil
	}
	q, err := s.db.Querier(sp.from, sp.to)
	if err != nil {
		return err
	}
	err = walk(ctx, q.Select(ctx, false, sp.hints(), match...), func(ls labels.Labels, points iterator) {
		if series, ok := ParseLabels(ls); ok {
			visit(series, points)
		}
	})
	return errors.Join(err, q.Close())
}

// walk calls visit for every series of a set. The error may be that of ctx.
func walk(ctx context.Context, set storage.SeriesSet, visit func(labels.Labels, iterator)) error {
	var it chunkenc.Iterator
	for ctx.Err() == nil && set.Next() {
		it = set.At().Iterator(it)
		visit(set.At().Labels(), iterator{Iterator: it})
		if err := it.Err(); err != nil {
			return err
		}
	}
	return cmp.Or(set.Err(), ctx.Err())
}
