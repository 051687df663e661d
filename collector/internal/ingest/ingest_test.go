package ingest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"thermarack/agent/wire"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/store"
)

// pass lets the bubble's clock run on for d, and waits until all that this sets
// off has settled.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// A shelf is a store that can be told to fail, and an observer.
type shelf struct {
	refuse []store.Refusal // of every Append

	mu       sync.Mutex
	broken   error
	took     time.Duration // of one Append
	appends  [][]store.Sample
	observed []ingest.Batch
}

func (s *shelf) Append(_ context.Context, samples []store.Sample) ([]store.Refusal, error) {
	s.mu.Lock()
	took := s.took
	s.mu.Unlock()
	<-time.After(took) // the bubble's clock: a slow disk
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return nil, s.broken
	}
	s.appends = append(s.appends, slices.Clone(samples))
	return s.refuse, nil
}

func (s *shelf) Observe(b ingest.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.Readings = slices.Clone(b.Readings)
	s.observed = append(s.observed, b)
}

func (s *shelf) told() []ingest.Batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.observed)
}

func (s *shelf) set(broken error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = broken
}

// values returns what was stored, in order.
func (s *shelf) values() []float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []float64
	for _, samples := range s.appends {
		for _, sample := range samples {
			out = append(out, sample.Value)
		}
	}
	return out
}

// A bench is an Ingest under test inside a bubble; it runs until the test ends.
type bench struct {
	*ingest.Ingest
	*shelf
	registry *prometheus.Registry
	log      *bytes.Buffer
	stop     func() // cancels and waits
	start    time.Time

	answering sync.Mutex
	answers   []error
}

// answer is the Done of every delivery.
func (b *bench) answer(err error) {
	b.answering.Lock()
	defer b.answering.Unlock()
	b.answers = append(b.answers, err)
}

// acked returns what answer was told.
func (b *bench) acked() []error {
	b.answering.Lock()
	defer b.answering.Unlock()
	return slices.Clone(b.answers)
}

func run(t *testing.T, s *shelf, change func(*ingest.Options)) *bench {
	t.Helper()
	b := &bench{shelf: s, registry: prometheus.NewPedanticRegistry(), log: &bytes.Buffer{}, start: time.Now()}
	o := ingest.Options{Store: s, Observers: []ingest.Observer{s}, Log: slog.New(slog.NewTextHandler(b.log, nil)), Registry: b.registry}
	if change != nil {
		change(&o)
	}
	b.Ingest = ingest.New(o)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.Run(ctx) }()
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(b.stop)
	return b
}

// offer hands over one temperature, whose value tells it apart.
func (b *bench) offer(t *testing.T, v float64) {
	t.Helper()
	payload := fmt.Appendf(nil, `[{"n":"%s:temperature","v":%v,"t":%v}]`, probe, v, float64(b.start.UnixMilli())/1000+v/1000)
	b.send(t, wire.KindReadings, payload)
}

func (b *bench) send(t *testing.T, kind wire.Kind, payload []byte) {
	t.Helper()
	ok := b.Offer(ingest.Delivery{
		Topic: topicOf(kind), Payload: payload,
		Done: b.answer,
	})
	if !ok {
		t.Fatal("offer refused")
	}
}

// rejected checks the metric of all reasons; those that want lacks are 0.
func (b *bench) rejected(t *testing.T, want map[string]int) {
	t.Helper()
	var out strings.Builder
	for _, reason := range ingest.Reasons() {
		fmt.Fprintf(&out, "thermarack_ingest_rejected_total{reason=%q} %d\n", reason, want[reason])
	}
	head := "# HELP thermarack_ingest_rejected_total Records, or whole messages, that are not kept.\n# TYPE thermarack_ingest_rejected_total counter\n"
	if err := testutil.GatherAndCompare(b.registry, strings.NewReader(head+out.String()), "thermarack_ingest_rejected_total"); err != nil {
		t.Error(err)
	}
}

// value checks a metric without labels.
func (b *bench) value(t *testing.T, name string, want float64) {
	t.Helper()
	families, err := b.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		if got := f.GetMetric()[0].GetCounter().GetValue() + f.GetMetric()[0].GetGauge().GetValue(); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
		return
	}
	t.Errorf("no metric %s", name)
}

func TestWhatWaitsSharesACommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{took: 20 * time.Millisecond}
		b := run(t, s, nil)
		b.offer(t, 0)
		pass(60 * time.Millisecond) // the first commit is under way
		for v := range 100 {
			b.offer(t, float64(v+1))
		}
		pass(time.Second)
		if len(s.appends) > 3 || len(s.values()) != 101 {
			t.Errorf("%d commits of %d samples, want one and another, at most two, for the 100 that came meanwhile", len(s.appends), len(s.values()))
		}
		if len(b.acked()) != 101 || len(s.told()) != 101 || s.told()[100].Readings[0].Value != 100 {
			t.Errorf("%d acknowledged and %d observed, want 101 in order", len(b.acked()), len(s.told()))
		}
	})
}

func TestACommitDoesNotWaitLong(t *testing.T) {
	tests := []struct {
		name  string
		every time.Duration
		n     int
		want  time.Duration
	}{
		{"a lone message by default", 0, 1, 50 * time.Millisecond},
		{"a lone message as configured", 100 * time.Millisecond, 1, 100 * time.Millisecond},
		{"never more than 250 ms", time.Hour, 1, 250 * time.Millisecond},
		{"a window of messages", 250 * time.Millisecond, 32, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := run(t, &shelf{}, func(o *ingest.Options) { o.Every = tt.every })
				done := make(chan time.Duration, tt.n)
				for range tt.n {
					b.Offer(ingest.Delivery{Topic: "x", Done: func(error) { done <- time.Since(b.start) }})
				}
				if got := <-done; got != tt.want {
					t.Errorf("acknowledged after %v, want %v", got, tt.want)
				}
			})
		})
	}
}

func TestCancelCommitsWhatWasAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{took: time.Second}
		b := run(t, s, nil)
		for v := range 3 {
			b.offer(t, float64(v))
		}
		b.stop()
		if len(s.values()) != 3 || len(b.acked()) != 3 || errors.Join(b.acked()...) != nil {
			t.Errorf("stored %v, acknowledged %v; want all three", s.values(), b.acked())
		}
		if b.Offer(ingest.Delivery{Topic: "x"}) {
			t.Error("accepts an offer that nobody will commit")
		}
	})
}

func TestRubbishIsAcknowledgedAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		b := run(t, s, nil)
		b.send(t, wire.KindReadings, []byte("not senml"))
		b.send(t, wire.KindReadings, fmt.Appendf(nil, `[{"n":"%s:temperature","v":NaN},{"n":"%[1]s:humidity","v":40},{"n":"%[1]s:pressure","v":1,"t":%d}]`,
			probe, b.start.AddDate(10, 0, 0).Unix()))
		b.Offer(ingest.Delivery{Topic: "wrong", Done: b.answer})
		b.send(t, wire.KindReadings, []byte("still not"))
		pass(time.Second)
		if len(b.acked()) != 4 || errors.Join(b.acked()...) != nil {
			t.Errorf("acknowledged %v, want all four", b.acked())
		}
		if diff := cmp.Diff([]float64{40}, s.values()); diff != "" {
			t.Errorf("the good neighbour (-want +got):\n%s", diff)
		}
		if len(s.told()) != 1 || len(s.told()[0].Readings) != 1 {
			t.Errorf("observed %+v, want the humidity", s.told())
		}
		b.rejected(t, map[string]int{"payload": 2, "nan": 1, "future": 1, "topic": 1})
		if n := strings.Count(b.log.String(), "reason=payload"); n != 1 {
			t.Errorf("two bad payloads of a node in a minute are %d lines, want 1:\n%s", n, b.log)
		}
	})
}

func TestRefusalsOfTheStoreAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{refuse: []store.Refusal{{Index: 1, Reason: store.RefusedConflict}, {Index: 3, Reason: store.RefusedPast}, {Index: 4, Reason: store.RefusedConflict}}}
		b := run(t, s, nil)
		for v := range 4 {
			b.offer(t, float64(v))
		}
		b.send(t, wire.KindReadings, fmt.Appendf(nil, `[{"n":"%s:fault","vs":"crc"}]`, probe))
		pass(time.Second)
		if len(b.acked()) != 5 {
			t.Errorf("%d acknowledged, want 5: they would come again for ever", len(b.acked()))
		}
		b.value(t, "thermarack_ingest_stored_total", 2)
		// A count of faults that began anew with us is no rejection.
		b.rejected(t, map[string]int{"conflict": 1, "past": 1})
	})
}

func TestLateReadingsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := run(t, &shelf{}, func(o *ingest.Options) { o.Late = time.Hour })
		for _, ago := range []time.Duration{0, 59 * time.Minute, 61 * time.Minute, 24 * time.Hour} {
			b.send(t, wire.KindReadings, fmt.Appendf(nil, `[{"n":"%s:temperature","v":20,"t":%d}]`, probe, b.start.Add(-ago).Unix()))
		}
		pass(time.Second)
		b.value(t, "thermarack_ingest_late_total", 2)
		b.value(t, "thermarack_ingest_stored_total", 4)
	})
}

func TestLagAndWaitAreMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := run(t, &shelf{took: 3 * time.Second}, nil)
		at := float64(b.start.Unix())
		b.send(t, wire.KindReadings, fmt.Appendf(nil, `[{"n":"%[1]s:temperature","v":20,"t":%[2]v},{"n":"%[1]s:temperature","v":21,"t":%[3]v}]`, probe, at-60, at-20))
		b.send(t, wire.KindReadings, fmt.Appendf(nil, `[{"n":"%s:temperature","v":22,"t":%v}]`, probe, at+10)) // ahead of us
		b.send(t, wire.KindStatus, []byte(`{"online":true,"boot":"a","t":1}`))
		pass(4 * time.Second)
		sum := func(name string) float64 {
			families, err := b.registry.Gather()
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range families {
				if f.GetName() == name {
					h := f.GetMetric()[0].GetHistogram()
					return float64(h.GetSampleCount())*1000 + math.Round(h.GetSampleSum())
				}
			}
			return math.NaN()
		}
		if got := sum("thermarack_ingest_lag_seconds"); got != 2020 {
			t.Errorf("lag: %v, want two messages, 20 s together", got)
		}
		if got := sum("thermarack_ingest_wait_seconds"); got != 3009 {
			t.Errorf("wait: %v, want three messages, 9 s together", got)
		}
	})
}

func TestSeriesOfEarlierRunsCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := make([]store.Series, ingest.MaxSeries)
		for i := range full {
			full[i] = store.Series{Site: site, Node: node, Device: fmt.Sprintf("urn:dev:ow:28%014x", i), Quantity: "temperature", Unit: "Cel"}
		}
		s := &shelf{}
		b := run(t, s, func(o *ingest.Options) {
			o.Known = func(context.Context) ([]store.Series, error) { return full, nil }
		})
		pass(time.Second)
		b.offer(t, 7) // a probe that is none of them
		b.send(t, wire.KindReadings, fmt.Appendf(nil, `[{"n":"%s:temperature","v":3}]`, full[3].Device))
		pass(time.Second)
		if diff := cmp.Diff([]float64{3}, s.values()); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
		b.rejected(t, map[string]int{"series_limit": 1})
	})
}

func BenchmarkIngestTenValues(b *testing.B) {
	in := ingest.New(ingest.Options{Store: &shelfless{}, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error)
	go func() { done <- in.Run(ctx) }()
	payload := fmt.Appendf(nil, "%s", bytes.ReplaceAll(tenValues(), fmt.Append(nil, noon.Unix()), fmt.Append(nil, time.Now().Unix())))
	slots := make(chan struct{}, 1024)
	d := ingest.Delivery{Topic: topicOf(wire.KindReadings), Payload: payload, Done: func(error) { <-slots }}
	b.ReportAllocs()
	for b.Loop() {
		slots <- struct{}{}
		in.Offer(d)
	}
	cancel()
	<-done
}

// A shelfless store takes everything and keeps nothing.
type shelfless struct{}

func (*shelfless) Append(context.Context, []store.Sample) ([]store.Refusal, error) { return nil, nil }
