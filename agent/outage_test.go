package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"golang.org/x/sync/errgroup"

	"thermarack/agent/internal/mqtt"
	"thermarack/agent/internal/outbox"
	"thermarack/agent/internal/sampler"
	"thermarack/agent/wire"
	"thermarack/agent/wire/clock"
)

const (
	shelfNodes = 108
	outage     = 24 * time.Hour
	interval   = 10 * time.Second
	missed     = int(outage / interval) // packs of one node

	// outageSpeed is how fast the agents' clock runs once the broker is back.
	outageSpeed = 6
	// behind is how long before now the outage has ended, so that the agents'
	// clock does not reach the collector's: it takes nothing from its future.
	behind = 40 * time.Minute
)

// BenchmarkOutage lets the 108 agents of a shelf do without a broker for 24 hours,
// then gives them a real collector and looks whether every reading that was made
// is in its store, once and with its value; else it fails. Reported are:
//
//	packs/s-outage        packs made and put a second, by all agents together
//	kB-held/node          what an agent's outbox takes of the heap after the outage
//	agent-s-to-connect    from the broker's return until all agents were connected
//	agent-min-backfill    from the broker's return until no box held a backlog
//	agent-s-live-late     the longest from the stamp of a live pack to a subscriber
//	                      of the collector's broker, which gets it when it is stored
//	live-unseen           live packs that the subscriber was not given: it was slow
//	instants-skipped      for which no pack was made: this machine was too slow
//	packs/s-backfill      packs acknowledged a second of wall time during the backfill
//	collector-CPU-µs/pack what the collector took for each
//	packs-twice           packs that the collector was sent again
//	missing, unexpected   readings; 0, or the benchmark has failed
//	wall-s                of it all, but for building the collector
//
// The agents are the real parts on a clock that is six times as fast; so lateness
// counts every delay of this machine six times, and the jitter of up to 9 s once.
func BenchmarkOutage(b *testing.B) {
	long(b)
	for b.Loop() {
		collector := startCollector(b, "127.0.0.1:0")
		begin := time.Now()
		shelf := newShelf(b, sampler.Next(begin.Add(-behind-outage), interval))
		shelf.sitOut(b)
		shelf.comeBack(b, collector)
		shelf.check(b, collector)
		b.ReportMetric(time.Since(begin).Seconds(), "wall-s")
	}
	b.ReportMetric(0, "ns/op")
}

// long skips a benchmark of minutes unless it is asked for.
func long(b *testing.B) {
	b.Helper()
	if testing.Short() || os.Getenv("THERMARACK_LONG") != "1" {
		b.Skip("takes minutes; set THERMARACK_LONG=1")
	}
}

// A pi is one agent: its sampler, its outbox and, later, its publisher.
type pi struct {
	node      wire.Node
	curves    []*curve
	sampler   *sampler.Sampler
	box       *outbox.Box
	publisher *mqtt.Publisher
	live      []time.Time // stamps of the packs since the outage, in the order of Put
}

// boot is that of all agents.
const boot = "outage"

// newPi returns an agent with the sensors of a plain Pi on a PoE HAT, and with as
// many probes.
func newPi(b *testing.B, number, probes int) *pi {
	p := &pi{node: wire.Node(fmt.Sprintf("b827eb%06x", number))}
	add := func(device, quantity string) {
		p.curves = append(p.curves, &curve{device: device, quantity: quantity, seed: number<<4 + len(p.curves)})
	}
	add(p.node.Device("soc"), wire.QuantityTemperature)
	add(p.node.Device("soc"), wire.QuantityThrottled)
	add(p.node.Device("poe"), wire.QuantityCurrent)
	for i := range probes {
		add(wire.OneWireDevice([8]byte{0x28, byte(i), byte(number)}), wire.QuantityTemperature)
	}
	var sensors sampler.Fixed
	for _, s := range p.curves {
		sensors = append(sensors, s)
	}
	p.sampler = sampler.New(sampler.Options{
		Node: p.node, Boot: boot, Interval: interval, Source: sensors, Sink: p, Log: warnings(b),
		Jitter: sampler.Spread(p.node, interval), Inline: true,
	})
	return p
}

// Put is that of a live pack.
func (p *pi) Put(pack []byte) {
	p.live = append(p.live, stampOf(pack))
	p.box.Put(pack)
}

// stampOf returns the time of a pack that an agent has made.
func stampOf(pack []byte) time.Time {
	readings, _, err := wire.DecodePack(pack, time.Time{})
	if err != nil {
		panic(err) // encoded by wire
	}
	return readings[0].Time
}

// warnings is the log of agents that should have nothing to say.
func warnings(b *testing.B) *slog.Logger {
	return slog.New(slog.NewTextHandler(b.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// A curve is a sensor whose n-th sample has a value that follows from n.
type curve struct {
	device, quantity string
	seed             int // of its noise
	made             int // samples so far
}

// Name returns the record name.
func (s *curve) Name() string { return s.device + ":" + s.quantity }

// Read returns the next sample.
func (s *curve) Read(context.Context) ([]wire.Reading, error) {
	v := s.value(s.made)
	s.made++
	return []wire.Reading{{Device: s.device, Quantity: s.quantity, Unit: wire.UnitOf(s.quantity), Value: v}}, nil
}

// value returns sample n: a slow triangle with noise, in sixteenths, which a store
// keeps as they are.
func (s *curve) value(n int) float64 {
	const golden = 0x9e3779b97f4a7c15
	grain := float64(uint64(s.seed<<16+n)*golden>>60) / 16
	slow := float64(max(n%1440, 1440-n%1440)/9) / 16 // 5 to 10 in four hours
	switch s.quantity {
	case wire.QuantitySeq:
		return float64(n + 1)
	case wire.QuantityThrottled:
		return float64(n / 1000 % 2 * 0x50000) // sometimes it has happened since the start
	case wire.QuantityCurrent:
		return 0.5 + grain
	}
	return 40 + slow + grain
}

// A shelf is all agents, and the day that they will miss.
type shelf struct {
	pis   []*pi
	begin time.Time // of the first pack
}

// newShelf returns the agents of a shelf, one of which has seven probes.
func newShelf(b *testing.B, begin time.Time) *shelf {
	s := &shelf{begin: begin}
	for i := range shelfNodes {
		probes := 0
		if i == 0 {
			probes = 7
		}
		s.pis = append(s.pis, newPi(b, i+1, probes))
	}
	return s
}

// stamp returns the n-th instant of the outage.
func (s *shelf) stamp(n int) time.Time { return s.begin.Add(time.Duration(n) * interval) }

// sitOut makes the packs of the outage.
func (s *shelf) sitOut(b *testing.B) {
	b.Helper()
	before, start := held(), time.Now()
	for _, p := range s.pis {
		box, err := outbox.Open(outbox.Options{Clock: clock.Scaled(start, start, outageSpeed)})
		if err != nil {
			b.Fatal(err)
		}
		p.box = box
		for n := range missed {
			pack, err := p.sampler.Pack(b.Context(), s.stamp(n))
			if err != nil {
				b.Fatal(err)
			}
			box.Put(pack)
		}
		if box.Len() != missed || box.Dropped() > 0 {
			b.Fatalf("%s holds %d packs and has dropped %d, want all %d", p.node, box.Len(), box.Dropped(), missed)
		}
	}
	b.ReportMetric(float64(shelfNodes*missed)/time.Since(start).Seconds(), "packs/s-outage")
	b.ReportMetric(float64(held()-before)/shelfNodes/1e3, "kB-held/node")
}

// held returns the bytes of the heap that are in use.
func held() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// comeBack gives the agents a broker, lets them go on while the backlog goes out,
// then stops them and waits until nothing is left.
func (s *shelf) comeBack(b *testing.B, c *collector) {
	b.Helper()
	last := s.stamp(missed - 1)
	observer := observe(b, c, last, s.pis[0].node, s.pis[shelfNodes/2].node, s.pis[shelfNodes-1].node)
	cpu, start := c.measure(b).cpu, time.Now()
	now := clock.Scaled(last, start, outageSpeed)
	observer.start(now)
	stopSampling, stopPublishing := s.run(b, c, now)

	s.until(b, now, "connected", func(p *pi) bool { return p.publisher.State().Connected })
	connected := now.Now()
	b.ReportMetric(connected.Sub(last).Seconds(), "agent-s-to-connect")
	s.until(b, now, "without a backlog", func(p *pi) bool { return p.box.Len() == 0 })
	done := now.Now()
	stopSampling()
	b.ReportMetric(done.Sub(last).Minutes(), "agent-min-backfill")
	b.ReportMetric(float64(s.acks())/time.Since(start).Seconds(), "packs/s-backfill")
	s.until(b, now, "empty", func(p *pi) bool { return p.box.Len() == 0 })
	b.ReportMetric(float64((c.measure(b).cpu-cpu).Microseconds())/float64(s.acks()), "collector-CPU-µs/pack")
	observer.report(b, s, connected)
	stopPublishing()
}

// run starts the agents on a clock.
func (s *shelf) run(b *testing.B, c *collector, now clock.Clock) (stopSampling, stopPublishing func()) {
	samplers, endSampling := context.WithCancel(b.Context())
	publishers, endPublishing := context.WithCancel(b.Context())
	var sampling, publishing errgroup.Group
	for _, p := range s.pis {
		p.publisher = mqtt.New(mqtt.Options{
			Broker: "tcp://" + c.MQTT, Site: "main", Node: p.node, Boot: boot, Box: p.box, Clock: now, Log: warnings(b),
		})
		p.sampler.Clock = now
		sampling.Go(func() error { return p.sampler.Run(samplers) })
		publishing.Go(func() error { return p.publisher.Run(publishers) })
	}
	stop := func(end func(), g *errgroup.Group) func() {
		return func() {
			end()
			if err := g.Wait(); err != nil {
				b.Error(err)
			}
		}
	}
	return stop(endSampling, &sampling), stop(endPublishing, &publishing)
}

// until waits until each agent was seen to be as wanted, once.
func (s *shelf) until(b *testing.B, now clock.Clock, wanted string, is func(*pi) bool) {
	b.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	seen := map[*pi]bool{}
	for len(seen) < len(s.pis) {
		<-tick.C
		for _, p := range s.pis {
			if !seen[p] && is(p) {
				seen[p] = true
			}
		}
		if time.Since(now.Now()) < time.Minute {
			b.Fatalf("the agents' clock has come to that of the world and %d of %d are not %s: this machine is too slow", len(s.pis)-len(seen), len(s.pis), wanted)
		}
	}
}

// acks returns how many packs the collector has acknowledged.
func (s *shelf) acks() (n uint64) {
	for _, p := range s.pis {
		n += p.publisher.State().Acks
	}
	return n
}

// An observer subscribes to packs of some agents.
type observer struct {
	nodes []wire.Node
	since time.Time // older packs are not live

	mu       sync.Mutex
	now      clock.Clock
	live     map[wire.Node]map[time.Time]time.Duration // by stamp: how late it came
	newest   map[wire.Node]time.Time                   // of the backlog
	disorder int                                       // packs of the backlog that came behind a newer one
}

// observe subscribes to the packs of nodes that are stamped after since.
func observe(b *testing.B, c *collector, since time.Time, nodes ...wire.Node) *observer {
	b.Helper()
	o := &observer{
		nodes: nodes, since: since, newest: map[wire.Node]time.Time{},
		live: map[wire.Node]map[time.Time]time.Duration{},
	}
	client := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + c.MQTT).SetClientID("observer"))
	wait := func(t paho.Token) {
		if !t.WaitTimeout(10*time.Second) || t.Error() != nil {
			b.Fatalf("observer: %v", t.Error())
		}
	}
	wait(client.Connect())
	b.Cleanup(func() { client.Disconnect(100) })
	for _, node := range nodes {
		o.live[node] = map[time.Time]time.Duration{}
		topic := wire.Topic{Site: "main", Node: node, Kind: wire.KindReadings}
		wait(client.Subscribe(topic.String(), 0, func(_ paho.Client, m paho.Message) { o.note(node, m.Payload()) }))
	}
	return o
}

// start sets the clock, before there is a pack.
func (o *observer) start(now clock.Clock) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now = now
}

func (o *observer) note(node wire.Node, pack []byte) {
	stamp := stampOf(pack)
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case stamp.After(o.since):
		o.live[node][stamp] = o.now.Now().Sub(stamp)
	case stamp.After(o.newest[node]):
		o.newest[node] = stamp
	default:
		o.disorder++
	}
}

// report tells how late the packs were that were made when all agents were
// connected: an earlier one may have become part of the backlog. It fails unless
// the backlog came in the order of time.
func (o *observer) report(b *testing.B, s *shelf, connected time.Time) {
	b.Helper()
	after(b, time.Second) // for what is on its way
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.disorder > 0 {
		b.Fatalf("%d packs of the backlog of %v came behind a newer one, or twice", o.disorder, o.nodes)
	}
	var latest time.Duration
	unseen := 0
	for _, p := range s.pis {
		seen, ok := o.live[p.node]
		for _, stamp := range p.live {
			if !ok || !stamp.After(connected) {
				continue
			}
			late, ok := seen[stamp]
			if !ok {
				unseen++
			}
			latest = max(latest, late)
		}
	}
	b.ReportMetric(latest.Seconds(), "agent-s-live-late")
	b.ReportMetric(float64(unseen), "live-unseen")
}
