package main_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const oneShelf = `version: 1
sites: {hex: {racks: {a1: {shelves: {s3: {
  columns: 2, depth: 1,
  nodes: {1: b827eb000001},
  limits: {soc: 75},
  probes: [{name: h1, sensor: "urn:dev:ow:28f6fb1e0d0000c5", node: b827eb000001, x: 0.5, y: 1, face: hot}]}}}}}}
`

func TestBadInputIsCountedAndTheGoodReadingsBesideItAreKept(t *testing.T) {
	needs(t)
	file := filepath.Join(t.TempDir(), "layout.yaml")
	write(t, file, oneShelf)
	c := startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--layout", file)
	client := dial(t, c.MQTT, "b827eb000001")
	const soc, hum = "urn:dev:mac:b827ebfffe000001_soc:temperature", "urn:dev:mac:b827ebfffe000001_i2c1-76:humidity"
	now := time.Now().Unix()
	topic := "thermarack/v1/hex/b827eb000001/readings"
	good := 0
	// pack puts a bad record between two good ones.
	pack := func(bad string) string {
		good++
		return fmt.Sprintf(`[{"bt":%d,"n":%q,"u":"Cel","v":%d},%s,{"n":%q,"u":"%%RH","v":40}]`, now-int64(100-good), soc, 40+good, bad, hum)
	}
	tests := []struct{ reason, topic, payload string }{
		{"payload", topic, "21.5 degrees"},
		{"topic", "thermarack/v1/hex/pi-7/readings", pack(`{"n":"a:temperature","v":1}`)},
		{"nan", topic, pack(`{"n":"urn:dev:ow:28f6fb1e0d0000c5:temperature","v":NaN}`)},
		{"future", topic, pack(fmt.Sprintf(`{"n":"urn:dev:ow:28f6fb1e0d0000c5:temperature","t":%d,"v":21}`, 10*365*86400))},
		{"past", topic, pack(fmt.Sprintf(`{"n":"urn:dev:ow:28f6fb1e0d0000c5:temperature","t":%d,"v":21}`, -10*365*86400))},
		{"record", topic, pack(`{"n":"temperature","v":21}`)},
		{"unit", topic, pack(`{"n":"urn:dev:ow:28f6fb1e0d0000c5:temperature","u":"K","v":294}`)},
		{"range", topic, pack(`{"n":"urn:dev:ow:28f6fb1e0d0000c5:temperature","v":-400}`)},
		{"foreign_sensor", topic, pack(`{"n":"urn:dev:mac:b827ebfffe0000ff_soc:temperature","v":21}`)},
	}
	for _, tt := range tests {
		publish(t, client, tt.topic, tt.payload)
		line := fmt.Sprintf("thermarack_ingest_rejected_total{reason=%q} 1\n", tt.reason)
		if metrics := string(c.get(t, "/metrics")); !strings.Contains(metrics, line) {
			t.Errorf("after %s, /metrics lacks %s", tt.payload, line)
		}
	}
	var series struct {
		Points []json.RawMessage `json:"points"`
	}
	c.decode(t, "/api/v1/series?sensor="+soc, &series)
	if got, want := len(series.Points), good-1; got != want { // all but those under the wrong topic
		t.Errorf("%d good readings kept, want %d", got, want)
	}
}

func TestUnknownNodesAndSensorsAreStoredAndListed(t *testing.T) {
	needs(t)
	file := filepath.Join(t.TempDir(), "layout.yaml")
	write(t, file, oneShelf)
	c := startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--layout", file)
	client := dial(t, c.MQTT, "b827eb0000ff")
	publish(t, client, "thermarack/v1/hex/b827eb0000ff/readings",
		fmt.Sprintf(`[{"bt":%d,"n":"urn:dev:ow:28aaaaaaaaaaaa00:temperature","u":"Cel","v":30}]`, time.Now().Unix()-1))
	c.get(t, "/api/v1/series?sensor=urn:dev:ow:28aaaaaaaaaaaa00:temperature")
	unplaced := string(c.get(t, "/api/v1/unplaced"))
	for _, want := range []string{"b827eb0000ff", "urn:dev:ow:28aaaaaaaaaaaa00"} {
		if !strings.Contains(unplaced, want) {
			t.Errorf("/api/v1/unplaced lacks %s: %s", want, unplaced)
		}
	}
	if metrics := string(c.get(t, "/metrics")); !strings.Contains(metrics, "thermarack_unplaced 2\n") {
		t.Error("thermarack_unplaced is not 2")
	}
}
