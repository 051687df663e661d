package watch_test

import (
	"fmt"
	"testing"
	"time"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/alerts"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/watch"
)

// A look at 10 080 Pis on 93 shelves that all speak, and at as many that are all
// silent.
func BenchmarkTickOfTenThousandPis(b *testing.B) {
	for _, after := range []time.Duration{0, 10 * time.Minute} {
		b.Run(fmt.Sprintf("after %v", after), func(b *testing.B) {
			w, now := manyPis()
			for end := now.Add(after); now.Before(end); now = now.Add(6 * time.Second) {
				w.Tick(now)
			}
			if silent := len(w.Active()); silent != 0 && after == 0 || silent != 93 && after > 0 {
				b.Fatalf("%d alerts", silent)
			}
			b.ReportAllocs()
			for b.Loop() {
				w.Tick(now)
			}
		})
	}
}

func manyPis() (*watch.Watch, time.Time) {
	l, now := &layout.Layout{}, time.Unix(1.8e9, 0)
	for n := range 93 {
		s := layout.Shelf{Site: "hex", Rack: "a", Name: fmt.Sprint("s", n), Columns: 12, Depth: 9, Limits: layout.DefaultLimits()}
		name := fmt.Sprint("sw", n)
		for slot := range 108 {
			s.Slots = append(s.Slots, layout.Slot{Number: slot + 1, Node: wire.Node(fmt.Sprintf("b827eb%06d", n*108+slot)), Switch: name, Port: slot + 1})
		}
		l.Shelves = append(l.Shelves, s)
		l.Switches = append(l.Switches, layout.Switch{Name: name, MAC: wire.Node(fmt.Sprintf("001122%06d", n))})
	}
	model := rack.New(rack.Options{Layout: l, Stale: time.Minute})
	w := watch.New(watch.Options{Places: model, Rules: alerts.DefaultRules(), Late: 2 * time.Minute, OnChange: func(watch.Change) {}})
	for _, s := range l.Shelves {
		for _, slot := range s.Slots {
			model.Observe(ingest.Batch{Site: "hex", Node: slot.Node, Received: now, Readings: []wire.Reading{{Device: slot.Node.Device("soc"), Quantity: "temperature", Value: 50, Time: now}}})
		}
	}
	w.Tick(now)
	return w, now
}
