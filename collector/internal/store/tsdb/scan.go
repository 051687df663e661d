package tsdb

import (
	"context"
	"fmt"
	"math"
	"time"

	"thermarack/collector/internal/store"
)

// Scan calls visit for every series, in no order, with its points with
// from <= t < to in time order. Series without one are left out. All that is
// visited stands in memory a series at a time; a caller that keeps it keeps the
// span short.
//
// The error is that of ctx, or says which part of the store could not be read.
func (s *Store) Scan(ctx context.Context, from, to time.Time, visit func(store.Series, []store.Point)) error {
	if err := s.enter(ctx); err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	defer s.life.RUnlock()
	err := s.each(ctx, spanOf(from, to), matchStored(), func(series store.Series, points iterator) {
		if all := points.all(); len(all) > 0 {
			visit(series, all)
		}
	})
	if err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	return nil
}

// Bounds returns a time that no sample is before and one that all are before.
// The first may be days too early: the library keeps no more than a bound of
// what came late. ok is false when the store is empty. It reads no samples.
func (s *Store) Bounds(ctx context.Context) (from, to time.Time, ok bool, err error) {
	if err := s.enter(ctx); err != nil {
		return from, to, false, fmt.Errorf("bounds: %w", err)
	}
	defer s.life.RUnlock()
	head := s.db.Head()
	all := span{min(head.MinTime(), head.MinOOOTime()), max(head.MaxTime(), head.MaxOOOTime())}
	for _, b := range s.db.Blocks() {
		all = span{min(all.from, b.MinTime()), max(all.to, b.MaxTime()-1)}
	}
	if all.from > all.to || all.from == math.MinInt64 {
		return from, to, false, nil
	}
	return time.UnixMilli(all.from).UTC(), time.UnixMilli(all.to + 1).UTC(), true, nil
}
