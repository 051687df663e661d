// Package storetest is the promise that every store keeps, as a test suite.
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
)

// A Store is what every implementation provides.
type Store interface {
	// Append stores samples durably before it returns. All that are not
	// refused are stored when the error is nil; after an error nothing may be
	// assumed, and the same call may be made again.
	Append(ctx context.Context, samples []store.Sample) ([]store.Refusal, error)
	// Range returns the points of a record name with from <= t < to, in time
	// order, or store.ErrNoSeries.
	Range(ctx context.Context, name string, from, to time.Time) ([]store.Point, error)
	// Latest returns by record name the newest point with at-lookback < t <= at.
	Latest(ctx context.Context, at time.Time, lookback time.Duration) (map[string]store.Point, error)
	// Series returns all series in the order of store.Series.Compare.
	Series(ctx context.Context) ([]store.Series, error)
	// Close ends the use of the store.
	Close() error
}

// Run runs every check, each against an empty store of its own from open. The
// out-of-order window of that store is store.OutOfOrder, and it keeps values
// that are multiples of 1/1024 as they are. Run closes it.
func Run(t *testing.T, open func(t *testing.T) Store) {
	t.Helper()
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			c.run(t, fixture{s})
		})
	}
}

type check struct {
	name string
	run  func(*testing.T, fixture)
}

func checks() []check {
	var all []check
	for _, group := range [][]check{readChecks(), orderChecks(), refusalChecks(), callChecks()} {
		all = append(all, group...)
	}
	return all
}

// noon is when the samples of the suite are taken, mostly.
var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

const (
	nodeA wire.Node = "b827eb000001"
	nodeB wire.Node = "b827eb000002"
	probe           = "urn:dev:ow:28f6fb1e0d0000c5"
)

// inlet is the series that most checks use; its record name is inletName.
func inlet() store.Series {
	return store.Series{Site: "hex", Node: nodeA, Device: probe, Quantity: wire.QuantityTemperature, Unit: "Cel"}
}

const inletName = probe + ":temperature"

// soc returns the temperature of a node's processor.
func soc(node wire.Node) store.Series {
	return store.Series{Site: "hex", Node: node, Device: node.Device("soc"), Quantity: wire.QuantityTemperature, Unit: "Cel"}
}

// at returns a sample of a series some time after noon.
func at(s store.Series, after time.Duration, value float64) store.Sample {
	return store.Sample{Series: s, Point: point(after, value)}
}

func point(after time.Duration, value float64) store.Point {
	return store.Point{Time: noon.Add(after), Value: value}
}

// A fixture is a store with the short forms that the checks are written in. All
// but append end the test when the store returns an error.
type fixture struct{ Store }

// append stores samples, of which none may be refused.
func (f fixture) append(t *testing.T, samples ...store.Sample) {
	t.Helper()
	f.refuses(t, nil, samples...)
}

// refuses stores samples and compares what is refused.
func (f fixture) refuses(t *testing.T, want []store.Refusal, samples ...store.Sample) {
	t.Helper()
	got, err := f.Append(t.Context(), samples)
	if err != nil {
		t.Fatalf("Append: %v", err)
	}
	same(t, "refused", got, want)
}

// holds compares all points of a record name.
func (f fixture) holds(t *testing.T, name string, want ...store.Point) {
	t.Helper()
	f.ranges(t, name, span{-1000 * time.Hour, 1000 * time.Hour}, want...)
}

// A span is a time range, from noon.
type span struct{ from, to time.Duration }

// ranges compares the points of a record name in a span.
func (f fixture) ranges(t *testing.T, name string, s span, want ...store.Point) {
	t.Helper()
	got, err := f.Range(t.Context(), name, noon.Add(s.from), noon.Add(s.to))
	if err != nil {
		t.Fatalf("Range(%q): %v", name, err)
	}
	same(t, "points of "+name, got, want)
}

// latest compares the newest points some time after noon.
func (f fixture) latest(t *testing.T, after, lookback time.Duration, want map[string]store.Point) {
	t.Helper()
	got, err := f.Latest(t.Context(), noon.Add(after), lookback)
	if err != nil {
		t.Fatalf("Latest: %v", err)
	}
	same(t, "latest", got, want)
}

// same compares; an empty list or map equals nil.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
