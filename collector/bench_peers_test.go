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
max_inflight_messages 1000
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
  bind-address = "127.0.0.1:%[2]d"
  log-enabled = false
  max-body-size = 0
[monitor]
  store-enabled = false
[logging]
  level = "warn"
`
	tunedTelegraf = `
[agent]
  interval = "10s"
  metric_batch_size = 5000
  metric_buffer_limit = 100000
  flush_interval = "1s"
  omit_hostname = true
  quiet = true
[[outputs.influxdb]]
  urls = ["%s"]
  database = "env"
  skip_database_creation = true
  timeout = "30s"
[[inputs.mqtt_consumer]]
  servers = ["tcp://%s"]
  topics = ["env/+/r"]
  topic_tag = ""
  qos = 1
  client_id = "tg"
  persistent_session = true
  max_undelivered_messages = 10000
  data_format = "%s"
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
func withPeers(b *testing.B, ours ...pipeline) []pipeline {
	b.Helper()
	if peer(b, "telegraf") == "" {
		b.Log("ours alone: set THERMARACK_PEERS to the folder that .ci/bench-deps prints")
		return ours
	}
	return append(ours, telegraf("json_v2", benchload.FlatJSON), telegraf("influx", benchload.LineProtocol))
}

// telegraf is mosquitto, Telegraf with one of its parsers, and InfluxDB.
func telegraf(parser string, encode benchload.Encoding) pipeline {
	return pipeline{"telegraf-" + parser, encode, func(b *testing.B) *opened {
		needs(b, "mosquitto")
		broker, db := startBroker(b), startInfluxDB(b)
		consumer := &consumer{file: telegrafFile(b, parser, broker, db), broker: broker, db: db, encode: encode}
		consumer.start(b)
		return &opened{
			mqtt: broker.addr, programs: []*daemon{broker.daemon, db.daemon, consumer.daemon},
			arrived: db.arrived, check: db.check,
		}
	}}
}

// A server is a daemon that listens.
type server struct {
	*daemon
	addr string
}

func startBroker(b *testing.B) server {
	b.Helper()
	port := freePort(b)
	file := filepath.Join(b.TempDir(), "mosquitto.conf")
	write(b, file, fmt.Sprintf(tunedMosquitto, port))
	return listening(b, port, start(b, false, "/usr/sbin/mosquitto", "-c", file))
}

func listening(b *testing.B, port int, d *daemon) server {
	b.Helper()
	s := server{d, fmt.Sprintf("127.0.0.1:%d", port)}
	until(b, 30*time.Second, s.addr+" listens", func() bool {
		conn, err := net.Dial("tcp", s.addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return s
}

// influxDB is a server with the database "env".
type influxDB struct{ server }

func startInfluxDB(b *testing.B) influxDB {
	b.Helper()
	dir, port := b.TempDir(), freePort(b)
	file := filepath.Join(dir, "influxdb.conf")
	write(b, file, fmt.Sprintf(plainInfluxDB, freePort(b), port, dir))
	db := influxDB{listening(b, port, start(b, false, peer(b, "influxd"), "-config", file))}
	if _, err := db.ask("CREATE DATABASE env"); err != nil {
		b.Fatal(err)
	}
	return db
}

// ask returns the sum of all numbers in the first row of the answer, but for its
// time.
func (db influxDB) ask(query string) (sum int, err error) {
	response, err := http.PostForm("http://"+db.addr+"/query", url.Values{"db": {"env"}, "epoch": {"ms"}, "q": {query}})
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	var answer struct {
		Results []struct {
			Error  string
			Series []struct{ Values [][]int }
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return 0, fmt.Errorf("%s: %w", query, err)
	}
	if len(answer.Results) != 1 || answer.Results[0].Error != "" {
		return 0, fmt.Errorf("%s: %+v", query, answer)
	}
	for _, series := range answer.Results[0].Series {
		for _, v := range series.Values[0][1:] {
			sum += v
		}
	}
	return sum, nil
}

// count is how many values there are since then; it fails the benchmark when that
// cannot be asked.
func (db influxDB) count(b *testing.B, since time.Time) int {
	b.Helper()
	n, err := db.ask(fmt.Sprintf("SELECT count(*) FROM env WHERE time >= %d", since.UnixNano()))
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// arrived looks at the last round only, until that is complete.
func (db influxDB) arrived(p benchload.Plan) bool {
	for _, since := range []time.Time{p.Last(), p.First} {
		rounds := int(p.Last().Sub(since)/p.Interval) + 1
		n, err := db.ask(fmt.Sprintf("SELECT count(*) FROM env WHERE time >= %d", since.UnixNano()))
		if err != nil || n < rounds*p.Agents*benchload.ValuesPerMessage {
			return false
		}
	}
	return true
}

func (db influxDB) check(b *testing.B, p benchload.Plan) {
	b.Helper()
	if got := db.count(b, p.First); got != p.Values() {
		b.Errorf("InfluxDB has %d values, want %d", got, p.Values())
	}
}

// A consumer is Telegraf between a broker and InfluxDB.
type consumer struct {
	*daemon
	file   string
	broker server
	db     influxDB
	encode benchload.Encoding
}

func telegrafFile(b *testing.B, parser string, broker server, db influxDB) string {
	b.Helper()
	text := fmt.Sprintf(tunedTelegraf, "http://"+db.addr, broker.addr, parser)
	if parser == "json_v2" {
		text += asFlatJSON
	}
	file := filepath.Join(b.TempDir(), "telegraf.conf")
	write(b, file, text)
	return file
}

// start runs Telegraf and waits until a message has come through: before that the
// broker does not know that somebody wants them.
func (c *consumer) start(b *testing.B) {
	b.Helper()
	c.daemon = start(b, false, peer(b, "telegraf"), "--config", c.file)
	first := time.Unix(0, 0)
	m, err := c.encode(benchload.Report{Agent: 99999, Time: first})
	if err != nil {
		b.Fatal(err)
	}
	client := dial(b, c.broker.addr, "first")
	until(b, 30*time.Second, "Telegraf has subscribed", func() bool {
		publish(b, client, m.Topic, string(m.Payload))
		n, err := c.db.ask("SELECT count(*) FROM env WHERE time = 0")
		return err == nil && n > 0
	})
	if _, err := c.db.ask("DROP SERIES FROM env WHERE agent = 'a99999'"); err != nil {
		b.Fatal(err)
	}
}
