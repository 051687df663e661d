package influx_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
	"thermarack/collector/internal/store/influx"
)

// BenchmarkAppend stores what a thousand nodes say in one interval, on a server
// that takes everything, and reports the time of a value. The server's own
// share, of which there is none here, is the larger one: BenchmarkCollectorInfluxDB.
func BenchmarkAppend(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	b.Cleanup(server.Close)
	s := open(b, influx.Options{URL: server.URL, Bucket: "racks"})
	var samples []store.Sample
	for i := range 1000 {
		node := wire.Node("b827eb000000")[:9] + wire.Node([]byte{'0' + byte(i/100), '0' + byte(i/10%10), '0' + byte(i%10)})
		for _, part := range []string{"soc", "i2c1-70", "i2c1-71", "i2c1-72", "i2c1-73", "i2c1-74", "i2c1-75", "i2c1-76", "i2c1-77", "fan1"} {
			sample := soc(0, 20)
			sample.Node, sample.Device = node, node.Device(part)
			samples = append(samples, sample)
		}
	}
	b.ReportAllocs()
	for round := 0; b.Loop(); round++ {
		for i := range samples {
			samples[i].Time, samples[i].Value = noon.Add(time.Duration(round)*time.Second), float64(20+(round+i)%160)/16
		}
		if refused, err := s.Append(b.Context(), samples); err != nil || refused != nil {
			b.Fatal(refused, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(samples)), "ns/value")
}
