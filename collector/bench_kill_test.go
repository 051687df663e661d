package main_test

import (
	"context"
	"testing"
	"time"
)

// BenchmarkCollectorKilled publishes 60,000 messages at 2,000 a second while a
// program is killed twice and is away for three seconds each time, and reports
// which of the acknowledged values are missing and which are there twice: of the
// collector on its defaults, and with the store influx of InfluxDB.
//
// Of what users run instead, docs/benchmarks.md has the losses.
func BenchmarkCollectorKilled(b *testing.B) {
	needs(b)
	if !long() {
		b.Skip("takes some minutes; set THERMARACK_LONG=1")
	}
	b.Run("collector", func(b *testing.B) {
		p := ours()
		o := p.open(b)
		killed(b, p, o, o.consumer())
	})
	b.Run("collector-with-InfluxDB", func(b *testing.B) {
		needsPeers(b)
		p := oursInfluxDB()
		o := p.open(b)
		killed(b, p, o, o.consumer())
	})
	b.Run("InfluxDB", func(b *testing.B) {
		needsPeers(b)
		p := oursInfluxDB()
		o := p.open(b)
		killed(b, p, o, o.parts[0])
	})
}

func killed(b *testing.B, p pipeline, o *opened, victim *part) {
	b.Helper()
	defer o.close()
	const rate = 2000 // messages a second
	load := thousandAgents(b, 60, p.encode)
	ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
	defer cancel()
	if err := load.Connect(ctx, o.mqtt); err != nil {
		b.Fatal(err)
	}
	published := make(chan error, 1)
	go func() { published <- load.Publish(ctx, rate) }()
	for _, second := range []int{6, 15} {
		until(b, time.Minute, "the time to kill", func() bool { return load.Acknowledged() >= second*rate })
		victim.kill()
		letPass(b, 3*time.Second)
		victim.again(b)
	}
	if err := <-published; err != nil {
		b.Fatal(err)
	}
	o.wait(b, load.Plan)
	missing, twice := o.audit(b, load.Plan, 0)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(missing), "values-missing")
	b.ReportMetric(float64(twice), "values-twice")
	if missing > 0 || twice > 0 {
		b.Errorf("of %d acknowledged values %d are missing, %d are there twice", load.Values(), missing, twice)
	}
}

// letPass waits for the wall clock: there is no event to wait for.
func letPass(b *testing.B, d time.Duration) {
	b.Helper()
	select {
	case <-time.After(d):
	case <-b.Context().Done():
		b.Fatal(b.Context().Err())
	}
}
