package places

import (
	"math"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// Unix milliseconds, as Prometheus' storage counts time. The name also tells vet
// that Seek is not the one of io.Seeker.
type unixMilli = int64

// A span is a stretch of time.
type span struct{ from, to unixMilli }

// every is how far apart samples are, on the grid of the epoch: as far as those
// that agents send by default. Who looks back less far finds gaps in those, too.
const every = unixMilli(10 * time.Second / time.Millisecond)

// An iterator makes samples of what holds for long: 1 when it begins and at every
// point of the grid while it holds, and Prometheus' mark of a series that has
// ended at the moment when it does not any more, so that nobody looks back beyond
// it.
type iterator struct {
	*series

	started bool
	at      unixMilli // where it stands
	period  int       // in valid, that at belongs to
}

// Next goes on to the next sample.
func (it *iterator) Next() chunkenc.ValueType {
	if !it.started {
		return it.Seek(it.clip.from)
	}
	return it.seek(it.at + 1)
}

// Seek goes on to the first sample that is not before t.
func (it *iterator) Seek(t unixMilli) chunkenc.ValueType {
	t = max(t, it.clip.from)
	if it.started && it.period < len(it.valid) && it.at >= t {
		return chunkenc.ValFloat
	}
	it.started = true
	return it.seek(t)
}

// seek is Seek for a time that is ahead.
func (it *iterator) seek(t unixMilli) chunkenc.ValueType {
	for ; it.period < len(it.valid); it.period++ {
		valid := it.valid[it.period]
		switch {
		case t > valid.to:
			continue
		case t <= valid.from:
			it.at = valid.from
		default:
			it.at = min(ceil(t), valid.to)
		}
		if it.at > it.clip.to {
			it.period = len(it.valid)
			break
		}
		return chunkenc.ValFloat
	}
	return chunkenc.ValNone
}

// ceil returns the first point of the grid that is not before t.
func ceil(t unixMilli) unixMilli {
	past := (t%every + every) % every
	return t + (every-past)%every
}

// At returns the sample that it stands at.
func (it *iterator) At() (unixMilli, float64) {
	if it.at == it.valid[it.period].to {
		return it.at, math.Float64frombits(value.StaleNaN)
	}
	return it.at, 1
}

// AtT returns the time of that.
func (it *iterator) AtT() unixMilli { return it.at }

// AtST returns that no start time is known.
func (*iterator) AtST() unixMilli { return 0 }

// Err returns nil: nothing is read.
func (*iterator) Err() error { return nil }

// AtHistogram is not called: there are none.
func (*iterator) AtHistogram(*histogram.Histogram) (int64, *histogram.Histogram) { return 0, nil }

// AtFloatHistogram is not called: there are none.
func (*iterator) AtFloatHistogram(*histogram.FloatHistogram) (int64, *histogram.FloatHistogram) {
	return 0, nil
}
