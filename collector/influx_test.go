package main_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thermarack/collector/internal/store/influx/influxtest"
)

// influxArgs makes a database and the files that name it to a collector.
func influxArgs(t testing.TB, server *influxtest.Server, more ...string) []string {
	t.Helper()
	const database = "racks"
	server.Database(t, database)
	dir := t.TempDir()
	token, file := filepath.Join(dir, "token"), filepath.Join(dir, "collector.yaml")
	write(t, token, influxtest.Token+"\n")
	write(t, file, fmt.Sprintf("influx: {url: %q, bucket: %q, token_file: %q}\n", server.URL, database, token))
	return append([]string{"--config", file, "--mqtt", "127.0.0.1:0"}, more...)
}

func TestServeOnAnInfluxDB(t *testing.T) {
	needs(t)
	server := influxtest.Start(t)
	file := filepath.Join(t.TempDir(), "layout.yaml")
	write(t, file, oneShelf)
	args := influxArgs(t, server, "--store", "influx", "--layout", file)
	c := startCollector(t, "serve", args...)
	client := dial(t, c.MQTT, "b827eb000001")
	const soc, topic = "urn:dev:mac:b827ebfffe000001_soc:temperature", "thermarack/v1/hex/b827eb000001/readings"
	begin := time.Now().Truncate(time.Second).Add(-time.Minute)
	send := func(i int) {
		publish(t, client, topic, fmt.Sprintf(`[{"bt":%d,"n":%q,"u":"Cel","v":%d}]`, begin.Unix()+int64(i), soc, 40+i%20))
	}
	for i := range 30 {
		send(i)
	}
	var series struct {
		Unit   string
		Points []json.RawMessage
	}
	c.decode(t, "/api/v1/series?sensor="+soc+"&from="+fmt.Sprint(begin.Unix()), &series)
	if len(series.Points) != 30 || series.Unit != "Cel" {
		t.Errorf("%d points in %q, want 30 in Cel", len(series.Points), series.Unit)
	}
	if heat := string(c.get(t, "/api/v1/shelves/hex/a1/s3/heatmap.json?layer=soc")); !strings.Contains(heat, `"measured"`) {
		t.Errorf("nothing on the map is measured: %.300s", heat)
	}
	past := fmt.Sprintf("/api/v1/shelves/hex/a1/s3/heatmap.json?layer=soc&at=%d", begin.Unix()+10)
	if heat := string(c.get(t, past)); !strings.Contains(heat, `"value":50`) {
		t.Errorf("the map of a past moment lacks the value of then: %.300s", heat)
	}

	query := fmt.Sprintf("/prometheus/api/v1/query?query=count_over_time(thermarack_temperature_celsius[1h])*on(sensor)group_left(slot)thermarack_place_info&time=%d", time.Now().Unix())
	if answer := string(c.get(t, query)); !strings.Contains(answer, `"slot":"1"`) || !strings.Contains(answer, `"30"`) {
		t.Errorf("PromQL: %s, want 30 samples of slot 1", answer)
	}

	// A collector that starts while its database is away waits for it.
	c.stop()
	server.Kill()
	c = startCollector(t, "serve", args...)
	client = dial(t, c.MQTT, "b827eb000001")
	kept := client.Publish(topic, 1, false, fmt.Sprintf(`[{"bt":%d,"n":%q,"u":"Cel","v":33}]`, begin.Unix()+30, soc))
	until(t, 20*time.Second, "the collector says that it is not ready", func() bool { return c.status(t, "/readyz") != 200 })
	if status := c.status(t, "/api/v1/series?sensor="+soc); status != 503 {
		t.Errorf("a series is answered with status %d while InfluxDB is away, want 503", status)
	}
	select {
	case <-kept.Done():
		t.Error("a reading is acknowledged that cannot be stored")
	default:
	}
	server.Restart(t)
	if !kept.WaitTimeout(20*time.Second) || kept.Error() != nil {
		t.Fatalf("not acknowledged after InfluxDB has come back: %v", kept.Error())
	}
	c.decode(t, "/api/v1/series?sensor="+soc+"&from="+fmt.Sprint(begin.Unix()), &series)
	if len(series.Points) != 31 {
		t.Errorf("%d points, want 31", len(series.Points))
	}
}

// What an operator has yet to do can be done while the collector runs.
func TestACollectorWaitsForADatabaseThatIsNotMade(t *testing.T) {
	needs(t)
	server := influxtest.Start(t)
	dir := t.TempDir()
	token, file := filepath.Join(dir, "token"), filepath.Join(dir, "collector.yaml")
	write(t, token, "collector:mistyped\n")
	write(t, file, fmt.Sprintf("influx: {url: %q, bucket: racks, token_file: %q}\n", server.URL, token))
	c := startCollector(t, "serve", "--config", file, "--mqtt", "127.0.0.1:0", "--store", "influx")
	kept := dial(t, c.MQTT, "b827eb000001").Publish("thermarack/v1/hex/b827eb000001/readings", 1, false,
		fmt.Sprintf(`[{"bt":%d,"n":"urn:dev:mac:b827ebfffe000001_soc:temperature","u":"Cel","v":33}]`, time.Now().Unix()))
	until(t, 20*time.Second, "the collector says that it is not ready", func() bool { return c.status(t, "/readyz") != 200 })

	write(t, token, influxtest.Token)
	server.Database(t, "racks")
	if !kept.WaitTimeout(20*time.Second) || kept.Error() != nil {
		t.Fatalf("not acknowledged after the database was made: %v", kept.Error())
	}
	c.stop()
	if log := c.stderr.String(); !strings.Contains(log, "refused; the file influx.token_file") {
		t.Errorf("the log did not say what to do: %s", log)
	}
}

// With THERMARACK_LONG=1 the burst is the one that other collectors were measured
// with: 60,000 messages.
func TestABurstWithTwoKillsOfInfluxDBLosesNothing(t *testing.T) {
	needs(t)
	messages := 6000
	if isLong() {
		messages = 60_000
	}
	server := influxtest.Start(t)
	c := startCollector(t, "serve", influxArgs(t, server, "--store", "influx")...)
	burst := send(t, c.MQTT, manySenders(20, messages, 2000)...)
	for _, part := range []int{messages / 3, messages * 2 / 3} {
		until(t, 3*time.Minute, "a third of the burst", func() bool { return burst.acks() >= part })
		server.Kill()
		before := burst.acks()
		until(t, 20*time.Second, "the collector says that it is not ready", func() bool { return c.status(t, "/readyz") != 200 })
		// What had been written when the server died may still be acknowledged.
		if more, most := burst.acks()-before, 20*32; more > most {
			t.Errorf("%d messages acknowledged while InfluxDB was away, of %d in flight", more, most)
		}
		server.Restart(t)
	}
	until(t, 3*time.Minute, "the end of the burst", func() bool { return burst.acks() == messages })
	burst.check(t, c)
}
