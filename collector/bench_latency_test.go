package main_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"thermarack/collector/internal/benchload"
)

// prober is the agent whose values are asked for; it is not one of the fleet.
const prober = 50_000

// BenchmarkCollectorLatency publishes single values at random moments beside a
// steady load, asks every few milliseconds whether they are there, and reports the
// milliseconds from just before the publish to the answer that has it.
func BenchmarkCollectorLatency(b *testing.B) {
	needs(b)
	for _, c := range []struct {
		name string
		rate float64 // messages a second
		plan benchload.Plan
	}{
		{"2000-messages-a-second", 2000, benchload.Plan{Agents: 1000, Connections: 50, Rounds: 60}},
		{"20-messages-a-second", 20, benchload.Plan{Agents: 200, Connections: 50, Rounds: 3}},
	} {
		b.Run(c.name, func(b *testing.B) {
			compare(b, 1, withPeers(b, ours(), tuned(), usual()), func(b *testing.B, p pipeline, figures tally) {
				c.plan.Encode = p.encode
				latency(b, p, load(b, c.plan), c.rate, figures)
			})
		})
	}
}

// latency probes during the load, which takes half a minute.
func latency(b *testing.B, p pipeline, load *benchload.Load, rate float64, figures tally) {
	b.Helper()
	o := p.open(b)
	defer o.close()
	published := make(chan error, 1)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	if err := load.Connect(ctx, o.mqtt); err != nil {
		b.Fatal(err)
	}
	go func() { published <- load.Publish(ctx, rate) }()
	waits := probe(b, o, p.encode)
	cancel()
	if err := <-published; err != nil && !errors.Is(err, context.Canceled) {
		b.Fatal(err)
	}
	figures.add("ms-p50", quantile(waits, 0.5))
	figures.add("ms-p99", quantile(waits, 0.99))
	figures.add("ms-max", quantile(waits, 1))
}

// probe publishes values 100 ms apart on average, until the load is nearly over,
// and returns after how many milliseconds each could be asked for.
func probe(b *testing.B, o *opened, encode benchload.Encoding) (waits []float64) {
	b.Helper()
	const probes, pause, patience = 250, 100 * time.Millisecond, time.Minute
	client := dial(b, o.mqtt, string(benchload.Node(prober)))
	random := rand.New(rand.NewPCG(1, 2))
	sent := map[int64]time.Time{} // by stamp in milliseconds, those that are not there yet
	next, published := time.Now(), 0
	ask := time.NewTicker(5 * time.Millisecond)
	defer ask.Stop()
	for last := next; published < probes || len(sent) > 0; <-ask.C {
		now := time.Now()
		if published < probes && !now.Before(next) {
			stamp := now.Truncate(time.Millisecond)
			m, err := encode(benchload.Report{Agent: prober, Round: published, Time: stamp})
			if err != nil {
				b.Fatal(err)
			}
			sent[stamp.UnixMilli()], last = now, now
			client.Publish(m.Topic, 1, false, m.Payload) // whether it arrives is seen below
			published++
			next = now.Add(time.Duration(2 * random.Float64() * float64(pause)))
		}
		if now.Sub(last) > patience {
			b.Fatalf("%d of %d values cannot be asked for", len(sent), published)
		}
		for _, stamp := range o.seen(b, oldest(sent)) {
			if at, waiting := sent[stamp]; waiting {
				waits = append(waits, float64(time.Since(at))/1e6)
				delete(sent, stamp)
			}
		}
	}
	return waits
}

// oldest returns the smallest of the stamps.
func oldest(sent map[int64]time.Time) time.Time {
	first := time.Now()
	for _, at := range sent {
		if at.Before(first) {
			first = at
		}
	}
	return first.Truncate(time.Millisecond)
}

// seen returns the stamps of the prober's values since a time.
func (c *collector) seen(b *testing.B, since time.Time) (stamps []int64) {
	b.Helper()
	points, err := c.since(benchload.Devices(prober)[0], since)
	if err != nil {
		b.Fatal(err)
	}
	for _, p := range points {
		stamps = append(stamps, p.T.UnixMilli())
	}
	return stamps
}

func (db influxDB) seen(b *testing.B, since time.Time) (stamps []int64) {
	b.Helper()
	rows, err := db.rows(fmt.Sprintf("SELECT t1 FROM env WHERE agent = 'a%05d' AND time >= %d", prober, since.UnixNano()))
	if err != nil {
		b.Fatal(err)
	}
	for _, row := range rows {
		stamps = append(stamps, int64(row[0]))
	}
	return stamps
}
