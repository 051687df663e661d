package tsdb

import (
	"time"

	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"thermarack/collector/internal/store"
)

// An iterator walks over the points of one series in time order.
type iterator struct {
	chunkenc.Iterator

	time  int64 // Unix ms, of the point that next came to
	value float64
}

// next goes on to the next point. It returns false at the end, and on the error
// that Err then returns.
func (it *iterator) next() bool {
	for kind := it.Next(); kind != chunkenc.ValNone; kind = it.Next() {
		if kind == chunkenc.ValFloat { // a histogram is nothing that we write
			it.time, it.value = it.At()
			return true
		}
	}
	return false
}

func (it *iterator) point() store.Point {
	return store.Point{Time: time.UnixMilli(it.time).UTC(), Value: it.value}
}

// all returns the points that are left.
func (it *iterator) all() []store.Point {
	var points []store.Point
	for it.next() {
		points = append(points, it.point())
	}
	return points
}

// last returns the last of the points that are left; ok is false without any.
func (it *iterator) last() (p store.Point, ok bool) {
	for it.next() {
		ok = true
	}
	return it.point(), ok
}
