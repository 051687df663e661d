// Package memory keeps samples in memory, for replays, tests and demonstrations.
// It forgets nothing: whoever fills it bounds it.
package memory

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
)

// A Store holds samples until it is closed. It is safe for concurrent use.
type Store struct {
	outOfOrder time.Duration

	mu     sync.RWMutex
	closed bool
	series map[store.Series][]store.Point // in time order, one an instant
	names  map[string][]store.Series      // in the order of store.Series.Compare
	newest time.Time                      // of all points; zero when there is none
}

// New returns an empty store that refuses samples older than the newest one by
// more than outOfOrder; 0 means store.OutOfOrder.
func New(outOfOrder time.Duration) *Store {
	if outOfOrder == 0 {
		outOfOrder = store.OutOfOrder
	}
	return &Store{
		outOfOrder: outOfOrder,
		series:     make(map[store.Series][]store.Point),
		names:      make(map[string][]store.Series),
	}
}

// Append stores samples, their times cut to milliseconds. It returns those that
// are refused, in order: older than the window before the newest sample that
// was there before the call, or in conflict with the value that is stored at
// the same instant of the same series. The same sample again changes nothing.
//
// The error wraps store.ErrSample for a bug of the caller, fs.ErrClosed after
// Close, or is that of ctx; then nothing was stored.
func (s *Store) Append(ctx context.Context, samples []store.Sample) ([]store.Refusal, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for i, sample := range samples {
		if err := sample.Check(); err != nil {
			return nil, fmt.Errorf("append sample %d of %d: %w", i, len(samples), err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("append to the store in memory: %w", fs.ErrClosed)
	}
	var oldest time.Time
	if !s.newest.IsZero() {
		oldest = s.newest.Add(-s.outOfOrder)
	}
	var refused []store.Refusal
	for i, sample := range samples {
		sample.Time = time.UnixMilli(sample.Time.UnixMilli()).UTC()
		if reason := s.insert(sample, oldest); reason != "" {
			refused = append(refused, store.Refusal{Index: i, Reason: reason})
		}
	}
	return refused, nil
}

// insert stores one sample, or returns the reason for which it is refused.
func (s *Store) insert(sample store.Sample, oldest time.Time) string {
	points, known := s.series[sample.Series]
	i, found := slices.BinarySearchFunc(points, sample.Time, comparePoint)
	switch {
	case found && points[i].Value != sample.Value:
		return store.RefusedConflict
	case found:
		return ""
	case sample.Time.Before(oldest):
		return store.RefusedPast
	}
	if !known {
		s.name(sample.Series)
	}
	s.series[sample.Series] = slices.Insert(points, i, sample.Point)
	if sample.Time.After(s.newest) {
		s.newest = sample.Time
	}
	return ""
}

// name makes a new series known by its name.
func (s *Store) name(series store.Series) {
	same := s.names[series.Name()]
	i, _ := slices.BinarySearchFunc(same, series, store.Series.Compare)
	s.names[series.Name()] = slices.Insert(same, i, series)
}

func comparePoint(p store.Point, t time.Time) int { return p.Time.Compare(t) }

// Range returns the points of a record name with from <= t < to, in time order,
// those of all its series merged: of equal instants, that of the first series
// in the order of Series. A name that was never stored is store.ErrNoSeries.
func (s *Store) Range(ctx context.Context, name string, from, to time.Time) ([]store.Point, error) {
	if err := s.rlock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	if len(s.names[name]) == 0 {
		return nil, fmt.Errorf("range of %.200q: %w", name, store.ErrNoSeries)
	}
	var found [][]store.Point
	for _, series := range s.names[name] {
		points := s.series[series]
		first, _ := slices.BinarySearchFunc(points, from, comparePoint)
		end, _ := slices.BinarySearchFunc(points, to, comparePoint)
		if first < end {
			found = append(found, slices.Clone(points[first:end]))
		}
	}
	return store.Merge(found...), nil
}

// Latest returns, by record name, the newest point with at-lookback < t <= at
// over all series of the name. Names without one are missing, and so are
// counts of faults.
func (s *Store) Latest(ctx context.Context, at time.Time, lookback time.Duration) (map[string]store.Point, error) {
	if err := s.rlock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	latest := make(map[string]store.Point, len(s.names))
	for name, all := range s.names {
		for _, series := range all {
			p, ok := lastAt(s.series[series], at)
			fresh := ok && p.Time.After(at.Add(-lookback)) && p.Time.After(latest[name].Time)
			if fresh && series.Quantity != wire.QuantityFaults {
				latest[name] = p
			}
		}
	}
	return latest, nil
}

// lastAt returns the last of points, in time order, that is not after at.
func lastAt(points []store.Point, at time.Time) (store.Point, bool) {
	i, found := slices.BinarySearchFunc(points, at, comparePoint)
	switch {
	case found:
		return points[i], true
	case i == 0:
		return store.Point{}, false
	}
	return points[i-1], true
}

// Series returns every series that has a sample, in the order of
// store.Series.Compare.
func (s *Store) Series(ctx context.Context) ([]store.Series, error) {
	if err := s.rlock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	all := make([]store.Series, 0, len(s.series))
	for series := range s.series {
		all = append(all, series)
	}
	slices.SortFunc(all, store.Series.Compare)
	return all, nil
}

// rlock locks the store for reading. On an error it stays unlocked.
func (s *Store) rlock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	if s.closed {
		s.mu.RUnlock()
		return fmt.Errorf("read the store in memory: %w", fs.ErrClosed)
	}
	return nil
}

// Close forgets everything. Closing again does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.series, s.names = true, nil, nil
	return nil
}
