package promapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/places"
	"thermarack/collector/internal/promapi"
	"thermarack/collector/internal/store"
	"thermarack/collector/internal/store/tsdb"
)

// shelf returns a layout of 108 Pis and a store of six hours of them, a point
// each 10 s, up to noon.
func shelf(b *testing.B) (*layout.Layout, *tsdb.Store) {
	b.Helper()
	kept, err := tsdb.Open(tsdb.Options{Dir: b.TempDir(), MinFree: 1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { kept.Close() })
	one := layout.Shelf{Site: "hex", Rack: "a1", Name: "s3", Columns: 12, Depth: 9}
	for i := range 108 {
		one.Slots = append(one.Slots, layout.Slot{Number: i + 1, Node: wire.Node(fmt.Sprintf("b827eb%06x", i))})
	}
	for at := noon.Add(-6 * time.Hour); at.Before(noon); at = at.Add(10 * time.Second) {
		var samples []store.Sample
		for i, slot := range one.Slots {
			s := store.Series{Site: "hex", Node: slot.Node, Device: slot.Node.Device("soc"), Quantity: wire.QuantityTemperature, Unit: "Cel"}
			samples = append(samples, store.Sample{Series: s, Point: store.Point{Time: at, Value: 50 + float64((at.Unix()/10+int64(i)*7)%64)/16}})
		}
		if refused, err := kept.Append(b.Context(), samples); err != nil || refused != nil {
			b.Fatal(refused, err)
		}
	}
	return &layout.Layout{Shelves: []layout.Shelf{one}}, kept
}

// BenchmarkPanel asks what a panel of six hours does, at a point each 30 s.
func BenchmarkPanel(b *testing.B) {
	l, kept := shelf(b)
	history, err := places.Open(places.Options{Dir: b.TempDir(), Layout: l, Now: noon})
	if err != nil {
		b.Fatal(err)
	}
	a := api(history.Queryable(kept.Queryable()), promapi.Limits{})
	span := fmt.Sprintf("query_range?start=%d&end=%d&step=30&", noon.Add(-6*time.Hour).Unix(), noon.Unix())
	for name, expression := range map[string]string{
		"a Pi each":             `thermarack_temperature_celsius`,
		"a Pi each, with slots": `thermarack_temperature_celsius * on(sensor) group_left(slot) thermarack_place_info`,
		"the mean":              `avg(thermarack_temperature_celsius)`,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				w := httptest.NewRecorder()
				a.ServeHTTP(w, request{path: span + query("query", expression)}.of(""))
				if w.Code != http.StatusOK || w.Body.Len() < 15_000 {
					b.Fatal(w.Code, w.Body.Len())
				}
			}
		})
	}
}
