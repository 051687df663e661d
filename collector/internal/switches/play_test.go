package switches_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"thermarack/agent/wire"
	"thermarack/agent/wire/clock"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/poe"
	"thermarack/collector/internal/switches"
)

const interval = 30 * time.Second

// A device is a switch that answers as it is told.
type device struct {
	mu     sync.Mutex
	says   poe.Switch
	since  time.Time // when its Uptime was what it says; the zero time: at the first poll
	err    error
	takes  time.Duration
	polls  []time.Time
	closed bool
}

func (d *device) Read(ctx context.Context) (poe.Switch, error) {
	d.mu.Lock()
	d.polls = append(d.polls, time.Now())
	if d.since.IsZero() {
		d.since = time.Now()
	}
	says, err, takes := d.says, d.err, d.takes
	says.Uptime += time.Since(d.since)
	d.mu.Unlock()
	select {
	case <-ctx.Done():
		return poe.Switch{}, fmt.Errorf("read: %w", ctx.Err())
	case <-time.After(takes):
		return says, err
	}
}

func (d *device) Requests() int { d.mu.Lock(); defer d.mu.Unlock(); return 10 * len(d.polls) }

func (d *device) Close() error { d.mu.Lock(); defer d.mu.Unlock(); d.closed = true; return nil }

func (d *device) set(change func(*device)) { d.mu.Lock(); defer d.mu.Unlock(); change(d) }

// An intake is what ingest is to a poller.
type intake struct {
	mu      sync.Mutex
	full    bool
	failing error // given to Done
	asked   int
	taken   []string // "topic payload" of what was committed
}

func (i *intake) offer(d ingest.Delivery) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked++
	if i.full {
		return false
	}
	failing := i.failing
	if failing == nil {
		i.taken = append(i.taken, d.Topic+" "+string(d.Payload))
	}
	go d.Done(failing)
	return true
}

func (i *intake) set(change func(*intake)) { i.mu.Lock(); defer i.mu.Unlock(); change(i) }

func (i *intake) messages(kind wire.Kind) []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	var list []string
	for _, m := range i.taken {
		topic, payload, _ := strings.Cut(m, " ")
		if strings.HasSuffix(topic, "/"+string(kind)) {
			list = append(list, payload)
		}
	}
	return list
}

// A bench is a poller of some devices in a bubble.
type bench struct {
	*switches.Poller
	devices  map[string]*device
	intake   *intake
	log      *bytes.Buffer
	registry *prometheus.Registry
	seen     []string
}

// layoutOf returns a layout of switches in one site, the first of which feeds a
// shelf of another.
func layoutOf(n int) *layout.Layout {
	l := &layout.Layout{Shelves: []layout.Shelf{
		{Site: "hall", Rack: "a", Name: "s1", Columns: 1, Depth: 1, Slots: []layout.Slot{{Number: 1}}},
		{Site: "hex", Rack: "a1", Name: "s3", Columns: 1, Depth: 1, Slots: []layout.Slot{{Number: 1, Switch: "sw-000", Port: 1}}},
	}}
	for i := range n {
		l.Switches = append(l.Switches, layout.Switch{Name: fmt.Sprintf("sw-%03d", i), MAC: wire.Node(fmt.Sprintf("0011223344%02x", i%256)), Host: "10.0.0.3"})
	}
	l.Switches = append(l.Switches, layout.Switch{Name: "unpolled", MAC: "00112233ff00"})
	return l
}

func newBench(n int, speed float64) *bench {
	b := &bench{devices: map[string]*device{}, intake: &intake{}, log: &bytes.Buffer{}, registry: prometheus.NewRegistry()}
	ticking := clock.Clock{}
	if speed != 1 {
		ticking = clock.Scaled(time.Now(), time.Now(), speed)
	}
	var mu sync.Mutex
	b.Poller = switches.New(switches.Options{
		Layout: layoutOf(n),
		Open: func(sw layout.Switch) switches.Session {
			mu.Lock()
			defer mu.Unlock()
			if b.devices[sw.Name] == nil {
				b.devices[sw.Name] = &device{says: small(), takes: 200 * time.Millisecond}
				b.devices[sw.Name].says.MAC = sw.MAC
			}
			return b.devices[sw.Name]
		},
		Offer: b.intake.offer,
		Seen: func(name string, s poe.Switch, at time.Time) {
			mu.Lock()
			defer mu.Unlock()
			b.seen = append(b.seen, fmt.Sprintf("%s %d %s", name, len(s.Ports), at.Format(time.TimeOnly)))
		},
		Interval: interval, Clock: ticking,
		Log: slog.New(slog.NewTextHandler(b.log, nil)), Registry: b.registry,
	})
	return b
}

// play runs the poller; each step comes after as much time as it says.
func (b *bench) play(t *testing.T, steps ...func() time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- b.Run(ctx) }()
	for _, step := range steps {
		synctest.Wait()
		time.Sleep(step())
	}
	synctest.Wait()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for name, d := range b.devices {
		if !d.closed {
			t.Errorf("the session with %s is still open", name)
		}
	}
}

func wait(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

// then changes something before the time goes on.
func then(change func(), d time.Duration) func() time.Duration {
	return func() time.Duration { change(); return d }
}

// stamps returns the base times of packs, in seconds since the bubble began.
func stamps(t *testing.T, packs []string) []float64 {
	t.Helper()
	origin := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // where bubbles begin
	list := []float64{}
	for _, p := range packs {
		readings, bad, err := wire.DecodePack([]byte(p), time.Time{})
		if err != nil || len(bad) > 0 || len(readings) == 0 {
			t.Fatalf("%s: %v %v", p, bad, err)
		}
		list = append(list, readings[0].Time.Sub(origin).Seconds())
	}
	return list
}
