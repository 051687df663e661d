package main_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thermarack/collector/internal/benchload"
)

// BenchmarkCollectorAnswers asks a collector that keeps six hours of a shelf of 108
// Pis, ten values each, over HTTP: for six hours of the temperatures of all
// processors, as frames of a minute and with every value, and for the shelf as it
// is now, each time after a new reading so that no answer is there already.
func BenchmarkCollectorAnswers(b *testing.B) {
	needs(b)
	const pis, rounds = 108, 2160
	file := filepath.Join(b.TempDir(), "layout.yaml")
	write(b, file, shelfOf(pis))
	addr := fmt.Sprintf("127.0.0.1:%d", freePort(b))
	var c collector
	o := openCollector(b, addr, &c, "--mqtt", addr, "--layout", file)
	defer o.close()
	filled := load(b, benchload.Plan{Agents: pis, Connections: 54, Rounds: rounds, Encode: benchload.SenML})
	publishAll(b, filled, o.mqtt, 0)
	o.wait(b, filled.Plan)

	const processors = `thermarack_temperature_celsius{part="soc"}`
	span := url.Values{"start": {stampOf(filled.First)}, "end": {stampOf(filled.Last())}, "time": {stampOf(filled.Last())}}
	b.Run("playback-by-minutes", func(b *testing.B) {
		c.timed(b, "/prometheus/api/v1/query_range?step=60&query="+url.QueryEscape(processors)+"&"+span.Encode())
	})
	b.Run("playback-of-every-value", func(b *testing.B) {
		c.timed(b, "/prometheus/api/v1/query?query="+url.QueryEscape(processors+"[6h]")+"&"+span.Encode())
	})
	b.Run("latest-state-of-the-shelf", func(b *testing.B) {
		client := dial(b, o.mqtt, string(benchload.Node(0)))
		c.timedAfter(b, "/api/v1/shelves/bench/a1/s3", func(i int) {
			m, err := benchload.SenML(benchload.Report{Round: rounds + i, Time: time.Now(), SoC: 50 + float64(i%2)})
			if err != nil {
				b.Fatal(err)
			}
			publish(b, client, m.Topic, string(m.Payload))
		})
	})
}

// shelfOf is a layout with a shelf of so many of the fleet's first agents.
func shelfOf(pis int) string {
	var b strings.Builder
	b.WriteString("version: 1\nsites:\n  bench:\n    racks:\n      a1:\n        shelves:\n          s3:\n            columns: 12\n            depth: 9\n            nodes:\n")
	for slot := range pis {
		fmt.Fprintf(&b, "              %d: %s\n", slot+1, benchload.Node(slot))
	}
	return b.String()
}

func stampOf(t time.Time) string { return fmt.Sprint(t.Unix()) }

// timed asks the same again and again, and reports how long whole answers took.
func (c *collector) timed(b *testing.B, path string) { c.timedAfter(b, path, func(int) {}) }

// timedAfter is timed with something done before each question, which does not
// count.
func (c *collector) timedAfter(b *testing.B, path string, before func(i int)) {
	b.Helper()
	const questions = 100
	var waits []float64
	size := 0
	for i := range questions {
		before(i)
		begin := time.Now()
		response, err := http.Get("http://" + c.HTTP + path)
		if err != nil {
			b.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		waits = append(waits, float64(time.Since(begin))/1e6)
		if err != nil || response.StatusCode != http.StatusOK {
			b.Fatalf("GET %s: %s %v\n%.300s", path, response.Status, err, body)
		}
		size = len(body)
	}
	for b.Loop() { // the questions were the one iteration
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(quantile(waits, 0.5), "ms-p50")
	b.ReportMetric(quantile(waits, 0.99), "ms-p99")
	b.ReportMetric(float64(size)/1000, "kB-answer")
}
