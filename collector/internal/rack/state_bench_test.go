package rack_test

import (
	"fmt"
	"testing"
	"time"

	"thermarack/agent/wire"
	"thermarack/agent/wire/clock"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/store"
	"thermarack/collector/internal/store/tsdb"
)

// tenShelves is a layout of 1080 Pis.
func tenShelves() *layout.Layout {
	l := &layout.Layout{}
	for n := range 10 {
		shelf := layout.Shelf{Site: "hex", Rack: "a1", Name: fmt.Sprintf("s%d", n), Columns: 12, Depth: 9, Limits: layout.DefaultLimits()}
		for i := range 108 {
			shelf.Slots = append(shelf.Slots, layout.Slot{Number: i + 1, Node: wire.Node(fmt.Sprintf("b827eb%06x", n*108+i))})
		}
		l.Shelves = append(l.Shelves, shelf)
	}
	return l
}

// BenchmarkLatestState asks for one shelf of ten, about which a store holds six
// hours, a point each 10 s: as it is now, which the model remembers, and as it was
// at noon, which the store is asked for.
func BenchmarkLatestState(b *testing.B) {
	kept, err := tsdb.Open(tsdb.Options{Dir: b.TempDir(), MinFree: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer kept.Close()
	l := tenShelves()
	noon := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	for at := noon.Add(-3 * time.Hour); at.Before(noon.Add(3 * time.Hour)); at = at.Add(10 * time.Second) {
		var samples []store.Sample
		for _, shelf := range l.Shelves {
			for _, slot := range shelf.Slots {
				s := store.Series{Site: "hex", Node: slot.Node, Device: slot.Node.Device("soc"), Quantity: wire.QuantityTemperature, Unit: "Cel"}
				samples = append(samples, store.Sample{Series: s, Point: store.Point{Time: at, Value: 50 + float64(slot.Number)/8}})
			}
		}
		if refused, err := kept.Append(b.Context(), samples); err != nil || refused != nil {
			b.Fatal(refused, err)
		}
	}
	m := rack.New(rack.Options{Layout: l, History: kept, Stale: time.Minute, Clock: clock.Scaled(noon.Add(3*time.Hour), time.Now(), 1e-9)})
	if err := m.Restore(b.Context()); err != nil {
		b.Fatal(err)
	}
	for name, at := range map[string]time.Time{"now": {}, "past": noon} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s, err := m.State(b.Context(), "hex/a1/s3", at)
				if err != nil || !s.Slots[107].SoC.Ok() {
					b.Fatal(err, s.Slots[107])
				}
			}
		})
	}
}
