package main_test

import (
	"testing"
	"time"
)

// BenchmarkCollectorFlatOut publishes as fast as a thousand agents' connections
// take it, the load generator on the same machine, and reports for each pipeline
// what a million values cost in CPU (broker, parsing and durable store; not the
// generator), how many values a second there are until the last can be asked for,
// and the memory at most.
func BenchmarkCollectorFlatOut(b *testing.B) {
	needs(b)
	contenders := withPeers(b, ours())
	figures := make([]tally, len(contenders))
	for range runs() {
		for i, p := range contenders {
			if figures[i] == nil {
				figures[i] = tally{}
			}
			flatOut(b, p, figures[i])
		}
	}
	for i, p := range contenders {
		figures[i].report(b, p.name)
	}
}

// flatOut runs a pipeline once, on two million values.
func flatOut(b *testing.B, p pipeline, figures tally) {
	b.Helper()
	load := thousandAgents(b, 200, p.encode)
	o := p.open(b)
	defer o.close()
	before := cpuOf(b, o.programs...)
	begin, acknowledged := publishAll(b, load, o.mqtt, 0)
	until(b, 2*time.Minute, "every value can be asked for", func() bool { return o.arrived(load.Plan) })
	end := time.Now()
	million := float64(load.Values()) / 1e6
	figures.add("CPU-s/Mvalue", (cpuOf(b, o.programs...)-before).Seconds()/million)
	figures.add("values/s-queryable", float64(load.Values())/end.Sub(begin).Seconds())
	figures.add("values/s-acknowledged", float64(load.Values())/acknowledged.Sub(begin).Seconds())
	figures.add("MB-peak", o.peak(b))
	o.check(b, load.Plan)
}
