package playback

import (
	"context"
	"errors"
	"math"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"thermarack/collector/internal/store"
)

const (
	// mostAtOnce is how much of a record is asked of the store at once.
	mostAtOnce = 24 * time.Hour

	// skipped is the least time between two frames' readings that is worth another
	// question: to read on costs less than to ask again.
	skipped = time.Hour
)

// A span is a stretch of time, from inclusive, to exclusive.
type span struct{ from, to time.Time }

// spansOf returns what must be read for frames at these times, which show nothing
// that is as old as lookback: spans in time order that do not overlap, each of which
// ends with a frame.
func spansOf(times []time.Time, lookback time.Duration) []span {
	var spans []span
	for _, at := range times {
		next := span{at.Add(time.Millisecond - lookback), at.Add(time.Millisecond)}
		n := len(spans)
		switch {
		case n > 0 && next.from.Sub(spans[n-1].to) < skipped && next.to.Sub(spans[n-1].from) <= mostAtOnce:
			spans[n-1].to = next.to
			continue
		case n > 0 && next.from.Before(spans[n-1].to):
			next.from = spans[n-1].to
		}
		spans = append(spans, next)
	}
	return spans
}

// A reading is what was known of a record at a frame.
type reading struct {
	at    int64 // Unix ms; never: nothing
	value float64
}

const never = math.MinInt64

// A tape is what was known of each record of a section at each of its frames.
type tape map[string][]reading

// newest returns what was known of a record at a frame of the section.
func (t tape) newest(record string, frame int) store.Point {
	r := t[record][frame]
	if r.at == never {
		return store.Point{}
	}
	return store.Point{Time: time.UnixMilli(r.at).UTC(), Value: r.value}
}

// read reads a section, several records at a time. The error is the store's or
// ctx's.
func (s Section) read(ctx context.Context, from Series) (tape, error) {
	records := s.Past.Records()
	columns := make([][]reading, len(records))
	spans := spansOf(s.Times, s.Past.Lookback())
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, record := range records {
		group.Go(func() (err error) {
			columns[i], err = s.column(ctx, from, record, spans)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	t := make(tape, len(records))
	for i, record := range records {
		t[record] = columns[i]
	}
	return t, nil
}

// column reads one record. What was never stored is not known at any time.
func (s Section) column(ctx context.Context, from Series, record string, spans []span) ([]reading, error) {
	column := make([]reading, len(s.Times))
	last, frame := reading{at: never}, 0
	for _, sp := range spans {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		points, err := from.Range(ctx, record, sp.from, sp.to)
		if err != nil && !errors.Is(err, store.ErrNoSeries) {
			return nil, err
		}
		next := 0
		for ; frame < len(s.Times) && s.Times[frame].Before(sp.to); frame++ {
			at := s.Times[frame].UnixMilli()
			for ; next < len(points) && points[next].Time.UnixMilli() <= at; next++ {
				last = reading{points[next].Time.UnixMilli(), points[next].Value}
			}
			column[frame] = last
		}
	}
	return column, nil
}
