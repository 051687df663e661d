package main_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"thermarack/collector/internal/benchload"
)

// What a user would run instead: mosquitto, Telegraf and InfluxDB 1.8, tuned as
// their documentation advises where their defaults lose messages.
const (
	// The default limit of a thousand queued messages drops most of a burst.
	tunedMosquitto = `
listener %d 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
max_inflight_messages %d
log_type error
log_type warning
connection_messages false
`
	plainInfluxDB = `
reporting-disabled = true
bind-address = "127.0.0.1:%[1]d"
[meta]
  dir = "%[3]s/meta"
  logging-enabled = false
[data]
  dir = "%[3]s/data"
  wal-dir = "%[3]s/wal"
  index-version = "inmem"
  query-log-enabled = false
[retention]
  enabled = false
[http]
  flux-enabled = true
  bind-address = "127.0.0.1:%[2]d"
  log-enabled = false
  max-body-size = 0
[monitor]
  store-enabled = false
[logging]
  level = "warn"
`
	telegrafConf = `
[agent]
  interval = "10s"
  metric_batch_size = %[4]d
  metric_buffer_limit = 100000
  flush_interval = "%[5]v"
  omit_hostname = true
  quiet = true
[[outputs.influxdb]]
  urls = ["%[1]s"]
  database = "env"
  skip_database_creation = true
  timeout = "30s"
[[inputs.mqtt_consumer]]
  servers = ["tcp://%[2]s"]
  topics = ["env/+/r"]
  topic_tag = ""
  qos = 1
  client_id = "tg"
  persistent_session = true
  max_undelivered_messages = %[6]d
  data_format = "%[3]s"
  [[inputs.mqtt_consumer.topic_parsing]]
    topic = "env/+/r"
    tags = "_/agent/_"
`
	asFlatJSON = `
  [[inputs.mqtt_consumer.json_v2]]
    measurement_name = "env"
    timestamp_path = "ts"
    timestamp_format = "unix_ms"
    [[inputs.mqtt_consumer.json_v2.object]]
      path = "@this"
      excluded_keys = ["ts"]
`
)

// needsPeers skips a benchmark that cannot be without a peer's programs.
func needsPeers(b *testing.B) {
	b.Helper()
	if peer(b, "influxd") == "" {
		b.Skip("set THERMARACK_PEERS to the folder that .ci/bench-deps prints")
	}
}

// peer returns a program that .ci/bench-deps has fetched, or "" when the folder is
// not given: then ours runs alone.
func peer(b *testing.B, name string) string {
	b.Helper()
	folder := os.Getenv("THERMARACK_PEERS")
	if folder == "" {
		return ""
	}
	path := filepath.Join(folder, "bin", name)
	if _, err := os.Stat(path); err != nil {
		b.Fatalf("%v; .ci/bench-deps fetches it", err)
	}
	return path
}

// withPeers returns ours and, when THERMARACK_PEERS names the folder that
// .ci/bench-deps prints, the peers.
func withPeers(b *testing.B, ours pipeline, peers ...telegraf) []pipeline {
	b.Helper()
	all := []pipeline{ours}
	if peer(b, "telegraf") == "" {
		b.Log("ours alone: set THERMARACK_PEERS to the folder that .ci/bench-deps prints")
		return all
	}
	for _, t := range peers {
		all = append(all, t.pipeline())
	}
	return all
}

// A telegraf is mosquitto, Telegraf and InfluxDB.
type telegraf struct {
	name               string
	parser             string
	encode             benchload.Encoding
	batch, undelivered int
	flush              time.Duration
}

// tuned is Telegraf set for throughput, and tunedLines for agents that publish
// line protocol besides. usual has Telegraf's defaults, with a broker that keeps
// more than its own.
func tuned() telegraf {
	return telegraf{"telegraf", "json_v2", benchload.FlatJSON, 5000, 10000, time.Second}
}

func tunedLines() telegraf {
	return telegraf{"telegraf-line-protocol", "influx", benchload.LineProtocol, 5000, 10000, time.Second}
}

func usual() telegraf {
	return telegraf{"telegraf-defaults", "json_v2", benchload.FlatJSON, 1000, 1000, 10 * time.Second}
}

func (t telegraf) pipeline() pipeline {
	return pipeline{t.name, t.encode, func(b *testing.B) *opened {
		needs(b, "mosquitto")
		broker, db := startBroker(b, 1000), startInfluxDB(b)
		file := filepath.Join(b.TempDir(), "telegraf.conf")
		text := fmt.Sprintf(telegrafConf, "http://"+db.addr, broker.addr, t.parser, t.batch, t.flush, t.undelivered)
		if t.parser == "json_v2" {
			text += asFlatJSON
		}
		write(b, file, text)
		consumer := newPart(b, func(b *testing.B) *daemon { return start(b, false, peer(b, "telegraf"), "--config", file) })
		subscribed(b, broker, db, t.encode)
		return &opened{
			mqtt: broker.addr, parts: []*part{broker.part, db.part, consumer},
			arrived: db.arrived, seen: db.seen,
			audit: func(b *testing.B, p benchload.Plan, _ int) (missing, twice int) {
				b.Helper()
				return db.missing(b, p, "SELECT count(*) FROM env"), 0
			},
		}
	}}
}

// subscribed waits until a message has come through: before that the broker does
// not know that somebody wants them.
func subscribed(b *testing.B, broker server, db influxDB, encode benchload.Encoding) {
	b.Helper()
	m, err := encode(benchload.Report{Agent: 99999, Time: time.Unix(0, 0)})
	if err != nil {
		b.Fatal(err)
	}
	client := dial(b, broker.addr, "first")
	until(b, 30*time.Second, "Telegraf has subscribed", func() bool {
		publish(b, client, m.Topic, string(m.Payload))
		n, err := db.ask("SELECT count(*) FROM env WHERE time = 0")
		return err == nil && n > 0
	})
	if _, err := db.ask("DROP SERIES FROM env WHERE agent = 'a99999'"); err != nil {
		b.Fatal(err)
	}
}

// A server is a part that listens.
type server struct {
	*part
	addr string
}

func newServer(b *testing.B, port int, program string, args ...string) server {
	b.Helper()
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	return server{newPart(b, func(b *testing.B) *daemon {
		d := start(b, false, program, args...)
		until(b, 30*time.Second, program+" listens", func() bool {
			conn, err := net.Dial("tcp", addr)
			if err == nil {
				conn.Close()
			}
			return err == nil
		})
		return d
	}), addr}
}

// startBroker runs a mosquitto that sends so many messages before one must be
// acknowledged.
func startBroker(b *testing.B, inflight int) server {
	b.Helper()
	port := freePort(b)
	file := filepath.Join(b.TempDir(), "mosquitto.conf")
	write(b, file, fmt.Sprintf(tunedMosquitto, port, inflight))
	return newServer(b, port, "/usr/sbin/mosquitto", "-c", file)
}

// influxDB is a server with the database "env".
type influxDB struct{ server }

func startInfluxDB(b *testing.B) influxDB {
	b.Helper()
	dir, port := b.TempDir(), freePort(b)
	file := filepath.Join(dir, "influxdb.conf")
	write(b, file, fmt.Sprintf(plainInfluxDB, freePort(b), port, dir))
	db := influxDB{newServer(b, port, peer(b, "influxd"), "-config", file)}
	if _, err := db.ask("CREATE DATABASE env"); err != nil {
		b.Fatal(err)
	}
	return db
}

// rows returns the rows of the answer, times in milliseconds.
func (db influxDB) rows(query string) (rows [][]float64, err error) {
	response, err := http.PostForm("http://"+db.addr+"/query", url.Values{"db": {"env"}, "epoch": {"ms"}, "q": {query}})
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		Results []struct {
			Error  string
			Series []struct{ Values [][]float64 }
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	if len(answer.Results) != 1 || answer.Results[0].Error != "" {
		return nil, fmt.Errorf("%s: %+v", query, answer)
	}
	for _, series := range answer.Results[0].Series {
		rows = append(rows, series.Values...)
	}
	return rows, nil
}

// ask returns the sum of all rows but for their times.
func (db influxDB) ask(query string) (sum int, err error) {
	rows, err := db.rows(query)
	for _, row := range rows {
		for _, v := range row[1:] {
			sum += int(v)
		}
	}
	return sum, err
}

// arrived looks at the last value of one agent only, which is cheap, until that is
// there.
func (db influxDB) arrived(p benchload.Plan) bool {
	n, err := db.ask(fmt.Sprintf("SELECT count(t1) FROM env WHERE agent = 'a%05d' AND time >= %d", p.Agents-1, p.Last().UnixNano()))
	if err != nil || n == 0 {
		return false
	}
	n, err = db.count("SELECT count(*) FROM env", p)
	return err == nil && n >= p.Values()
}

// count asks for counts of the time of a plan.
func (db influxDB) count(query string, p benchload.Plan) (int, error) {
	return db.ask(fmt.Sprintf("%s WHERE time >= %d AND time <= %d", query, p.First.UnixNano(), p.Last().UnixNano()))
}

// missing is how many values of a plan a count does not find. InfluxDB has one
// value for an instant of a series: none is there twice.
func (db influxDB) missing(b *testing.B, p benchload.Plan, query string) int {
	b.Helper()
	n, err := db.count(query, p)
	if err != nil {
		b.Fatal(err)
	}
	return p.Values() - n
}
