package sampler_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/internal/sampler"
	"thermarack/agent/wire"
	"thermarack/agent/wire/clock"
	"thermarack/hardware/fault"
)

const node wire.Node = "b827eb000001"

// A probe answers with 21.5 °C, or with err, after delay. One that hangs waits
// for release whatever its context says.
type probe struct {
	name    string
	delay   time.Duration
	err     error
	value   float64
	hang    <-chan struct{}
	started *atomic.Int32 // reads begun; nil if nobody counts
}

func (p probe) Name() string { return node.Device(p.name) + ":temperature" }

func (p probe) Read(ctx context.Context) ([]wire.Reading, error) {
	if p.started != nil {
		p.started.Add(1)
	}
	if p.hang != nil {
		<-p.hang
	}
	if p.delay > 0 {
		select {
		case <-time.After(p.delay):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if p.err != nil {
		return nil, p.err
	}
	return []wire.Reading{{Device: node.Device(p.name), Quantity: "temperature", Unit: "Cel", Value: 21.5 + p.value}}, nil
}

// packs is a sink that decodes what it is given into "<part>:<quantity>=<value>"
// by stamp, seconds after start.
type packs struct {
	t     *testing.T
	start time.Time
	at    []time.Duration // when each arrived
	got   []map[string]string
}

func (p *packs) Put(pack []byte) {
	p.at = append(p.at, time.Since(p.start))
	p.got = append(p.got, decode(p.t, pack))
}

// decode returns "<part>:<quantity>" to value or text, and "t" to the stamp.
func decode(t *testing.T, pack []byte) map[string]string {
	t.Helper()
	readings, bad, err := wire.DecodePack(pack, time.Time{})
	if err != nil || len(bad) > 0 {
		t.Fatalf("pack %s: %v, %v", pack, err, bad)
	}
	got := map[string]string{}
	for _, r := range readings {
		value := r.Text
		if value == "" {
			value = fmt.Sprint(r.Value)
		}
		got[wire.DevicePart(r.Device)+":"+r.Quantity] = value
		got["t"] = r.Time.Format("15:04:05.000")
	}
	return got
}

func options(sink sampler.Sink, sensors ...sampler.Sensor) sampler.Options {
	return sampler.Options{
		Node: node, Boot: "b1", Interval: 10 * time.Second,
		Source: sampler.Fixed(sensors), Sink: sink, Log: slog.New(slog.DiscardHandler),
	}
}

// run runs a sampler for d of fake time, from midnight on plus a little.
func run(t *testing.T, d time.Duration, sensors ...sampler.Sensor) *packs {
	t.Helper()
	<-time.After(3 * time.Second) // off the grid
	sink := &packs{t: t, start: time.Now()}
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := sampler.New(options(sink, sensors...)).Run(ctx); err != nil {
		t.Fatal(err)
	}
	return sink
}

func TestRunStampsPacksOnTheGrid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := run(t, 25*time.Second, probe{name: "soc", delay: time.Second}).got
		want := []map[string]string{
			{"t": "00:00:10.000", "soc:temperature": "21.5", ":seq": "1", ":boot": "b1"},
			{"t": "00:00:20.000", "soc:temperature": "21.5", ":seq": "2", ":boot": "b1"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("packs (-want +got):\n%s", diff)
		}
	})
}

func TestRunKeepsSamplingPastABrokenSensor(t *testing.T) {
	crc := fault.New(fault.CRC, "damaged")
	synctest.Test(t, func(t *testing.T) {
		got := run(t, 10*time.Second,
			probe{name: "a", err: crc},
			probe{name: "b", err: errors.New("no ack")},
			probe{name: "c", err: fmt.Errorf("read: %w", context.DeadlineExceeded)},
			probe{name: "d"}).got
		want := []map[string]string{{
			"t": "00:00:10.000", ":seq": "1", ":boot": "b1",
			"a:fault": "crc", "b:fault": "no-device", "c:fault": "timeout", "d:temperature": "21.5",
		}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("packs (-want +got):\n%s", diff)
		}
	})
}

func TestSensorsAreReadAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sensors []sampler.Sensor
		for i := range 20 {
			sensors = append(sensors, probe{name: fmt.Sprint("p", i), delay: 750 * time.Millisecond})
		}
		sink := run(t, 10*time.Second, sensors...)
		if want := 7*time.Second + 750*time.Millisecond; len(sink.at) != 1 || sink.at[0] != want {
			t.Errorf("packs at %v, want one at %v", sink.at, want)
		}
	})
}

func TestAHungReadCostsOnlyItsOwnReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, started := make(chan struct{}), new(atomic.Int32)
		sink := run(t, 55*time.Second,
			probe{name: "hung", hang: release, started: started},
			probe{name: "well"})
		if len(sink.got) != 5 {
			t.Fatalf("%d packs, want 5", len(sink.got))
		}
		for i, got := range sink.got {
			want := map[string]string{
				"t": fmt.Sprintf("00:00:%d0.000", i+1), ":seq": fmt.Sprint(i + 1), ":boot": "b1",
				"hung:fault": "timeout", "well:temperature": "21.5",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("pack %d (-want +got):\n%s", i, diff)
			}
		}
		if n := started.Load(); n != 1 {
			t.Errorf("%d reads were started on a sensor that hangs, want 1", n)
		}
		// It is waited for once; the packs after that are not held back.
		want := []time.Duration{16 * time.Second, 17 * time.Second, 27 * time.Second, 37 * time.Second, 47 * time.Second}
		if diff := cmp.Diff(want, sink.at); diff != "" {
			t.Errorf("arrivals (-want +got):\n%s", diff)
		}
		close(release)
	})
}

func TestASensorThatStopsHangingIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		time.AfterFunc(25*time.Second, func() { close(release) })
		sink := run(t, 55*time.Second, probe{name: "p", hang: release}, probe{name: "well"})
		var got []string
		for _, pack := range sink.got {
			got = append(got, pack["p:temperature"]+pack["p:fault"])
		}
		want := []string{"timeout", "timeout", "21.5", "21.5", "21.5"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("p (-want +got):\n%s", diff)
		}
	})
}

func TestReadsOfALongIntervalEndAfterTwentySeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(nil, probe{name: "slow", delay: time.Hour})
		o.Interval = 10 * time.Minute
		sink := &packs{t: t, start: time.Now()}
		o.Sink = sink
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
		defer cancel()
		if err := sampler.New(o).Run(ctx); err != nil {
			t.Fatal(err)
		}
		if want := 10*time.Minute + 20*time.Second; len(sink.at) != 1 || sink.at[0] != want {
			t.Errorf("packs at %v, want one at %v", sink.at, want)
		}
	})
}

func TestAScaledClockSetsStampsAndDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		sink := &packs{t: t, start: time.Now()}
		o := options(sink, probe{name: "hung", delay: time.Hour}, probe{name: "well"})
		o.Clock = clock.Scaled(start, time.Now(), 240)
		ctx, cancel := context.WithTimeout(t.Context(), 80*time.Millisecond) // 19.2 s of its clock
		defer cancel()
		if err := sampler.New(o).Run(ctx); err != nil {
			t.Fatal(err)
		}
		want := []map[string]string{
			{"t": "03:04:10.000", "hung:fault": "timeout", "well:temperature": "21.5", ":seq": "1", ":boot": "b1"},
			{"t": "03:04:20.000", "hung:fault": "timeout", "well:temperature": "21.5", ":seq": "2", ":boot": "b1"},
		}
		if diff := cmp.Diff(want, sink.got); diff != "" {
			t.Errorf("packs (-want +got):\n%s", diff)
		}
	})
}

// A stall makes the sampler lose an hour between two packs, as a host that
// sleeps does.
type stall struct{ packs }

func (s *stall) Put(pack []byte) {
	s.packs.Put(pack)
	if len(s.got) == 1 {
		<-time.After(time.Hour)
	}
}

func TestInstantsThatPassedAreLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &stall{packs{t: t, start: time.Now()}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour+25*time.Second)
		defer cancel()
		if err := sampler.New(options(sink, probe{name: "p"})).Run(ctx); err != nil {
			t.Fatal(err)
		}
		var stamps []string
		for _, pack := range sink.got {
			stamps = append(stamps, pack["t"])
		}
		if diff := cmp.Diff([]string{"00:00:10.000", "01:00:20.000"}, stamps); diff != "" {
			t.Errorf("stamps (-want +got):\n%s", diff)
		}
	})
}

func TestNextIsOnTheGridOfTheEpoch(t *testing.T) {
	tests := []struct{ at, every, want string }{
		{"2026-01-02T03:04:05Z", "10s", "2026-01-02T03:04:10Z"},
		{"2026-01-02T03:04:10Z", "10s", "2026-01-02T03:04:20Z"},
		{"2026-01-02T03:04:10.001Z", "250ms", "2026-01-02T03:04:10.25Z"},
		{"2026-01-02T03:04:05Z", "7s", "2026-01-02T03:04:07Z"},
	}
	for _, tt := range tests {
		at, _ := time.Parse(time.RFC3339, tt.at)
		every, _ := time.ParseDuration(tt.every)
		if got := sampler.Next(at, every).Format(time.RFC3339Nano); got != tt.want {
			t.Errorf("Next(%s, %s) = %s, want %s", tt.at, tt.every, got, tt.want)
		}
	}
}

func TestAReadingThatCannotBeWrittenCostsOnlyItself(t *testing.T) {
	o := options(nil, probe{name: "nan", value: math.NaN()}, probe{name: "bad name"}, probe{name: "well"})
	for _, o.Inline = range []bool{false, true} {
		pack, err := sampler.New(o).Pack(t.Context(), time.Unix(1000, 0))
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"t": "00:16:40.000", "well:temperature": "21.5", ":seq": "1", ":boot": "b1"}
		if diff := cmp.Diff(want, decode(t, pack)); diff != "" {
			t.Errorf("inline %v: pack (-want +got):\n%s", o.Inline, diff)
		}
	}
}

func TestPackIsReproducible(t *testing.T) {
	o := options(nil, probe{name: "a"}, probe{name: "b", err: errors.New("gone")})
	o.Inline = true
	var got [2]string
	for i := range got {
		s := sampler.New(o)
		for n := range 3 {
			pack, err := s.Pack(t.Context(), time.Unix(int64(n)*10+1e9, 0))
			if err != nil {
				t.Fatal(err)
			}
			got[i] += string(pack) + "\n"
		}
	}
	if got[0] != got[1] {
		t.Errorf("two runs differ:\n%s\n%s", got[0], got[1])
	}
}

func TestAPackHoldsNoMoreThanItMay(t *testing.T) {
	var many crowd
	o := options(nil, many)
	pack, err := sampler.New(o).Pack(t.Context(), time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	if got := decode(t, pack)[":boot"]; got != "b1" {
		t.Errorf("boot = %q, want b1: the node's own records come first", got)
	}
}

// A crowd is one sensor with more readings than a pack may hold.
type crowd struct{}

func (crowd) Name() string { return "crowd:temperature" }

func (crowd) Read(context.Context) ([]wire.Reading, error) {
	readings := make([]wire.Reading, 5000)
	for i := range readings {
		readings[i] = wire.Reading{Device: fmt.Sprint("crowd", i), Quantity: "temperature"}
	}
	return readings, errors.New("and broken")
}

func TestAFailingSensorIsLoggedWhenItChanges(t *testing.T) {
	var lines counter
	p := &flaky{}
	o := options(nil, p)
	o.Log = slog.New(&lines)
	s := sampler.New(o)
	for i := range 30 {
		p.broken = i >= 10 && i < 20
		if _, err := s.Pack(t.Context(), time.Unix(int64(i), 0)); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(counter{"sensor rejected", "sensor answers again"}, lines); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

type flaky struct{ broken bool }

func (f *flaky) Name() string { return "flaky:temperature" }

func (f *flaky) Read(context.Context) ([]wire.Reading, error) {
	if f.broken {
		return nil, errors.New("gone")
	}
	return nil, nil
}

// A counter keeps the messages of a log.
type counter []string

func (c *counter) Enabled(context.Context, slog.Level) bool { return true }
func (c *counter) WithAttrs([]slog.Attr) slog.Handler       { return c }
func (c *counter) WithGroup(string) slog.Handler            { return c }
func (c *counter) Handle(_ context.Context, r slog.Record) error {
	*c = append(*c, r.Message)
	return nil
}

func BenchmarkPackInline(b *testing.B) {
	o := options(nil, probe{name: "soc"}, probe{name: "fan1"}, probe{name: "h1"})
	o.Inline = true
	s := sampler.New(o)
	for b.Loop() {
		if _, err := s.Pack(b.Context(), time.Unix(1e9, 0)); err != nil {
			b.Fatal(err)
		}
	}
}
