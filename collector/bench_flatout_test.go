package main_test

import (
	"testing"
	"time"
)

// rounds of a thousand agents are two million values.
const rounds = 200

// BenchmarkCollectorFlatOut publishes as fast as a thousand agents' connections
// take it, the load generator on the same machine, and reports for each pipeline
// what a million values cost in CPU (broker, parsing and durable store; not the
// generator), how many values a second there are until the last can be asked for,
// and the memory at most.
func BenchmarkCollectorFlatOut(b *testing.B) {
	needs(b)
	compare(b, runs(), withPeers(b, ours(), tuned(), tunedLines()), flatOut)
}

// BenchmarkCollectorInfluxDB is the same with the store influx.
func BenchmarkCollectorInfluxDB(b *testing.B) {
	needs(b)
	needsPeers(b)
	compare(b, runs(), withPeers(b, oursInfluxDB(), tuned()), flatOut)
}

func flatOut(b *testing.B, p pipeline, figures tally) {
	b.Helper()
	load := thousandAgents(b, rounds, p.encode)
	o := p.open(b)
	defer o.close()
	o.mark(b)
	begin, acknowledged := publishAll(b, load, o.mqtt, 0)
	o.wait(b, load.Plan)
	end := time.Now()
	o.addCPU(b, figures, load.Values())
	figures.add("values/s-queryable", float64(load.Values())/end.Sub(begin).Seconds())
	figures.add("values/s-acknowledged", float64(load.Values())/acknowledged.Sub(begin).Seconds())
	figures.add("MB-peak", o.peak(b))
	o.check(b, load.Plan)
}

// BenchmarkCollectorDrain lets a mosquitto collect all messages while nobody takes
// them, and reports what the consumer then makes of the backlog, from its start
// on and with the load generator gone.
func BenchmarkCollectorDrain(b *testing.B) {
	needs(b, "mosquitto")
	compare(b, runs(), withPeers(b, oursExternal(), tuned(), tunedLines()), drain)
}

func drain(b *testing.B, p pipeline, figures tally) {
	b.Helper()
	load := thousandAgents(b, rounds, p.encode)
	o := p.open(b)
	defer o.close()
	o.consumer().stop()
	publishAll(b, load, o.mqtt, 0)
	for _, p := range o.parts[:len(o.parts)-1] {
		p.mark(b)
	}
	begin := time.Now()
	o.consumer().again(b)
	o.wait(b, load.Plan)
	end := time.Now()
	o.addCPU(b, figures, load.Values())
	figures.add("values/s-queryable", float64(load.Values())/end.Sub(begin).Seconds())
	figures.add("MB-peak", o.peak(b))
	o.check(b, load.Plan)
}
