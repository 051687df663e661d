package influx

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
)

// names are the record names that are known to be stored.
type names struct {
	mu    sync.RWMutex
	known map[string]bool
}

func (n *names) has(name string) bool {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.known[name]
}

func (n *names) add(all ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, name := range all {
		n.known[name] = true
	}
}

// Range returns the points of a record name with from <= t < to, in time order,
// those of all its series merged: of equal instants, that of the first series
// in the order of Series. Values are as store.Round made them.
//
// The error wraps store.ErrNoSeries for a name that was never stored, or of
// which the server has deleted all samples; otherwise it is the error of ctx, or
// as of Append.
func (s *Store) Range(ctx context.Context, name string, from, to time.Time) ([]store.Point, error) {
	points, err := s.points(ctx, name, spanOf(from, to))
	if err != nil {
		return nil, fmt.Errorf("range of %.200q: %w", name, err)
	}
	return points, nil
}

func (s *Store) points(ctx context.Context, name string, sp span) ([]store.Point, error) {
	device, quantity, ok := wire.SplitName(name)
	if !ok || !strings.HasPrefix(device, urn) {
		return nil, store.ErrNoSeries
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.life.RUnlock()
	found := make(map[store.Series][]store.Point)
	if sp.from <= sp.to {
		err := s.query(ctx, s.flux(sp, isName(device, quantity))+keep, func(r row) {
			if sp.from <= r.time && r.time <= sp.to {
				found[r.series] = append(found[r.series], r.point())
			}
		})
		if err != nil {
			return nil, err
		}
	}
	if len(found) == 0 {
		_, err := s.units(ctx, device, quantity)
		return nil, err
	}
	s.names.add(name)
	return store.MergeSeries(found), nil
}

func (r row) point() store.Point {
	return store.Point{Time: time.UnixMilli(r.time).UTC(), Value: r.value}
}

// isName returns a condition of Flux that holds for the series of a record name.
func isName(device, quantity string) string {
	return isDevice(device, func(named string) string { return "r._field == " + quote(named+":"+quantity) })
}

// Unit returns the SenML unit of a record name: "" for plain numbers, and for a
// name that was stored in several units. The errors are those of Range.
func (s *Store) Unit(ctx context.Context, name string) (string, error) {
	unit, err := s.unit(ctx, name)
	if err != nil {
		return "", fmt.Errorf("unit of %.200q: %w", name, err)
	}
	return unit, nil
}

func (s *Store) unit(ctx context.Context, name string) (string, error) {
	device, quantity, ok := wire.SplitName(name)
	if !ok || !strings.HasPrefix(device, urn) {
		return "", store.ErrNoSeries
	}
	if err := s.enter(ctx); err != nil {
		return "", err
	}
	defer s.life.RUnlock()
	all, err := s.units(ctx, device, quantity)
	if err != nil || len(all) != 1 {
		return "", err
	}
	return all[0], nil
}

// units returns the units in which a record name is stored, or
// store.ErrNoSeries. Of a quantity that has but one unit, and a name that is
// known to be stored, it does not ask the server.
func (s *Store) units(ctx context.Context, device, quantity string) ([]string, error) {
	name := device + ":" + quantity
	if slices.Contains(quantities(), quantity) && s.names.has(name) {
		return []string{wire.UnitOf(quantity)}, nil
	}
	var all []string
	err := s.query(ctx, s.flux(forever, isName(device, quantity))+" |> first()"+keep, func(r row) {
		if !slices.Contains(all, r.series.Unit) {
			all = append(all, r.series.Unit)
		}
	})
	if err == nil && len(all) == 0 {
		err = store.ErrNoSeries
	}
	if err != nil {
		return nil, err
	}
	s.names.add(name)
	return all, nil
}

// Latest returns, by record name, the newest point with at-lookback < t <= at
// over all series of the name; of equal instants, that of the first series in
// the order of Series. Names without one are missing, and so are counts of
// faults. The server reads all points of the lookback: keep it to minutes.
//
// The error is that of ctx, or as of Append.
func (s *Store) Latest(ctx context.Context, at time.Time, lookback time.Duration) (map[string]store.Point, error) {
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("latest: %w", err)
	}
	defer s.life.RUnlock()
	sp := span{at.Add(-lookback).UnixMilli() + 1, at.UnixMilli()}
	newest := make(map[string]row)
	err := s.query(ctx, s.flux(sp, ours)+" |> last()"+keep, func(r row) {
		old, seen := newest[r.series.Name()]
		later := r.time > old.time || r.time == old.time && r.series.Compare(old.series) < 0
		if sp.from <= r.time && r.time <= sp.to && (!seen || later) && r.series.Quantity != wire.QuantityFaults {
			newest[r.series.Name()] = r
		}
	})
	if err != nil {
		return nil, fmt.Errorf("latest: %w", err)
	}
	points := make(map[string]store.Point, len(newest))
	for name, r := range newest {
		points[name] = r.point()
	}
	return points, nil
}

// Series returns every series that has a sample, in the order of
// store.Series.Compare. InfluxDB 1.8 reads the whole bucket for it. The error is
// that of ctx, or as of Append.
func (s *Store) Series(ctx context.Context) ([]store.Series, error) {
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("list series: %w", err)
	}
	defer s.life.RUnlock()
	found := make(map[store.Series]bool)
	err := s.query(ctx, s.flux(forever, ours)+" |> first()"+keep, func(r row) { found[r.series] = true })
	if err != nil {
		return nil, fmt.Errorf("list series: %w", err)
	}
	all := make([]store.Series, 0, len(found))
	for series := range found {
		all = append(all, series)
	}
	slices.SortFunc(all, store.Series.Compare)
	return all, nil
}
