package main_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"thermarack/collector/internal/snmp/snmptest"
)

// BenchmarkSwitches has a real collector poll 500 switches of 48 ports with a Pi
// each, every 30 s as it does by default, and store what they say. It reports the
// share of one core that this takes, over the minutes after the first interval, in
// which all is new, and what it remembers. The switches are played by this process.
func BenchmarkSwitches(b *testing.B) {
	needs(b)
	if !long() {
		b.Skip("takes some minutes; set THERMARACK_LONG=1")
	}
	count, err := strconv.Atoi(cmp.Or(os.Getenv("THERMARACK_SWITCHES"), "500"))
	if err != nil {
		b.Fatal(err)
	}
	const measured = 2 * time.Minute
	layout, requests := playSwitches(b, count)
	begin := time.Now()
	c := startCollector(b, "serve", "--mqtt", "127.0.0.1:0", "--layout", layout)
	letPass(b, 45*time.Second)
	before, asked := c.use(b), requests()
	letPass(b, measured)
	after, polls := c.use(b), float64(count)*measured.Seconds()/30

	metrics := string(c.get(b, "/metrics"))
	if failed := sumOf(b, metrics, "thermarack_switch_polls_total{result=") - sumOf(b, metrics, `thermarack_switch_polls_total{result="ok"}`); failed > 0 {
		b.Errorf("%v polls failed", failed)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(100*(after.cpu-before.cpu).Seconds()/measured.Seconds(), "%-of-a-core")
	b.ReportMetric((after.cpu-before.cpu).Seconds()*1000/polls, "cpu-ms/poll")
	b.ReportMetric(float64(requests()-asked)/polls, "requests/poll")
	b.ReportMetric(sumOf(b, metrics, "thermarack_ingest_stored_total")/time.Since(begin).Seconds(), "values/s")
	b.ReportMetric(after.resident, "MB-resident")
}

// playSwitches plays switches, and returns a layout of shelves that they feed and
// what counts the requests that they got.
func playSwitches(b *testing.B, count int) (layout string, requests func() int) {
	b.Helper()
	var shelves, names strings.Builder
	responders := make([]*snmptest.Responder, count)
	for i := range count {
		s := fullSwitch(i)
		responders[i] = snmptest.Start(b, snmptest.Public, s.vars(b))
		responders[i].Age()
		fmt.Fprintf(&shelves, "          s%d: {columns: 12, depth: 4, nodes: {switch: sw%d, ports: 1-48}}\n", i, i)
		fmt.Fprintf(&names, "  sw%d: {mac: %s, host: %q}\n", i, s.mac, responders[i].Address())
	}
	layout = filepath.Join(b.TempDir(), "layout.yaml")
	write(b, layout, "version: 1\nsites:\n  hex:\n    racks:\n      a1:\n        shelves:\n"+shelves.String()+"switches:\n"+names.String())
	return layout, func() int {
		all := 0
		for _, r := range responders {
			all += r.Requests()
		}
		return all
	}
}

// sumOf adds up the metrics that begin with a text.
func sumOf(tb testing.TB, metrics, prefix string) float64 {
	tb.Helper()
	sum := 0.0
	for line := range strings.Lines(metrics) {
		if !strings.HasPrefix(line, prefix) {
			continue
		}
		fields := strings.Fields(line)
		v, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		if err != nil {
			tb.Fatal(err)
		}
		sum += v
	}
	return sum
}
