package mqtt_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"thermarack/agent/wire"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/mqtt"
	"thermarack/collector/internal/store/tsdb"
)

// BenchmarkOneConnection is an agent that sends its backlog: 32 packs of ten
// values are out at any time, each acknowledged when it is synced to disk.
func BenchmarkOneConnection(b *testing.B) {
	kept, err := tsdb.Open(tsdb.Options{Dir: b.TempDir(), MinFree: 1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := kept.Close(); err != nil {
			b.Error(err)
		}
	})
	in := ingest.New(ingest.Options{Store: kept, Log: slog.New(slog.DiscardHandler)})
	broker := newBroker(b, nil, func(o *mqtt.BrokerOptions) { o.Ingest = in })
	start(b, in.Run, broker.Run)
	c := connectPaho(b, "tcp://"+broker.Addr().String(), string(node))

	first := time.Now().Add(-6 * 24 * time.Hour).Truncate(10 * time.Second)
	var out []paho.Token
	n := 0
	for b.Loop() {
		if len(out) == 32 {
			finish(b, out[0], "acknowledgement")
			out = out[1:]
		}
		out = append(out, c.Publish(topicOf(wire.KindReadings), 1, false, tenValues(b, first.Add(time.Duration(n)*time.Second))))
		n++
	}
	for _, token := range out {
		finish(b, token, "acknowledgement")
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
}

func tenValues(b *testing.B, at time.Time) []byte {
	b.Helper()
	readings := make([]wire.Reading, 10)
	for i := range readings {
		readings[i] = wire.Reading{
			Device: fmt.Sprintf("urn:dev:ow:28000000000000%02x", i), Quantity: wire.QuantityTemperature,
			Unit: "Cel", Time: at, Value: 20 + float64(i),
		}
	}
	pack, err := wire.EncodePack(readings)
	if err != nil {
		b.Fatal(err)
	}
	return pack
}
