package tsdb_test

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"testing"
	"time"

	"thermarack/collector/internal/store/tsdb"
)

func TestCloseWaitsForQueriers(t *testing.T) {
	t.Parallel()
	s := open(t, tsdb.Options{Dir: t.TempDir(), MinFree: 1})
	q, err := s.Queryable().Querier(math.MinInt64, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		shut(t, s)
	}()
	if names, _, err := q.LabelNames(t.Context(), nil); err != nil || len(names) > 0 {
		t.Errorf("names %v, %v", names, err)
	}
	select {
	case <-closed:
		t.Fatal("the store was closed while it was read")
	default:
	}
	if err := q.Close(); err != nil {
		t.Error(err)
	}
	_ = q.Close() // the engine may; the library says that it is closed already
	<-closed
	if _, err := s.Queryable().Querier(0, 1); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestAReadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := open(t, tsdb.Options{Dir: t.TempDir(), MinFree: 1})
	t.Cleanup(func() { shut(t, s) })
	if _, err := s.Append(t.Context(), fleet(1000, noon)); err != nil {
		t.Fatal(err)
	}
	// A context that ends when the store has asked for it as often as it takes to
	// be in the midst of the series.
	ctx := &countdown{Context: t.Context(), left: 20}
	if _, err := s.Latest(ctx, noon, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	if ctx.left < -20 {
		t.Errorf("%d series were read after that", -ctx.left)
	}
}

// A countdown is a context that ends once it was asked so many times.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// BenchmarkPlaybackRange reads six hours of a shelf of 108 Pis, one point each
// 10 s, from a store of ten such shelves.
func BenchmarkPlaybackRange(b *testing.B) {
	s := filled(b, 1080, 6*time.Hour)
	shelf := fleet(108, noon)
	for b.Loop() {
		for _, sample := range shelf {
			points, err := s.Range(b.Context(), sample.Name(), noon.Add(-6*time.Hour), noon)
			if err != nil || len(points) != 2160 {
				b.Fatal(len(points), err)
			}
		}
	}
}
