package watch_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/alerts"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/watch"
)

// Two shelves of four slots, fed by ports 1 to 8 of one switch. Slot 4 of both is
// a tenant's, who has no agent.
const fed = `version: 1
sites: {hex: {racks: {a1: {shelves: {
  s3: {columns: 2, depth: 2, nodes: {file: s3.csv}},
  s4: {columns: 2, depth: 2, nodes: {file: s4.csv}}}}}}}
switches: {sw-a1-3: {mac: 001122334455}}
`

const sw = wire.Node("001122334455")

func fedLayout(t *testing.T) *layout.Layout {
	t.Helper()
	l, err := layout.Parse("layout.yaml", []byte(fed), fstest.MapFS{
		"s3.csv": {Data: []byte("slot,mac,switch,port\n1,b827eb000001,sw-a1-3,1\n2,b827eb000002,sw-a1-3,2\n3,b827eb000003,sw-a1-3,3\n4,b827eb000004,sw-a1-3,4\n")},
		"s4.csv": {Data: []byte("slot,mac,switch,port\n1,b827eb000005,sw-a1-3,5\n2,b827eb000006,sw-a1-3,6\n3,b827eb000007,sw-a1-3,7\n4,b827eb000008,sw-a1-3,8\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// pi returns the MAC of the nth Pi.
func pi(n int) wire.Node { return wire.Node(fmt.Sprintf("b827eb%06d", n)) }

// A fleet is both shelves and their switch, watched as a collector does.
type fleet struct {
	t      *testing.T
	layout *layout.Layout
	model  *rack.Model
	watch  *watch.Watch
	start  time.Time
	hears  bool
	second int // that time has come to

	silent map[int]bool       // Pis by number
	ports  map[int][2]float64 // status and watts of each port; nil: the switch does not answer
	counts map[int]float64    // of overloads, by port

	told    []string
	settled map[string]bool
	firing  map[string]bool // subjects, to find out whether one fires twice
	disk    []string        // of the ledger
}

func newFleet(t *testing.T) *fleet {
	f := &fleet{
		t: t, layout: fedLayout(t), start: time.Unix(1.8e9, 0), hears: true,
		silent: map[int]bool{4: true, 8: true}, ports: map[int][2]float64{}, counts: map[int]float64{},
	}
	for port := 1; port <= 8; port++ {
		f.ports[port] = [2]float64{3, 2.3}
	}
	f.model = rack.New(rack.Options{Layout: f.layout, Stale: time.Minute})
	f.watchAnew()
	return f
}

func (f *fleet) watchAnew() {
	f.firing, f.settled = map[string]bool{}, map[string]bool{}
	ledger := watch.NewLedger(f.disk)
	f.watch = watch.New(watch.Options{
		Places: f.model, Rules: alerts.DefaultRules(), Late: 2 * time.Minute,
		Hears: func() bool { return f.hears }, Fired: ledger.Fired,
		OnChange: func(c watch.Change) {
			tell := ledger.Note(c)
			f.disk = ledger.Kept()
			f.change(c, tell)
		},
	})
}

// change notes what was told, and holds it against what was told before.
func (f *fleet) change(c watch.Change, tell bool) {
	subject := fmt.Sprintf("%s %s %s %d %s %s %d", c.Alert, c.Severity, c.ShelfID(), c.Slot, c.Cause, c.Switch, c.Supply)
	switch {
	case c.Event == watch.Fired && f.firing[subject], c.Event == watch.Resolved && !f.firing[subject]:
		f.t.Fatalf("%s: %s while firing = %v", subject, c.Event, f.firing[subject])
	case c.Event == watch.Settled && f.firing[subject]:
		f.t.Fatalf("%s: settled while it fires", subject)
	case c.Event == watch.Settled && !tell:
		f.settled[subject] = true
		return
	}
	f.firing[subject] = c.Event == watch.Fired || c.Event == watch.Updated
	f.told = append(f.told, fmt.Sprintf("%v %s %s %s: %s", c.At.Sub(f.start), c.Event, c.Alert, c.Severity, c.Summary))
}

// restart goes on with what outlives the process, through JSON as on disk.
func (f *fleet) restart() {
	f.t.Helper()
	data, err := json.Marshal(f.model.Saved())
	if err != nil {
		f.t.Fatal(err)
	}
	var saved rack.Saved
	if err := json.Unmarshal(data, &saved); err != nil {
		f.t.Fatal(err)
	}
	f.model = rack.New(rack.Options{Layout: f.layout, Stale: time.Minute})
	f.model.Resume(saved)
	f.watchAnew()
}

func (f *fleet) now() time.Time { return f.start.Add(time.Duration(f.second) * time.Second) }

func (f *fleet) observe(b ingest.Batch) {
	b.Site, b.Received = "hex", f.now()
	f.model.Observe(b)
	f.watch.Observe(b)
}

// run lets time pass until a second: a look every 6 s, a pack of every Pi that
// speaks every 10 s, a poll of the switch every 30 s.
func (f *fleet) run(until int) {
	for ; f.second <= until; f.second++ {
		if f.second%6 == 0 {
			f.watch.Tick(f.now())
		}
		if f.second%10 == 0 {
			f.speak()
		}
		if f.second%30 == 0 && f.ports != nil {
			f.poll()
		}
	}
}

func (f *fleet) speak() {
	for n := 1; n <= 8; n++ {
		if !f.silent[n] {
			f.say(pi(n), pi(n).Device("soc"), "temperature", 50)
		}
	}
}

func (f *fleet) say(node wire.Node, device, quantity string, value float64) {
	f.observe(ingest.Batch{Node: node, Readings: []wire.Reading{{Device: device, Quantity: quantity, Value: value, Time: f.now()}}})
}

func (f *fleet) poll() {
	var all []wire.Reading
	for n := 1; n <= 8; n++ {
		device := sw.Device(fmt.Sprintf("port%d", n))
		all = append(all,
			wire.Reading{Device: device, Quantity: "power", Value: f.ports[n][1], Time: f.now()},
			wire.Reading{Device: device, Quantity: "status", Value: f.ports[n][0], Time: f.now()},
			wire.Reading{Device: device, Quantity: "overload", Value: f.counts[n], Time: f.now()})
	}
	f.observe(ingest.Batch{Node: sw, Readings: all})
}

// want holds what was told since the last want.
func (f *fleet) want(want ...string) {
	f.t.Helper()
	if diff := cmp.Diff(f.told, want); diff != "" {
		f.t.Errorf("told -got +want\n%s", diff)
	}
	f.told = nil
}
