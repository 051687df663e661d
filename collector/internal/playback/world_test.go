package playback_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"testing/fstest"
	"time"

	"thermarack/agent/wire"
	"thermarack/agent/wire/clock"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/places"
	"thermarack/collector/internal/playback"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/store"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

const (
	shelfID = "hex/a1/s3"
	stale   = 30 * time.Second
	grid    = 10 * time.Second
)

// parse reads a layout, or fails the test.
func parse(tb testing.TB, text string) *layout.Layout {
	tb.Helper()
	l, err := layout.Parse("layout.yaml", []byte(text), fstest.MapFS{})
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

// shelfOf is a layout of one shelf with a Pi behind a switch port in every slot, a
// probe at every quarter of its three rows, and two fans.
func shelfOf(tb testing.TB, columns, depth int) *layout.Layout {
	tb.Helper()
	text := fmt.Sprintf("version: 1\nsites: {hex: {racks: {a1: {shelves: {s3: {columns: %d, depth: %d, nodes: {", columns, depth)
	for n := 1; n <= columns*depth; n++ {
		text += fmt.Sprintf("%d: {mac: b827eb%06x, switch: sw, port: %d}, ", n, n, n)
	}
	text += "}, probes: ["
	for i := range 12 {
		face := []string{"cold", "inside", "hot"}[i/4]
		text += fmt.Sprintf(`{name: p%d, sensor: "urn:dev:ow:28%014x", x: %g, y: %g, face: %s}, `, i, i+1, 0.125+0.25*float64(i%4), float64(i/4)/2, face)
	}
	text += `], fans: [{name: left, speed: "urn:dev:mac:b827ebfffe000001_fan1:speed", healthy: 40},
		{name: right, speed: "urn:dev:mac:b827ebfffe000001_fan2:speed", healthy: 40}]}}}}}}
switches: {sw: {mac: 0011223344ff}}`
	return parse(tb, text)
}

// A shop is all that a player is made from.
type shop struct {
	model  *rack.Model
	series kept
	player *playback.Player
}

// kept is a store as the model and the player read it.
type kept interface {
	rack.History
	playback.Series
	Append(ctx context.Context, samples []store.Sample) ([]store.Refusal, error)
}

// open makes a player of what a store keeps. History may be nil.
func open(series kept, l *layout.Layout, history *places.History, marks playback.Bookmarks) *shop {
	o := rack.Options{Layout: l, History: series, Stale: stale, Clock: clock.Clock{}}
	p := playback.Options{Series: series, Bookmarks: marks}
	if history != nil {
		o.LayoutAt, p.Layouts = history.At, history
	}
	s := &shop{model: rack.New(o), series: series}
	p.Shelves = s.model
	s.player = playback.New(p)
	return s
}

// fill stores what the records of a shelf measure on the grid, from inclusive to
// exclusive. Values wander as those of real parts do, in their steps.
func fill(tb testing.TB, s *shop, l *layout.Layout, from, to time.Time) {
	tb.Helper()
	past, ok := s.model.Past(l, shelfID)
	if !ok {
		tb.Fatal("no shelf")
	}
	dice := rand.New(rand.NewPCG(1, 2))
	shelf := past.Shelf()
	for at := from; at.Before(to); at = at.Add(grid) {
		warm := 2 * math.Sin(at.Sub(from).Hours())
		var samples []store.Sample
		note := func(device, quantity, unit string, v, step float64) {
			node, _ := wire.DeviceNode(device)
			if node == "" {
				node = shelf.Slots[0].Node
			}
			samples = append(samples, store.Sample{
				Series: store.Series{Site: "hex", Node: node, Device: device, Quantity: quantity, Unit: unit},
				Point:  store.Point{Time: at, Value: math.Round(v/step) * step},
			})
		}
		for i, slot := range shelf.Slots {
			row := float64(i / shelf.Columns)
			note(slot.Node.Device("soc"), wire.QuantityTemperature, "Cel", 50+row*0.6+float64(i%7)+warm+0.4*dice.NormFloat64(), 0.538)
			device, quantity, _ := wire.SplitName(l.Switches[0].PortPower(slot.Port))
			note(device, quantity, "W", 4+0.1*float64(i%5)+0.1*dice.NormFloat64(), 0.1)
		}
		for _, p := range shelf.Probes {
			note(p.Sensor, wire.QuantityTemperature, "Cel", 22+p.Y*(5+warm)+0.15*dice.NormFloat64(), 1.0/16)
		}
		for _, f := range shelf.Fans {
			device, quantity, _ := wire.SplitName(f.Speed)
			note(device, quantity, "1/s", 44+0.3*dice.NormFloat64(), 0.5)
		}
		if refused, err := s.series.Append(tb.Context(), samples); err != nil || len(refused) > 0 {
			tb.Fatal(refused, err)
		}
	}
}

// sampleOf is one value of a record.
func sampleOf(record string, at time.Time, v float64) store.Sample {
	device, quantity, _ := wire.SplitName(record)
	return store.Sample{
		Series: store.Series{Site: "hex", Node: "b827eb000001", Device: device, Quantity: quantity, Unit: wire.UnitOf(quantity)},
		Point:  store.Point{Time: at, Value: v},
	}
}

// rackful is a layout as for Pis without a layout file.
func rackful(columns, depth int) *layout.Layout {
	nodes := make([]wire.Node, columns*depth)
	for i := range nodes {
		nodes[i] = wire.Node(fmt.Sprintf("b827eb%06x", i))
	}
	return rack.Provisional([]string{"hex"}, map[string][]wire.Node{"hex": nodes})
}
