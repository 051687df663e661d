package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"thermarack/collector/internal/benchload"
)

// A pipeline is one way that values take from MQTT to where they can be asked for:
// ours, or what a user would run instead.
type pipeline struct {
	name   string
	encode benchload.Encoding
	open   func(b *testing.B) *opened
}

// An opened pipeline runs on data of its own until close.
type opened struct {
	mqtt     string // address of its broker
	programs []*daemon

	// arrived tells whether every value of a plan can be asked for. It is called
	// again and again, and should cost little.
	arrived func(p benchload.Plan) bool
	// check fails the benchmark unless all values of the plan are there, once.
	check func(b *testing.B, p benchload.Plan)
}

func (o *opened) close() {
	for _, d := range o.programs {
		d.stop()
	}
}

// peak is what the programs have had of memory together, MB.
func (o *opened) peak(b *testing.B) float64 {
	sum := 0.0
	for _, d := range o.programs {
		sum += d.use(b).peak
	}
	return sum
}

// thousandAgents is the load of the comparisons, a thousand agents whose last round is
// hardly over.
func thousandAgents(b *testing.B, rounds int, encode benchload.Encoding) *benchload.Load {
	b.Helper()
	const agents, connections, interval = 1000, 50, 10 * time.Second
	load, err := benchload.New(benchload.Plan{
		Agents: agents, Connections: connections, Rounds: rounds, Encode: encode,
		First:    time.Now().Truncate(interval).Add(-time.Duration(rounds) * interval),
		Interval: interval,
	})
	if err != nil {
		b.Fatal(err)
	}
	return load
}

// publishAll sends a load at a rate, 0 for flat out, and returns when it began and
// when all was acknowledged.
func publishAll(b *testing.B, load *benchload.Load, addr string, rate float64) (begin, end time.Time) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
	defer cancel()
	if err := load.Connect(ctx, addr); err != nil {
		b.Fatal(err)
	}
	begin = time.Now()
	if err := load.Publish(ctx, rate); err != nil {
		b.Fatal(err)
	}
	end = time.Now()
	if err := load.Close(); err != nil {
		b.Fatal(err)
	}
	return begin, end
}

// ours is a collector with its broker and its store on defaults.
func ours() pipeline {
	return pipeline{"thermarack", benchload.SenML, func(b *testing.B) *opened {
		c := startCollector(b, "serve", "--mqtt", "127.0.0.1:0")
		return c.opened()
	}}
}

func (c *collector) opened(more ...*daemon) *opened {
	return &opened{
		mqtt: c.MQTT, programs: append(more, c.daemon),
		arrived: func(p benchload.Plan) bool { return c.answers(p) },
		check: func(b *testing.B, p benchload.Plan) {
			b.Helper()
			c.checkStored(b, p, p.Agents-p.Connections)
		},
	}
}

// answers tells whether the last message of every connection can be asked for:
// the last round of the last agents.
func (c *collector) answers(p benchload.Plan) bool {
	for agent := p.Agents - p.Connections; agent < p.Agents; agent++ {
		if !c.has(benchload.Devices(agent)[0], p.Last()) {
			return false
		}
	}
	return true
}

// has tells whether a record has a value since then.
func (c *collector) has(name string, since time.Time) bool {
	answer, err := http.Get(fmt.Sprintf("http://%s/api/v1/series?sensor=%s&from=%d", c.HTTP, url.QueryEscape(name), since.Unix()))
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	var series struct{ Points []struct{} }
	return answer.StatusCode == http.StatusOK && json.NewDecoder(answer.Body).Decode(&series) == nil && len(series.Points) > 0
}

// checkStored fails the benchmark unless the agents from first on have each of
// their values, once, and nothing was rejected.
func (c *collector) checkStored(b *testing.B, p benchload.Plan, first int) {
	b.Helper()
	missing, twice := c.audit(b, p, first)
	if missing > 0 || twice > 0 {
		b.Errorf("%d values missing, %d twice", missing, twice)
	}
}

// audit counts of the agents from first on which values of the plan are missing,
// and which are stored for one instant more than once.
func (c *collector) audit(tb testing.TB, p benchload.Plan, first int) (missing, twice int) {
	tb.Helper()
	for agent := first; agent < p.Agents; agent++ {
		for _, name := range benchload.Devices(agent) {
			var series struct{ Points []struct{ T time.Time } }
			c.decode(tb, fmt.Sprintf("/api/v1/series?sensor=%s&from=%d&to=%d", url.QueryEscape(name), p.First.Unix(), p.Last().Unix()+1), &series)
			at := map[int64]bool{}
			for _, point := range series.Points {
				at[point.T.UnixMilli()] = true
			}
			twice += len(series.Points) - len(at)
			for round := range p.Rounds {
				if !at[p.First.Add(time.Duration(round)*p.Interval).UnixMilli()] {
					missing++
				}
			}
		}
	}
	return missing, twice
}
