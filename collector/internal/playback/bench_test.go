package playback_test

import (
	"bytes"
	"compress/gzip"
	"syscall"
	"testing"
	"time"

	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/playback"
	"thermarack/collector/internal/store/tsdb"
)

// BenchmarkSixHours plays six hours of a shelf of 108 Pis with watts, twelve probes
// and two fans, a point each 10 s, in 360 frames from a TSDB.
func BenchmarkSixHours(b *testing.B) {
	kept, err := tsdb.Open(tsdb.Options{Dir: b.TempDir(), MinFree: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer kept.Close()
	l := shelfOf(b, 12, 9)
	s := open(kept, l, nil, nil)
	fill(b, s, l, noon.Add(-6*time.Hour), noon)
	for _, layer := range []heatmap.Layer{heatmap.Air, heatmap.SoC} {
		b.Run(string(layer), func(b *testing.B) {
			var out bytes.Buffer
			spent := processTime(b)
			for b.Loop() {
				out.Reset()
				reel, err := s.player.Open(playback.Request{Shelf: shelfID, From: noon.Add(-6 * time.Hour), To: noon, Frames: 360, Layer: layer})
				if err != nil {
					b.Fatal(err)
				}
				if err := reel.WriteJSON(b.Context(), &out); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((processTime(b)-spent).Milliseconds())/float64(b.N), "cpu-ms/op")
			b.ReportMetric(float64(out.Len()), "B")
			b.ReportMetric(float64(zipped(b, out.Bytes())), "B-zipped")
		})
	}
}

// processTime is how long processors have worked for this process.
func processTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func zipped(tb testing.TB, text []byte) int {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(text); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Len()
}
