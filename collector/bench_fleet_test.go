package main_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"thermarack/collector/internal/benchload"
)

// BenchmarkCollectorResident has agents on connections of their own that report at
// their real pace of ten seconds, and reports the memory of the collector: a
// thousand of them for three minutes and, with every reading looked for
// afterwards, ten thousand for one.
func BenchmarkCollectorResident(b *testing.B) {
	needs(b)
	if !long() {
		b.Skip("takes some minutes; set THERMARACK_LONG=1")
	}
	for _, fleet := range []struct{ agents, rounds int }{{1000, 18}, {10_000, 6}} {
		b.Run(fmt.Sprintf("%d-agents", fleet.agents), func(b *testing.B) {
			resident(b, benchload.Plan{Agents: fleet.agents, Connections: fleet.agents, Rounds: fleet.rounds, Encode: benchload.SenML})
		})
	}
}

func resident(b *testing.B, p benchload.Plan) {
	b.Helper()
	load := load(b, p)
	o := ours().open(b)
	defer o.close()
	ctx, cancel := context.WithTimeout(b.Context(), 10*time.Minute)
	defer cancel()
	if err := load.Connect(ctx, o.mqtt); err != nil {
		b.Fatal(err)
	}
	connected := o.consumer().use(b)
	begin := time.Now()
	if err := load.Publish(ctx, float64(p.Agents)/interval.Seconds()); err != nil {
		b.Fatal(err)
	}
	took := time.Since(begin)
	now := o.consumer().use(b)
	missing, twice := o.audit(b, load.Plan, 0)
	if missing > 0 || twice > 0 {
		b.Errorf("of %d values %d are missing, %d are there twice", load.Values(), missing, twice)
	}
	if err := load.Close(); err != nil {
		b.Error(err) // a connection did not live that long
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(now.resident, "MB-resident")
	b.ReportMetric(now.peak, "MB-peak")
	b.ReportMetric(100*(now.cpu-connected.cpu).Seconds()/took.Seconds(), "%-of-a-core")
	b.ReportMetric(float64(missing), "values-missing")
}

// BenchmarkCollectorStart reports how many seconds a collector takes until it is
// ready, from when its process begins: with nothing stored, and after it was killed
// and after it was stopped with nearly three hours of a thousand agents in its
// write-ahead log, just before they would become a block.
func BenchmarkCollectorStart(b *testing.B) {
	needs(b)
	if !long() {
		b.Skip("takes some minutes; set THERMARACK_LONG=1")
	}
	o := ours().open(b)
	defer o.close()
	figures := tally{}
	o.consumer().stop()
	figures.add("s-empty", o.start(b))
	last := fillLog(b, o)
	figures.add("MB-before", o.consumer().use(b).resident)
	for range runs() {
		o.consumer().kill()
		figures.add("s-killed", o.start(b))
		o.check(b, last)
		o.consumer().stop()
		figures.add("s-stopped", o.start(b))
	}
	figures.add("MB-after", o.consumer().use(b).resident)
	figures.report(b, "seconds")
}

// fillLog stores 175 minutes of a thousand agents, and returns the last part of
// them.
func fillLog(b *testing.B, o *opened) benchload.Plan {
	b.Helper()
	const all, part = 1050, 210 // rounds
	begin := time.Now().Truncate(interval).Add(-all * interval)
	var last benchload.Plan
	for done := 0; done < all; done += part {
		load, err := benchload.New(benchload.Plan{
			Agents: 1000, Connections: 50, Rounds: part, Encode: benchload.SenML,
			First: begin.Add(time.Duration(done) * interval), Interval: interval,
		})
		if err != nil {
			b.Fatal(err)
		}
		publishAll(b, load, o.mqtt, 0)
		last = load.Plan
	}
	o.wait(b, last)
	return last
}

// start begins the collector again and returns after how many seconds it was
// ready.
func (o *opened) start(b *testing.B) float64 {
	b.Helper()
	begin := time.Now()
	o.consumer().again(b)
	for {
		err := o.ready()
		if err == nil {
			return time.Since(begin).Seconds()
		}
		if time.Since(begin) > time.Minute {
			b.Fatal(err)
		}
		letPass(b, 5*time.Millisecond)
	}
}

// unready returns why the collector cannot take readings yet, or nil.
func (c *collector) unready() error {
	answer, err := http.Get("http://" + c.HTTP + "/readyz")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New("not ready: " + answer.Status)
	}
	return nil
}
