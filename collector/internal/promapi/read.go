package promapi

import (
	"context"
	"math"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// Unix milliseconds, as Prometheus' storage counts time. The name also tells vet
// that Seek is not the one of io.Seeker.
type unixMilli = int64

// A readable is a store as the engine sees it: with errors that are told from
// those of a query, and with a bound on what one range holds. The engine counts
// the samples of a range when it has them all in memory, so that one series with
// a range of years could fill it.
type readable struct {
	storage.Queryable
	samples int
}

func (r readable) Querier(from, to unixMilli) (storage.Querier, error) {
	q, err := r.Queryable.Querier(from, to)
	if err != nil {
		return nil, promql.ErrStorage{Err: err}
	}
	return boundedQuerier{q, r.samples}, nil
}

type boundedQuerier struct {
	storage.Querier
	samples int
}

func (q boundedQuerier) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, all ...*labels.Matcher) storage.SeriesSet {
	set := q.Querier.Select(ctx, sorted, hints, all...)
	if hints == nil || hints.Range <= 0 {
		return set
	}
	return boundedSet{set, hints.Range, q.samples}
}

type boundedSet struct {
	storage.SeriesSet
	window  unixMilli
	samples int
}

func (s boundedSet) At() storage.Series {
	return boundedSeries{s.SeriesSet.At(), s.window, s.samples}
}

type boundedSeries struct {
	storage.Series
	window  unixMilli
	samples int
}

// Iterator returns it, made to walk over this series, if it is one of ours.
func (s boundedSeries) Iterator(it chunkenc.Iterator) chunkenc.Iterator {
	b, ok := it.(*boundedIterator)
	if !ok {
		b = &boundedIterator{}
	}
	*b = boundedIterator{Iterator: s.Series.Iterator(b.Iterator), series: s, begin: math.MinInt64}
	return b
}

// A boundedIterator ends with an error when more samples than allowed lie within
// one range.
type boundedIterator struct {
	chunkenc.Iterator
	series boundedSeries

	begin unixMilli // of the range that is being counted
	count int
	err   error
}

func (b *boundedIterator) Next() chunkenc.ValueType { return b.counted(b.Iterator.Next()) }

func (b *boundedIterator) Seek(t unixMilli) chunkenc.ValueType {
	return b.counted(b.Iterator.Seek(t))
}

func (b *boundedIterator) counted(kind chunkenc.ValueType) chunkenc.ValueType {
	if kind == chunkenc.ValNone || b.err != nil {
		return chunkenc.ValNone
	}
	if at := b.AtT(); b.count == 0 || at-b.begin >= b.series.window {
		b.begin, b.count = at, 0
	}
	if b.count++; b.count > b.series.samples {
		b.err = promql.ErrTooManySamples("query execution")
		return chunkenc.ValNone
	}
	return kind
}

// Err returns why it ended.
func (b *boundedIterator) Err() error {
	if b.err != nil {
		return b.err
	}
	return b.Iterator.Err()
}
