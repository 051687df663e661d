package tsdb

import (
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// Counts of the library of what went wrong without being an error to its caller.
const (
	// Writes to wbl/, the log of out-of-order samples, that did not succeed. The
	// commit that they belong to did, as far as it says.
	countUnlogged = "prometheus_tsdb_out_of_order_wbl_writes_failed_total"

	// Logs that were cut at a torn record while they were read back. After a cut
	// in wal/ the library does not read wbl/ at all.
	countCut = "prometheus_tsdb_wal_corruptions_total"
)

// counters listen to the library's metrics as they are registered, and pass
// them on.
type counters struct {
	next prometheus.Registerer           // may be nil
	all  []prometheus.Collector          // that were passed on
	own  map[string]*prometheus.Registry // by name, each with one counter
}

var _ prometheus.Registerer = (*counters)(nil)

func newCounters(next prometheus.Registerer) *counters {
	return &counters{next: next, own: make(map[string]*prometheus.Registry)}
}

// Register passes m on.
func (c *counters) Register(m prometheus.Collector) error {
	for _, name := range []string{countUnlogged, countCut} {
		if !describes(m, name) {
			continue
		}
		c.own[name] = prometheus.NewRegistry()
		if err := c.own[name].Register(m); err != nil {
			return err
		}
	}
	if c.next == nil {
		return nil
	}
	c.all = append(c.all, m)
	return c.next.Register(m)
}

// MustRegister passes all metrics on. It panics when one is refused: a second
// store in one registry.
func (c *counters) MustRegister(all ...prometheus.Collector) {
	for _, m := range all {
		if err := c.Register(m); err != nil {
			panic(err)
		}
	}
}

// Unregister passes m on.
func (c *counters) Unregister(m prometheus.Collector) bool {
	return c.next != nil && c.next.Unregister(m)
}

// unregister takes back all that was passed on, of which the library takes back
// a part: the store can be opened again in the same process.
func (c *counters) unregister() {
	for _, m := range c.all {
		c.next.Unregister(m)
	}
	c.all = nil
}

// describes tells whether m is the metric of that name.
func describes(m prometheus.Collector, name string) bool {
	descs := make(chan *prometheus.Desc)
	go func() {
		defer close(descs)
		m.Describe(descs)
	}()
	found := false
	for d := range descs {
		found = found || strings.Contains(d.String(), `"`+name+`"`)
	}
	return found
}

// value returns the value of one of the counters since the library was opened.
// The error means that the library no longer counts this.
func (c *counters) value(name string) (float64, error) {
	registry, ok := c.own[name]
	if !ok {
		return 0, fmt.Errorf("read %s: the library has no such metric", name)
	}
	families, err := registry.Gather()
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", name, err)
	}
	if len(families) != 1 || len(families[0].GetMetric()) != 1 {
		return 0, fmt.Errorf("read %s: want one value", name)
	}
	return families[0].GetMetric()[0].GetCounter().GetValue(), nil
}
