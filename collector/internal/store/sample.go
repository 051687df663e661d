package store

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"thermarack/agent/wire"
)

// OutOfOrder is how much older than the newest stored sample another may be,
// unless a store is opened with a window of its own: the week that an agent
// may be cut off from its broker.
const OutOfOrder = 7 * 24 * time.Hour

// ErrSample reports a sample that no store takes, a bug of the caller: nothing
// of the call was stored, and calling again will not help.
var ErrSample = errors.New("bad sample")

// Check returns an error that wraps ErrSample and says what is wrong, unless
// the sample can be stored and found again: its series and its point pass their
// own Check.
func (s Sample) Check() error {
	if err := s.Series.Check(); err != nil {
		return err
	}
	if err := s.Point.Check(); err != nil {
		return fmt.Errorf("%s: %w", s.Name(), err)
	}
	return nil
}

// Check returns an error that wraps ErrSample and says what is wrong, unless
// the series has a device, a quantity without a colon and the unit of that
// quantity, all in UTF-8.
func (s Series) Check() error {
	switch {
	case s.Device == "" || s.Quantity == "" || strings.Contains(s.Quantity, ":"):
		return fmt.Errorf("%w: name %.120q is not <device>:<quantity>", ErrSample, s.Name())
	case s.Reason != "" && s.Quantity != wire.QuantityFaults:
		return fmt.Errorf("%w: %s: reason %.40q belongs to %s only", ErrSample, s.Name(), s.Reason, wire.QuantityFaults)
	case hasUnit(s.Quantity) && s.Unit != wire.UnitOf(s.Quantity):
		return fmt.Errorf("%w: %s: unit %.40q, want %q", ErrSample, s.Name(), s.Unit, wire.UnitOf(s.Quantity))
	case !utf8.ValidString(s.Site + string(s.Node) + s.Name() + s.Unit + s.Reason):
		return fmt.Errorf("%w: series %.200q is not UTF-8", ErrSample, s)
	}
	return nil
}

// Check returns an error that wraps ErrSample and says what is wrong, unless
// the point has a time and a finite value.
func (p Point) Check() error {
	switch {
	case p.Time.IsZero():
		return fmt.Errorf("%w: no time", ErrSample)
	case math.IsNaN(p.Value) || math.IsInf(p.Value, 0):
		return fmt.Errorf("%w: value %v is not finite", ErrSample, p.Value)
	}
	return nil
}

// hasUnit tells whether all series of a quantity have one unit, or none.
func hasUnit(quantity string) bool {
	return wire.UnitOf(quantity) != "" || quantity == wire.QuantityThrottled || quantity == wire.QuantityFaults
}

// Compare orders series by name, then site, node, reason and unit. It returns
// less than, more than or exactly 0, as cmp.Compare does.
func (s Series) Compare(other Series) int {
	return cmp.Or(
		cmp.Compare(s.Name(), other.Name()),
		cmp.Compare(s.Site, other.Site),
		cmp.Compare(s.Node, other.Node),
		cmp.Compare(s.Reason, other.Reason),
		cmp.Compare(s.Unit, other.Unit),
	)
}

// Merge joins the points of several series, each in time order, into one in
// time order. Of points at one instant, that of the first list is kept.
func Merge(lists ...[]Point) []Point {
	if len(lists) == 1 {
		return lists[0]
	}
	all := slices.Concat(lists...)
	slices.SortStableFunc(all, func(a, b Point) int { return a.Time.Compare(b.Time) })
	return slices.CompactFunc(all, func(a, b Point) bool { return a.Time.Equal(b.Time) })
}

// MergeSeries is Merge of the points of several series, those first that come
// first in the order of Series.Compare.
func MergeSeries(found map[Series][]Point) []Point {
	order := slices.SortedFunc(maps.Keys(found), Series.Compare)
	lists := make([][]Point, len(order))
	for i, series := range order {
		lists[i] = found[series]
	}
	return Merge(lists...)
}
