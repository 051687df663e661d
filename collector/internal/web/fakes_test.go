package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"thermarack/agent/wire"
	"thermarack/agent/wire/clock"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/pager"
	"thermarack/collector/internal/placement"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/store"
	"thermarack/collector/internal/watch"
	"thermarack/collector/internal/web"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

const (
	shelfID = "hex/a1/s3"
	shelfAt = "/api/v1/shelves/" + shelfID
	hostile = `"><script>alert(1)</script><img src=x onerror=alert(2)>&amp;` + "\u2028'"
)

// parse reads a layout of one 4 by 3 shelf, or fails the test.
func parse(tb testing.TB, text string) *layout.Layout {
	tb.Helper()
	l, err := layout.Parse("layout.yaml", []byte(text), fstest.MapFS{})
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

const small = `
version: 1
sites: {hex: {racks: {a1: {shelves: {s3: {columns: 4, depth: 3,
  nodes: {1: b827eb000001, 2: b827eb000002, 5: b827eb000005},
  probes: [{name: c1, sensor: "urn:dev:ow:28c1000000000000", x: 0.5, y: 0, face: cold, offset: 0.5},
           {name: h1, sensor: "urn:dev:ow:28a1000000000000", x: 0.2, y: 1, face: hot},
           {name: h2, sensor: "urn:dev:ow:28a2000000000000", x: 0.8, y: 1, face: hot, offset: -1}],
  fans: [{name: left, speed: "urn:dev:mac:b827ebfffe000001_fan1:speed", healthy: 40}]}}}}}}
`

// shelfState is the state of a shelf whose air and Pis warm by heat K.
func shelfState(shelf *layout.Shelf, at time.Time, heat float64) rack.State {
	fresh := func(v float64) rack.Value { return rack.Value{V: v, Time: at, State: rack.Fresh} }
	s := rack.State{Shelf: shelf, At: at}
	for i, slot := range shelf.Slots {
		row := float64(i / shelf.Columns)
		wobble := 2 * math.Sin(float64(i)*2.7)
		now := rack.Slot{Slot: slot, SoC: rack.Value{State: rack.Missing}, Power: rack.Value{State: rack.Missing}, Normal: rack.Figure{Why: "no Pi is known here"}}
		if slot.Node != "" {
			now.SoC, now.Power, now.Seen = fresh(52+row*0.7+wobble+heat), fresh(3.9+wobble/10), at
			now.Normal = rack.Figure{V: 52 + row*0.7}
		}
		s.Slots = append(s.Slots, now)
	}
	for i, p := range shelf.Probes {
		base := map[layout.Face]float64{layout.Cold: 24, layout.Inside: 27, layout.Hot: 29.2}[p.Face]
		v := base + 0.2*math.Sin(float64(i)) + heat*p.Y
		s.Probes = append(s.Probes, rack.Probe{Probe: p, Value: fresh(v)})
	}
	for _, f := range shelf.Fans {
		s.Fans = append(s.Fans, rack.Fan{Fan: f, Value: fresh(44)})
	}
	s.Figures = rack.Figures{
		Inlet: rack.Figure{V: 24}, HotAir: rack.Figure{V: 29.2 + heat}, DeltaT: rack.Figure{V: 5.2 + heat},
		Power: rack.Figure{V: 3.9 * float64(len(shelf.Slots))}, AirFlow: rack.Figure{V: 3.9 * float64(len(shelf.Slots)) / (5.2 + heat)},
	}
	return s
}

// fakeRacks is safe for concurrent use.
type fakeRacks struct {
	mu          sync.Mutex
	layout      *layout.Layout
	provisional bool
	states      map[string]rack.State
	nodes       []rack.Node
	unplaced    []rack.Unplaced
	conflicts   []placement.Conflict
	err         error // of State
	asked       int   // times that State was
	gate        chan struct{}
	changes     chan []string
}

func newRacks(l *layout.Layout) *fakeRacks {
	r := &fakeRacks{layout: l, states: map[string]rack.State{}, changes: make(chan []string)}
	for i := range l.Shelves {
		r.states[l.Shelves[i].ID()] = shelfState(&l.Shelves[i], noon, 0)
	}
	return r
}

func (r *fakeRacks) Layout() *layout.Layout    { return r.layout }
func (r *fakeRacks) Provisional() bool         { return r.provisional }
func (r *fakeRacks) Nodes() []rack.Node        { return r.nodes }
func (r *fakeRacks) Unplaced() []rack.Unplaced { return r.unplaced }

func (r *fakeRacks) Conflicts() []placement.Conflict { return r.conflicts }

func (r *fakeRacks) State(_ context.Context, shelf string, at time.Time) (rack.State, error) {
	r.mu.Lock()
	gate := r.gate
	r.asked++
	s, ok := r.states[shelf]
	err := r.err
	r.mu.Unlock()
	if gate != nil {
		<-gate
	}
	if !ok {
		return rack.State{}, fmt.Errorf("shelf %q: %w", shelf, rack.ErrNoShelf)
	}
	if !at.IsZero() {
		s.At = at
	}
	return s, err
}

func (r *fakeRacks) States(ctx context.Context, shelves []string, at time.Time) (states []rack.State, err error) {
	for _, id := range shelves {
		s, err := r.State(ctx, id, at)
		switch {
		case errors.Is(err, rack.ErrNoShelf):
		case err != nil:
			return nil, err
		default:
			states = append(states, s)
		}
	}
	return states, nil
}

func (r *fakeRacks) Watch(ctx context.Context) <-chan []string {
	out := make(chan []string)
	go func() {
		defer close(out)
		for {
			select {
			case <-ctx.Done():
				return
			case ids := <-r.changes:
				select {
				case out <- ids:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return out
}

// set changes a shelf, and tells once a running server listens.
func (r *fakeRacks) set(s rack.State) {
	r.mu.Lock()
	r.states[s.Shelf.ID()] = s
	r.mu.Unlock()
	r.changes <- []string{s.Shelf.ID()}
}

// A list is fakeAlerts or fakePages.
type list[T any] struct {
	mu      sync.Mutex
	items   []T
	changed chan struct{}
}

func newList[T any](items ...T) *list[T] {
	return &list[T]{items: items, changed: make(chan struct{}, 1)}
}

func (l *list[T]) get() []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.items)
}

func (l *list[T]) set(items ...T) {
	l.mu.Lock()
	l.items = items
	l.mu.Unlock()
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

func (l *list[T]) Watch() (<-chan struct{}, func()) { return l.changed, func() {} }

type fakeAlerts struct{ *list[watch.Active] }

func (a fakeAlerts) Active() []watch.Active { return a.get() }

type fakePages struct{ *list[pager.Notification] }

func (p fakePages) Notifications() []pager.Notification { return p.get() }

// fakeSeries has the same points for every record of its map.
type fakeSeries map[string]func(from, to time.Time) []store.Point

func (f fakeSeries) Range(_ context.Context, name string, from, to time.Time) ([]store.Point, error) {
	points, ok := f[name]
	if !ok {
		return nil, store.ErrNoSeries
	}
	return points(from, to), nil
}

// A fakeStore is a fakeSeries with the units of those records that have one of
// their own.
type fakeStore struct {
	fakeSeries
	units map[string]string
}

func (f fakeStore) Unit(_ context.Context, name string) (string, error) {
	if f.fakeSeries[name] == nil {
		return "", store.ErrNoSeries
	}
	return f.units[name], nil
}

// every yields a point each step on the grid of the epoch.
func every(step time.Duration, value func(time.Time) float64) func(from, to time.Time) []store.Point {
	return func(from, to time.Time) []store.Point {
		var points []store.Point
		for t := from.Add(step - 1).Truncate(step); t.Before(to); t = t.Add(step) {
			points = append(points, store.Point{Time: t, Value: value(t)})
		}
		return points
	}
}

// A world is a server and all that it is made from.
type world struct {
	racks  *fakeRacks
	alerts fakeAlerts
	pages  fakePages
	series fakeSeries
	units  map[string]string
	opt    web.Options
}

// newWorld has one small shelf, and time stands at noon.
func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{
		racks:  newRacks(parse(tb, small)),
		alerts: fakeAlerts{newList[watch.Active]()},
		pages:  fakePages{newList[pager.Notification]()},
		series: fakeSeries{},
		units:  map[string]string{},
	}
	w.racks.nodes = []rack.Node{{Node: "b827eb000001", Site: "hex", Shelf: shelfID, Slot: 1, Seen: noon}}
	w.opt = web.Options{
		Racks: w.racks, Alerts: w.alerts, Pages: w.pages, Series: fakeStore{w.series, w.units},
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "up 1\n") }),
		Alertmanager: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s %s", r.Method, r.URL.Path)
		}),
		Prometheus: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, r.FormValue("query"))
		}),
		Ready: func() error { return nil },
		Clock: clock.Scaled(noon, time.Now(), 1e-9), // stands still
	}
	return w
}

func (w *world) server(tb testing.TB) *web.Server {
	tb.Helper()
	s, err := web.New(w.opt)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// get asks the handler of a new server for a path.
func (w *world) get(tb testing.TB, path string) *httptest.ResponseRecorder {
	tb.Helper()
	return ask(w.server(tb).Handler(), httptest.NewRequest(http.MethodGet, path, nil))
}

func ask(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	if r.Host == "example.com" { // httptest's own
		r.Host = "localhost:8080"
	}
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, r)
	return answer
}

// decode reads a JSON answer into plain values.
func decode(tb testing.TB, answer *httptest.ResponseRecorder) any {
	tb.Helper()
	if got := answer.Header().Get("Content-Type"); got != "application/json" {
		tb.Errorf("content type %q", got)
	}
	var v any
	if err := json.Unmarshal(answer.Body.Bytes(), &v); err != nil {
		tb.Fatalf("%v in %s", err, answer.Body)
	}
	return v
}

// literal reads JSON written in a test.
func literal(tb testing.TB, text string) any {
	tb.Helper()
	var v any
	if err := json.NewDecoder(strings.NewReader(text)).Decode(&v); err != nil {
		tb.Fatalf("%v in %s", err, text)
	}
	return v
}

var (
	_ web.Racks  = (*fakeRacks)(nil)
	_ web.Series = fakeStore{}
)

type wireNode = wire.Node

// bigWorld is the shelf of 108 Pis with twelve probes, two fans and a day of
// history.
func bigWorld(tb testing.TB) *world {
	tb.Helper()
	w := newWorld(tb)
	w.racks = newRacks(parse(tb, wide()))
	w.opt.Racks, w.opt.Clock = w.racks, clock.Scaled(noon, time.Now(), 1)
	shelf := &w.racks.layout.Shelves[0]
	w.racks.nodes = nil
	for _, slot := range shelf.Slots {
		w.racks.nodes = append(w.racks.nodes, rack.Node{
			Node: slot.Node, Site: "hex", Shelf: shelfID, Slot: slot.Number, Seen: noon.Add(-time.Duration(slot.Number%10) * time.Second),
			Status:    &wire.Status{Online: true},
			Inventory: &wire.Inventory{Model: "Raspberry Pi 3 Model B Rev 1.2", Agent: "0.1.0", Addresses: []string{fmt.Sprintf("192.0.2.%d", slot.Number)}},
		})
		w.series[slot.Node.Device("soc")+":temperature"] = daily(54, 3, float64(slot.Number))
		feeder, _ := w.racks.layout.Switch(slot.Switch)
		w.series[feeder.PortPower(slot.Port)] = daily(3.9, 0.4, float64(slot.Number))
	}
	for _, f := range shelf.Fans {
		w.series[f.Speed] = daily(44, 2, 0)
	}
	for i, p := range shelf.Probes {
		w.series[p.Sensor+":temperature"] = daily(w.racks.states[shelfID].Probes[i].V, 0.8*(0.4+p.Y), float64(i))
	}
	return w
}

// daily swings about a middle once in four hours, with a ripple.
func daily(middle, swing, phase float64) func(from, to time.Time) []store.Point {
	return every(time.Minute, func(t time.Time) float64 {
		minute := float64(t.Unix()) / 60
		return middle + swing*math.Sin(minute/38+phase/9) + swing/6*math.Sin(minute/3+phase)
	})
}
