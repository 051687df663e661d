package main_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"golang.org/x/sync/errgroup"

	"thermarack/collector/internal/benchload"
)

// BenchmarkCollectorViewers has two thousand pages open on a shelf of 108 Pis that
// report every 10 s. Each follows the events and, as the page does, asks for the map
// and the shelf after a change, at most every 200 ms. It reports by how much the
// collector's memory has grown, and how long after a publish each page had the
// value. A Pi publishes at the same moments for a shelf where nothing else happens,
// whose events are told from the others: how long after it each page had those.
func BenchmarkCollectorViewers(b *testing.B) {
	needs(b)
	if !long() {
		b.Skip("takes two minutes and much of the machine; set THERMARACK_LONG=1")
	}
	for _, viewers := range []int{100, 2000} {
		b.Run(fmt.Sprint(viewers), func(b *testing.B) { watched(b, viewers) })
	}
}

func watched(b *testing.B, viewers int) {
	b.Helper()
	s := openShow(b)
	defer s.close()
	letPass(b, 20*time.Second)
	before := s.consumer().use(b)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var watching errgroup.Group
	waits := &delays{published: map[string]time.Time{}}
	for i := range viewers {
		watching.Go(func() error {
			letPassUntil(ctx, time.Now().Add(time.Duration(i)*2*time.Millisecond)) // pages are not opened at once
			v := viewer{addr: s.collector.HTTP, waits: waits}
			return v.watch(ctx)
		})
	}
	until(b, time.Minute, "all watch", func() bool { return s.streams(b) == viewers })
	const probes = 20
	at := s.consumer().use(b)
	begin := time.Now()
	for i := range probes {
		waits.publish(b, s, i)
		letPass(b, 2*time.Second+time.Duration(i)*37*time.Millisecond)
	}
	now := s.consumer().use(b)
	took := time.Since(begin)
	cancel()
	if err := watching.Wait(); err != nil {
		b.Error(err)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(now.resident-before.resident, "MB-more")
	b.ReportMetric(now.resident, "MB-resident")
	b.ReportMetric(now.peak, "MB-peak")
	b.ReportMetric(100*(now.cpu-at.cpu).Seconds()/took.Seconds(), "%-of-a-core")
	waits.report(b, viewers*probes)
}

// A show is a collector whose shelf of 107 Pis of the fleet, and the prober, reports.
// The quiet one stands in another shelf.
type show struct {
	*opened
	collector *collector
	prober    paho.Client
	quiet     paho.Client
	stop      func() error
}

// quietProber is an agent of its own.
const quietProber = prober + 1

func openShow(b *testing.B) *show {
	b.Helper()
	const pis = 108
	file := filepath.Join(b.TempDir(), "layout.yaml")
	write(b, file, strings.Replace(shelfOf(pis), string(benchload.Node(pis-1)), string(benchload.Node(prober)), 1)+
		fmt.Sprintf("          s4: {columns: 1, depth: 1, nodes: {1: %s}}\n", benchload.Node(quietProber)))
	addr := fmt.Sprintf("127.0.0.1:%d", freePort(b))
	s := &show{collector: new(collector)}
	s.opened = openCollector(b, addr, s.collector, "--mqtt", addr, "--layout", file)
	s.prober, s.quiet = dial(b, addr, string(benchload.Node(prober))), dial(b, addr, string(benchload.Node(quietProber)))
	plan := benchload.Plan{Agents: pis - 1, Connections: pis - 1, Rounds: 60, First: time.Now().Truncate(time.Second), Interval: interval, Encode: benchload.SenML}
	load, err := benchload.New(plan)
	if err != nil {
		b.Fatal(err)
	}
	if err := load.Connect(b.Context(), addr); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	published := make(chan error, 1)
	go func() { published <- load.Publish(ctx, float64(plan.Agents)/interval.Seconds()) }()
	s.stop = func() error {
		cancel()
		if err := <-published; !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	}
	b.Cleanup(func() {
		if err := s.stop(); err != nil {
			b.Error(err)
		}
	})
	return s
}

// streams is how many pages follow the events.
func (s *show) streams(b *testing.B) int {
	b.Helper()
	for line := range strings.Lines(string(s.collector.get(b, "/metrics"))) {
		if n, ok := strings.CutPrefix(line, "thermarack_http_streams "); ok {
			return wholeNumber(b, strings.TrimSpace(n))
		}
	}
	b.Fatal("no metric of the streams")
	return 0
}

// delays are those of all viewers.
type delays struct {
	answers sync.Map // the marker in an answer, by its ETag

	mu             sync.Mutex
	marker         string // of the probe that was published last
	published      map[string]time.Time
	events, values []float64 // ms
}

// publish publishes a temperature of the prober's that no Pi had before.
func (d *delays) publish(tb testing.TB, s *show, i int) {
	tb.Helper()
	celsius := 31.001 + float64(i)/100
	now := time.Now()
	d.mu.Lock()
	d.marker = fmt.Sprintf(`"soc":%.3f`, celsius)
	d.published[d.marker] = now
	d.mu.Unlock()
	for agent, client := range map[int]paho.Client{prober: s.prober, quietProber: s.quiet} {
		m, err := benchload.SenML(benchload.Report{Agent: agent, Round: i, Time: now, SoC: celsius})
		if err != nil {
			tb.Fatal(err)
		}
		client.Publish(m.Topic, 1, false, m.Payload) // whether it arrives is seen by the viewers
	}
}

func (d *delays) awaited() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.marker
}

// event notes that a page was told of a change, value that it had it.
func (d *delays) event(marker string) { d.note(marker, &d.events) }
func (d *delays) value(marker string) { d.note(marker, &d.values) }

func (d *delays) note(marker string, in *[]float64) {
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	*in = append(*in, float64(now.Sub(d.published[marker]))/1e6)
}

func (d *delays) report(b *testing.B, want int) {
	b.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.events) == 0 || len(d.values) == 0 {
		b.Fatalf("%d events and %d values were seen", len(d.events), len(d.values))
	}
	if len(d.events) != want || len(d.values) != want {
		b.Errorf("of %d each, %d events and %d values were seen; ms until then p50 %.0f and %.0f, p99 %.0f and %.0f", want, len(d.events), len(d.values),
			quantile(d.events, 0.5), quantile(d.values, 0.5), quantile(d.events, 0.99), quantile(d.values, 0.99))
	}
	for unit, values := range map[string][]float64{"event": d.events, "value": d.values} {
		b.ReportMetric(quantile(values, 0.5), "ms-"+unit+"-p50")
		b.ReportMetric(quantile(values, 0.99), "ms-"+unit+"-p99")
		b.ReportMetric(slices.Max(values), "ms-"+unit+"-max")
	}
}

// A viewer is a page that somebody looks at.
type viewer struct {
	addr  string
	waits *delays
	told  string // the last probe that an event told of
	seen  string // the last one whose value it has
}

// pagePause is what the page leaves between two questions for the same.
const pagePause = 200 * time.Millisecond

// watch follows the events until ctx ends.
func (v *viewer) watch(ctx context.Context) error {
	stream, err := v.open(ctx, "/api/v1/events")
	if err != nil {
		return err
	}
	asking, err := v.dial(ctx)
	if err != nil {
		return err
	}
	changed := make(chan struct{}, 1)
	var group errgroup.Group
	group.Go(func() error {
		defer close(changed)
		return v.hear(stream, changed)
	})
	group.Go(func() error {
		for range changed {
			begin := time.Now()
			if err := v.refresh(asking); err != nil {
				return err
			}
			letPassUntil(ctx, begin.Add(pagePause))
		}
		return nil
	})
	if err := group.Wait(); ctx.Err() == nil {
		return fmt.Errorf("a page was left alone: %w", err)
	}
	return nil
}

// hear tells of changes of the shelf that is shown; one that nobody waited for yet
// stands for those after it.
func (v *viewer) hear(stream *bufio.Reader, changed chan<- struct{}) error {
	for {
		line, err := stream.ReadSlice('\n')
		if err != nil {
			return err
		}
		switch {
		case bytes.Contains(line, []byte(`"bench/a1/s4"`)):
			if marker := v.waits.awaited(); marker != v.told {
				v.told = marker
				v.waits.event(marker)
			}
		case bytes.Contains(line, []byte(`"bench/a1/s3"`)):
			select {
			case changed <- struct{}{}:
			default:
			}
		}
	}
}

// refresh asks for what is shown. Answers are read to their end; only the first page
// that gets a certain one looks what is in it.
func (v *viewer) refresh(asking *bufio.ReadWriter) error {
	picture, err := v.request(asking, "/api/v1/shelves/bench/a1/s3/heatmap.svg?width=960&layer=soc")
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, picture.Body); err != nil {
		return err
	}
	shelf, err := v.request(asking, "/api/v1/shelves/bench/a1/s3")
	if err != nil {
		return err
	}
	marker, err := v.waits.markerIn(shelf)
	if err == nil && marker != v.seen && marker == v.waits.awaited() {
		v.seen = marker
		v.waits.value(marker)
	}
	return err
}

// markerIn returns the value of the prober's Pi in an answer, which it reads.
func (d *delays) markerIn(shelf *http.Response) (string, error) {
	tag := shelf.Header.Get("ETag")
	if known, ok := d.answers.Load(tag); ok {
		_, err := io.Copy(io.Discard, shelf.Body)
		return known.(string), err
	}
	z, err := gzip.NewReader(shelf.Body)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(z)
	_, ended := io.Copy(io.Discard, shelf.Body)
	marker := ""
	if at := bytes.LastIndex(text, []byte(`"soc":`)); at >= 0 {
		marker, _, _ = strings.Cut(string(text[at:min(len(text), at+30)]), ",")
	}
	d.answers.Store(tag, marker)
	return marker, errors.Join(err, ended)
}

func (v *viewer) dial(ctx context.Context) (*bufio.ReadWriter, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", v.addr)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	return bufio.NewReadWriter(bufio.NewReaderSize(conn, 4<<10), bufio.NewWriterSize(conn, 512)), nil
}

// open asks for what does not end.
func (v *viewer) open(ctx context.Context, path string) (*bufio.Reader, error) {
	conn, err := v.dial(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := v.request(conn, path)
	if err != nil {
		return nil, err
	}
	return bufio.NewReaderSize(answer.Body, 512), nil
}

func (v *viewer) request(conn *bufio.ReadWriter, path string) (*http.Response, error) {
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n", path)
	if err := conn.Flush(); err != nil {
		return nil, err
	}
	answer, err := http.ReadResponse(conn.Reader, nil)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", path, answer.Status)
	}
	return answer, err
}

// letPassUntil returns at a time, or when ctx ends.
func letPassUntil(ctx context.Context, at time.Time) {
	wait := time.NewTimer(time.Until(at))
	defer wait.Stop()
	select {
	case <-ctx.Done():
	case <-wait.C:
	}
}
