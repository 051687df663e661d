package recording

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
)

// A Store is what a recording can be made from.
type Store interface {
	// Scan calls visit for every series, in no order, with its points with
	// from <= t < to in time order.
	Scan(ctx context.Context, from, to time.Time, visit func(store.Series, []store.Point)) error

	// Bounds returns a time that no sample is before and one that all are before;
	// ok is false without any.
	Bounds(ctx context.Context) (from, to time.Time, ok bool, err error)
}

// Stored gives take what is stored with from <= t < to as messages, in time
// order and by node at one instant: the readings of one node and instant are in
// one pack, at the time that they carry. A zero from is the beginning.
//
// What is not stored is not in them: the texts of a boot, status and inventory,
// and when a message arrived. A counted fault is a fault again. Values are as the
// store has rounded them.
//
// The error is the store's, take's or that of ctx.
func Stored(ctx context.Context, s Store, from, to time.Time, take func(Entry) error) error {
	begin, end, ok, err := s.Bounds(ctx)
	if err != nil || !ok {
		return err
	}
	if begin.After(from) {
		from = begin
	}
	if end.Before(to) {
		to = end
	}
	w := firstWindow
	for at := from; at.Before(to); {
		next := at.Add(w)
		if next.After(to) {
			next = to
		}
		rows, err := scan(ctx, s, at, next)
		if errors.Is(err, errDense) {
			w = max(next.Sub(at)/8, shortestWindow)
			continue
		}
		if err != nil {
			return err
		}
		if err := packs(rows, take); err != nil {
			return err
		}
		at, w = next, nextWindow(w, len(rows))
	}
	return nil
}

// WriteStored writes Stored as a recording.
func WriteStored(ctx context.Context, out io.Writer, s Store, from, to time.Time) error {
	w := NewWriter(out)
	if err := Stored(ctx, s, from, to, w.Write); err != nil {
		return err
	}
	return w.Flush()
}

// How much is read at a time: as much time as holds about wantedRows, which are
// a few megabytes. A store knows no more of a span than its bounds; where there is
// much behind a gap, it is read again in shorter pieces.
const (
	wantedRows     = 200_000
	maxRows        = 2 * wantedRows // but for the shortest window
	firstWindow    = time.Minute
	shortestWindow = time.Second
	longestWindow  = 6 * time.Hour
)

// errDense reports a span that holds more than maxRows.
var errDense = errors.New("too much in one span")

// nextWindow returns how much to read after a window that held n rows.
func nextWindow(w time.Duration, n int) time.Duration {
	fit := 4 * w
	if n > wantedRows/4 {
		fit = time.Duration(float64(w) * wantedRows / float64(n))
	}
	return min(max(fit, shortestWindow), longestWindow)
}

// maxPack is how many readings one message carries. A reading has at most 400
// bytes, and a message of 256 KiB is refused.
const maxPack = 500

// A row is one sample.
type row struct {
	at     int64 // Unix ms
	series *store.Series
	value  float64
}

// sender orders rows by message.
func (r row) sender(other row) int {
	if r.at != other.at {
		return cmp.Compare(r.at, other.at)
	}
	return cmp.Or(cmp.Compare(r.series.Site, other.series.Site), cmp.Compare(r.series.Node, other.series.Node))
}

// scan returns the samples of a span, by message. The error may be errDense.
func scan(ctx context.Context, s Store, from, to time.Time) ([]row, error) {
	bounded, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var rows []row
	err := s.Scan(bounded, from, to, func(series store.Series, points []store.Point) {
		if len(rows) > maxRows && to.Sub(from) > shortestWindow {
			stop(errDense)
			return
		}
		for _, p := range points {
			rows = append(rows, row{p.Time.UnixMilli(), &series, p.Value})
		}
	})
	switch {
	case context.Cause(bounded) == errDense:
		return nil, errDense
	case err != nil:
		return nil, err
	}
	slices.SortFunc(rows, func(a, b row) int {
		if order := a.sender(b); order != 0 {
			return order
		}
		return a.series.Compare(*b.series)
	})
	return rows, nil
}

// packs gives take the messages that rows make.
func packs(rows []row, take func(Entry) error) error {
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && n < maxPack && rows[n].sender(rows[0]) == 0 {
			n++
		}
		e, err := pack(rows[:n])
		if err != nil {
			return err
		}
		if err := take(e); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// pack returns the message of rows that are of one node and instant.
func pack(rows []row) (Entry, error) {
	at := time.UnixMilli(rows[0].at).UTC()
	readings := make([]wire.Reading, len(rows))
	for i, r := range rows {
		readings[i] = wire.Reading{Device: r.series.Device, Quantity: r.series.Quantity, Unit: r.series.Unit, Time: at, Value: r.value}
		if r.series.Quantity == wire.QuantityFaults {
			readings[i].Quantity, readings[i].Value, readings[i].Text = wire.QuantityFault, 0, r.series.Reason
		}
	}
	topic := wire.Topic{Site: rows[0].series.Site, Node: rows[0].series.Node, Kind: wire.KindReadings}
	payload, err := wire.EncodePack(readings)
	if err != nil {
		return Entry{}, fmt.Errorf("make a message of %s: %w", topic, err)
	}
	return Entry{Time: at, Topic: topic.String(), Payload: payload}, nil
}
