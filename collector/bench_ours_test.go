package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thermarack/collector/internal/benchload"
)

// ours is a collector with its broker and its store, on defaults.
func ours() pipeline {
	return pipeline{"thermarack", benchload.SenML, func(b *testing.B) *opened {
		addr := fmt.Sprintf("127.0.0.1:%d", freePort(b))
		return openCollector(b, addr, new(collector), "--mqtt", addr)
	}}
}

// oursExternal is a collector behind the mosquitto of the peers, with as many
// messages under way as in the configuration that we ship.
func oursExternal() pipeline {
	return pipeline{"thermarack-external", benchload.SenML, func(b *testing.B) *opened {
		needs(b, "mosquitto")
		broker := startBroker(b, shippedInflight(b))
		return openCollector(b, broker.addr, new(collector), "--broker", "tcp://"+broker.addr).behind(broker.part)
	}}
}

func shippedInflight(b *testing.B) int {
	b.Helper()
	const file = "../deploy/mosquitto/thermarack.conf"
	text, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if n, ok := strings.CutPrefix(line, "max_inflight_messages "); ok {
			return wholeNumber(b, strings.TrimSpace(n))
		}
	}
	b.Fatalf("%s has no max_inflight_messages", file)
	return 0
}

// oursInfluxDB is a collector that stores in the InfluxDB of the peers.
func oursInfluxDB() pipeline {
	return pipeline{"thermarack-influx", benchload.SenML, func(b *testing.B) *opened {
		db := startInfluxDB(b)
		file := filepath.Join(b.TempDir(), "collector.yaml")
		write(b, file, fmt.Sprintf("store: influx\ninflux: {url: \"http://%s\", bucket: env}\n", db.addr))
		addr := fmt.Sprintf("127.0.0.1:%d", freePort(b))
		o := openCollector(b, addr, new(collector), "--mqtt", addr, "--config", file).behind(db.part)
		o.arrived = func(p benchload.Plan) bool { // of all agents, as the peers are asked
			n, err := db.ask(fmt.Sprintf(`SELECT count("fan1:speed") FROM /./ WHERE time >= %d AND time <= %[1]d`, p.Last().UnixNano()))
			return err == nil && n == p.Agents
		}
		o.audit = func(b *testing.B, p benchload.Plan, _ int) (missing, twice int) {
			missing = p.Values()
			for agent := range p.Agents {
				n, err := db.count(fmt.Sprintf(`SELECT count(/:(temperature|humidity|pressure|speed)$/) FROM %q`, benchload.Node(agent)), p)
				if err != nil {
					b.Fatal(err)
				}
				missing -= n
			}
			return missing, 0
		}
		return o
	}}
}

// openCollector runs serve as c, again and again, and waits until it is ready.
func openCollector(b *testing.B, mqtt string, c *collector, args ...string) *opened {
	b.Helper()
	needs(b)
	args = append(args, "--data", b.TempDir())
	self := newPart(b, func(b *testing.B) *daemon {
		*c = *startCollector(b, "serve", args...)
		return c.daemon
	})
	until(b, 30*time.Second, "the collector is ready", func() bool { return c.unready() == nil })
	return &opened{
		mqtt: mqtt, parts: []*part{self},
		ready:   func() error { return c.unready() },
		arrived: func(p benchload.Plan) bool { return c.arrived(p) },
		seen:    func(b *testing.B, since time.Time) []int64 { return c.seen(b, since) },
		audit: func(b *testing.B, p benchload.Plan, first int) (missing, twice int) {
			b.Helper()
			return c.audit(b, p, first)
		},
	}
}

// behind adds a part that comes before the collector.
func (o *opened) behind(p *part) *opened {
	o.parts = append([]*part{p}, o.parts...)
	return o
}

// arrived tells whether the last message of every connection can be asked for:
// the last round of the last agents. What is before them is stored before them.
func (c *collector) arrived(p benchload.Plan) bool {
	for agent := p.Agents - p.Connections; agent < p.Agents; agent++ {
		if points, err := c.since(benchload.Devices(agent)[0], p.Last()); err != nil || len(points) == 0 {
			return false
		}
	}
	return true
}

// A point is one value of a record.
type point struct {
	T     time.Time
	Value float64
}

// since asks for the values of a record from a time on.
func (c *collector) since(name string, from time.Time) ([]point, error) {
	answer, err := http.Get(fmt.Sprintf("http://%s/api/v1/series?sensor=%s&from=%.3f",
		c.HTTP, url.QueryEscape(name), float64(from.UnixMilli())/1000))
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNotFound { // nobody has reported it yet
		return nil, nil
	}
	var series struct{ Points []point }
	if err := json.NewDecoder(answer.Body).Decode(&series); err != nil || answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask for %s: %s %w", name, answer.Status, err)
	}
	return series.Points, nil
}

// audit counts of the agents from first on which values of the plan are missing,
// and which are stored for one instant more than once.
func (c *collector) audit(b *testing.B, p benchload.Plan, first int) (missing, twice int) {
	b.Helper()
	for agent := first; agent < p.Agents; agent++ {
		for _, name := range benchload.Devices(agent) {
			points, err := c.since(name, p.First)
			if err != nil {
				b.Fatal(err)
			}
			at := map[int64]bool{}
			for _, point := range points {
				at[point.T.UnixMilli()] = true
			}
			twice += len(points) - len(at)
			for round := range p.Rounds {
				if !at[p.First.Add(time.Duration(round)*p.Interval).UnixMilli()] {
					missing++
				}
			}
		}
	}
	return missing, twice
}
