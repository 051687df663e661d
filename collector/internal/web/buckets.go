package web

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	"thermarack/collector/internal/store"
)

// A bucket sums up the points of one step. Of several strands it holds the mean
// of their means, and the least and greatest of all.
type bucket struct {
	T    time.Time `json:"t"` // its begin, a multiple of the step since the epoch
	Mean float64   `json:"mean"`
	Min  float64   `json:"min"`
	Max  float64   `json:"max"`
}

// buckets returns the buckets that hold points, in time order. A strand never
// stored is left out beside others that were; if all are, the error is
// store.ErrNoSeries.
func (s *Server) buckets(ctx context.Context, from source, span span) ([]bucket, error) {
	merged := map[int64][]tally{}
	missing := 0
	for _, strand := range from.strands {
		err := s.tally(ctx, strand, span.step, merged)
		if errors.Is(err, store.ErrNoSeries) {
			missing++
			continue
		}
		if err != nil {
			return nil, err
		}
	}
	if missing == len(from.strands) {
		return nil, store.ErrNoSeries
	}
	buckets := make([]bucket, 0, len(merged))
	for _, n := range slices.Sorted(maps.Keys(merged)) {
		buckets = append(buckets, merge(time.UnixMilli(n*span.step.Milliseconds()).UTC(), merged[n]))
	}
	return buckets, nil
}

// A tally is one strand's share of a bucket.
type tally struct {
	sum, min, max float64
	n             int
}

// tally adds one strand's tallies to those of the others, by number of step
// since the epoch.
func (s *Server) tally(ctx context.Context, from strand, step time.Duration, merged map[int64][]tally) error {
	current, number := tally{}, int64(0)
	for p, err := range s.points(ctx, from) {
		if err != nil {
			return err
		}
		if n := p.Time.UnixMilli() / step.Milliseconds(); n != number || current.n == 0 {
			keep(merged, number, current)
			current, number = tally{min: math.Inf(1), max: math.Inf(-1)}, n
		}
		current.n++
		current.sum += p.Value
		current.min, current.max = min(current.min, p.Value), max(current.max, p.Value)
	}
	keep(merged, number, current)
	return nil
}

func keep(merged map[int64][]tally, number int64, t tally) {
	if t.n > 0 {
		merged[number] = append(merged[number], t)
	}
}

func merge(at time.Time, tallies []tally) bucket {
	b := bucket{T: at, Min: math.Inf(1), Max: math.Inf(-1)}
	for _, t := range tallies {
		b.Mean += t.sum / float64(t.n) / float64(len(tallies))
		b.Min, b.Max = min(b.Min, t.min), max(b.Max, t.max)
	}
	b.Mean = math.Round(b.Mean*1e6) / 1e6
	return b
}
