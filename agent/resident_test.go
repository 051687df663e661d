package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"thermarack/agent/internal/outbox"
	"thermarack/agent/internal/sampler"
)

// BenchmarkResidentAfterAnOutage reports what the agent of BenchmarkFootprint is
// resident with when its broker has been away for 24 hours: MB-resident and
// MB-anonymous while it holds the packs of the day, and the same again -backfill,
// when half a minute of them has gone to a collector that came back.
//
// The day does not pass: its packs lie in the agent's spool when it starts. They
// are made by the agent's own parts, of eleven values each that change.
func BenchmarkResidentAfterAnOutage(b *testing.B) {
	long(b)
	for b.Loop() {
		dir, port := b.TempDir(), freePort(b)
		root, spools := filepath.Join(dir, "root"), filepath.Join(dir, "spools")
		probes(b, root, 7)
		fillSpool(b, spools, "tcp://127.0.0.1:"+port)
		agent := thermarack(b, dir, root, port, "--config", file(b, dir, "agent.yaml", fmt.Sprintf("spool: {directory: %q}\n", spools)))
		after(b, firstTrim+warmUp)
		held := agent.measure(b)
		b.ReportMetric(held.resident, "MB-resident")
		b.ReportMetric(held.anonymous, "MB-anonymous")

		c := startCollector(b, "127.0.0.1:"+port)
		c.await(b, "thermarack_ingest_messages_total", 480)
		sending := agent.measure(b)
		b.ReportMetric(sending.resident, "MB-resident-backfill")
		b.ReportMetric(sending.anonymous, "MB-anonymous-backfill")
		if n := c.counter(b, "thermarack_ingest_rejected_total"); n > 0 {
			b.Fatalf("%g records were rejected", n)
		}
	}
	b.ReportMetric(0, "ns/op")
}

// fillSpool leaves the packs of a day in the spool of a broker.
func fillSpool(b *testing.B, spools, broker string) {
	b.Helper()
	if err := os.Mkdir(spools, 0o755); err != nil {
		b.Fatal(err)
	}
	box, err := outbox.Open(outbox.Options{Log: warnings(b), Spool: outbox.Spool{
		Dir: filepath.Join(spools, spoolName(broker)), MaxBytes: 64e6, BudgetPerDay: 1e15,
	}})
	if err != nil {
		b.Fatal(err)
	}
	begin := sampler.Next(time.Now().Add(-outage), interval)
	p := newPi(b, 1, 7)
	for n := range missed {
		pack, err := p.sampler.Pack(b.Context(), begin.Add(time.Duration(n)*interval))
		if err != nil {
			b.Fatal(err)
		}
		box.Put(pack)
	}
	box.Close()
}
