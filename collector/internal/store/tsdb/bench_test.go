package tsdb_test

import (
	"testing"
	"time"

	"thermarack/collector/internal/store/tsdb"
)

// filled returns a store with samples of n series every 10 s, of the time d
// before noon.
func filled(b *testing.B, n int, d time.Duration) *tsdb.Store {
	b.Helper()
	s := open(b, tsdb.Options{Dir: b.TempDir(), MinFree: 1})
	for at := noon.Add(-d); at.Before(noon); at = at.Add(10 * time.Second) {
		if refused, err := s.Append(b.Context(), fleet(n, at)); err != nil || refused != nil {
			b.Fatal(refused, err)
		}
	}
	return s
}

// BenchmarkAppend stores 1000 samples a call, which is synced.
func BenchmarkAppend(b *testing.B) {
	s := open(b, tsdb.Options{Dir: b.TempDir(), MinFree: 1})
	at := noon
	for b.Loop() {
		if _, err := s.Append(b.Context(), fleet(1000, at)); err != nil {
			b.Fatal(err)
		}
		at = at.Add(10 * time.Second)
	}
	b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "samples/s")
}

// BenchmarkAppendBacklog stores 1000 samples a call, all older than the newest
// of their series.
func BenchmarkAppendBacklog(b *testing.B) {
	s := open(b, tsdb.Options{Dir: b.TempDir(), MinFree: 1})
	if _, err := s.Append(b.Context(), fleet(1000, noon)); err != nil {
		b.Fatal(err)
	}
	at := noon.Add(-6 * 24 * time.Hour)
	for b.Loop() {
		if _, err := s.Append(b.Context(), fleet(1000, at)); err != nil {
			b.Fatal(err)
		}
		at = at.Add(10 * time.Second)
	}
	b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "samples/s")
}

func BenchmarkLatest(b *testing.B) {
	s := filled(b, 500, time.Hour)
	for _, lookback := range []time.Duration{time.Minute, 5 * time.Minute, time.Hour} {
		b.Run(lookback.String(), func(b *testing.B) {
			for b.Loop() {
				latest, err := s.Latest(b.Context(), noon, lookback)
				if err != nil || len(latest) != 500 {
					b.Fatal(len(latest), err)
				}
			}
		})
	}
}

func BenchmarkRange6h(b *testing.B) {
	s := filled(b, 10, 6*time.Hour)
	name := fleet(1, noon)[0].Name()
	for b.Loop() {
		points, err := s.Range(b.Context(), name, noon.Add(-6*time.Hour), noon)
		if err != nil || len(points) != 2160 {
			b.Fatal(len(points), err)
		}
	}
}
