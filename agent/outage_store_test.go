package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"thermarack/agent/wire"
)

// A collector is the real one, on loopback with a store of its own.
type collector struct {
	*program
	HTTP, MQTT string // addresses
}

// startCollector builds and runs a collector that ends with the benchmark. mqtt is
// where its broker listens.
func startCollector(b *testing.B, mqtt string) *collector {
	b.Helper()
	dir := b.TempDir()
	binary := filepath.Join(dir, "thermarack-collector")
	build := exec.CommandContext(b.Context(), "go", "build", "-o", binary, "thermarack/collector")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(b.Context(), binary, "serve", "--listen", "127.0.0.1:0", "--mqtt", mqtt, "--data", filepath.Join(dir, "data"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		if b.Failed() {
			b.Logf("the collector said:\n%s", said.Bytes())
		}
	})
	c := &collector{program: &program{name: "thermarack-collector", pid: cmd.Process.Pid}}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, c)
	}
	if err != nil {
		b.Fatalf("first line of the collector %q: %v", line, err)
	}
	return c
}

// get opens a page of the collector's.
func (c *collector) get(b *testing.B, path string, query url.Values) io.ReadCloser {
	b.Helper()
	at := url.URL{Scheme: "http", Host: c.HTTP, Path: path, RawQuery: query.Encode()}
	answer, err := http.Get(at.String())
	if err != nil {
		b.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 500))
		_ = answer.Body.Close()
		b.Fatalf("GET %s: %s: %s", &at, answer.Status, text)
	}
	return answer.Body
}

// counter returns the sum of a metric over its labels.
func (c *collector) counter(b *testing.B, name string) (sum float64) {
	b.Helper()
	page := c.get(b, "/metrics", nil)
	defer page.Close()
	lines := bufio.NewScanner(page)
	for lines.Scan() {
		labelled, number, _ := strings.Cut(lines.Text(), " ")
		if bare, _, _ := strings.Cut(labelled, "{"); bare != name {
			continue
		}
		v, err := strconv.ParseFloat(number, 64)
		if err != nil {
			b.Fatalf("metric %q: %v", lines.Text(), err)
		}
		sum += v
	}
	if err := lines.Err(); err != nil {
		b.Fatal(err)
	}
	return sum
}

// await waits until a metric is at least n.
func (c *collector) await(b *testing.B, name string, n float64) {
	b.Helper()
	limit := time.After(3 * time.Minute)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for c.counter(b, name) < n {
		select {
		case <-tick.C:
		case <-limit:
			b.Fatalf("%s is not %g within 3 minutes", name, n)
		}
	}
}

// A verdict counts the readings that are not as they should be.
type verdict struct {
	missing    int // not in the store
	unexpected int // in the store a second time, at another instant, or with another value
}

// check compares the store with what was made, reading by reading.
func (s *shelf) check(b *testing.B, c *collector) {
	b.Helper()
	var v verdict
	made, skipped := 0, 0
	for _, p := range s.pis {
		seq := &curve{device: p.node.Device(""), quantity: wire.QuantitySeq}
		for _, sensor := range append(p.curves, seq) {
			s.compare(b, c, p, sensor, &v)
		}
		made += missed + len(p.live)
		if n := len(p.live); n > 0 {
			skipped += int(p.live[n-1].Sub(s.stamp(missed-1))/interval) - n
		}
	}
	b.ReportMetric(float64(skipped), "instants-skipped")
	b.ReportMetric(float64(s.acks())-float64(made), "packs-twice")
	b.ReportMetric(float64(v.missing), "missing")
	b.ReportMetric(float64(v.unexpected), "unexpected")
	if n := c.counter(b, "thermarack_ingest_rejected_total"); n > 0 || v != (verdict{}) {
		b.Fatalf("of %d packs %d readings are missing in the store, %d are not as they were made, and %g records were rejected", made, v.missing, v.unexpected, n)
	}
}

// compare reads one series, oldest first.
func (s *shelf) compare(b *testing.B, c *collector, p *pi, sensor *curve, v *verdict) {
	b.Helper()
	page := c.get(b, "/api/v1/export.csv", url.Values{"sensor": {sensor.Name()}, "from": {strconv.FormatInt(s.begin.Unix(), 10)}})
	defer page.Close()
	rows := csv.NewReader(page)
	rows.ReuseRecord = true
	head, err := rows.Read()
	if err != nil || strings.Join(head, ",") != "time,value" {
		b.Fatalf("%s: head %q: %v", sensor.Name(), head, err)
	}
	n, all := 0, missed+len(p.live)
	for {
		row, err := rows.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			b.Fatalf("%s: %v", sensor.Name(), err)
		}
		stamp, value := parse(b, row)
		for n < all && s.made(p, n).Before(stamp) {
			v.missing++
			n++
		}
		if n == all || !s.made(p, n).Equal(stamp) {
			v.unexpected++
			continue
		}
		if value != sensor.value(n) {
			v.unexpected++
		}
		n++
	}
	v.missing += all - n
}

// made returns the stamp of the n-th pack of p.
func (s *shelf) made(p *pi, n int) time.Time {
	if n < missed {
		return s.stamp(n)
	}
	return p.live[n-missed]
}

func parse(b *testing.B, row []string) (time.Time, float64) {
	b.Helper()
	stamp, err := time.Parse(time.RFC3339, row[0])
	if err != nil {
		b.Fatalf("row %q: %v", row, err)
	}
	value, err := strconv.ParseFloat(row[1], 64)
	if err != nil {
		b.Fatalf("row %q: %v", row, err)
	}
	return stamp, value
}
