package web_test

import (
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"syscall"
	"testing"
	"time"

	"thermarack/agent/wire"
	"thermarack/agent/wire/clock"
	"thermarack/collector/internal/playback"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/store"
	"thermarack/collector/internal/store/tsdb"
)

// BenchmarkPlayback asks over HTTP for six hours of a shelf of 108 Pis, a point each
// 10 s, in 360 frames, zipped.
func BenchmarkPlayback(b *testing.B) {
	kept, err := tsdb.Open(tsdb.Options{Dir: b.TempDir(), MinFree: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer kept.Close()
	w := bigWorld(b)
	model := rack.New(rack.Options{Layout: w.racks.layout, History: kept, Stale: time.Minute, Clock: clock.Clock{}})
	w.opt.Playback = playback.New(playback.Options{Shelves: model, Series: kept})
	past, _ := model.Past(w.racks.layout, shelfID)
	dice := rand.New(rand.NewPCG(1, 2))
	for at := noon.Add(-6 * time.Hour); at.Before(noon); at = at.Add(10 * time.Second) {
		var samples []store.Sample
		for i, record := range past.Records() {
			device, quantity, _ := wire.SplitName(record)
			v := 20 + float64(i%30) + 2*math.Sin(noon.Sub(at).Hours()) + 0.4*dice.NormFloat64()
			samples = append(samples, store.Sample{
				Series: store.Series{Site: "hex", Node: "b827eb000001", Device: device, Quantity: quantity, Unit: wire.UnitOf(quantity)},
				Point:  store.Point{Time: at, Value: math.Round(16*v) / 16},
			})
		}
		if refused, err := kept.Append(b.Context(), samples); err != nil || len(refused) > 0 {
			b.Fatal(refused, err)
		}
	}
	r := w.run(b)
	size := int64(0)
	spent := processTime(b)
	for b.Loop() {
		request, err := http.NewRequest("GET", r.url+shelfAt+"/playback?frames=360&to="+noon.Format(time.RFC3339), nil)
		if err != nil {
			b.Fatal(err)
		}
		request.Header.Set("Accept-Encoding", "gzip") // asked for by us, it is not unzipped
		answer, err := r.client.Do(request)
		if err != nil {
			b.Fatal(err)
		}
		if size, err = io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Encoding") != "gzip" {
			b.Fatal(answer.Status, err)
		}
		answer.Body.Close()
	}
	b.ReportMetric(float64((processTime(b)-spent).Milliseconds())/float64(b.N), "cpu-ms/op")
	b.ReportMetric(float64(size), "B")
}

// processTime is how long processors have worked for this process.
func processTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
