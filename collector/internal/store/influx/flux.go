package influx

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"

	"github.com/influxdata/influxdb-client-go/v2/api/query"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
)

// A span is a closed range of time in Unix ms.
type span struct{ from, to int64 }

// What InfluxDB can say in nanoseconds since 1970, in ms.
const (
	earliest = math.MinInt64/int64(time.Millisecond) + 1
	latest   = math.MaxInt64/int64(time.Millisecond) - 1
)

var forever = span{earliest, latest}

// spanOf returns the milliseconds with from <= t < to.
func spanOf(from, to time.Time) span { return span{ceilMilli(from), ceilMilli(to) - 1} }

// ceilMilli returns the first millisecond that is not before t.
func ceilMilli(t time.Time) int64 { return t.Add(time.Millisecond - 1).UnixMilli() }

// flux returns the beginning of a query: all samples of a span for which all
// conditions hold.
func (s *Store) flux(sp span, conditions ...string) string {
	// The stop is a nanosecond before the millisecond that is no longer meant:
	// Flux leaves it out, and InfluxDB 1.8 does not.
	from := time.UnixMilli(max(sp.from, earliest))
	stop := time.UnixMilli(min(sp.to, latest) + 1).Add(-time.Nanosecond)
	text := fmt.Sprintf("from(bucket: %s) |> range(start: %s, stop: %s)", quote(s.opts.Bucket), stamp(from), stamp(stop))
	if len(conditions) > 0 {
		text += " |> filter(fn: (r) => (" + strings.Join(conditions, ") and (") + "))"
	}
	return text
}

// columnNode is where an answer has the measurement.
const columnNode = "_measurement"

// ours is a condition that holds for what nodes have reported.
const ours = "r." + columnNode + " =~ /^[0-9a-f]{12}$/"

// keep is what queries end with: only what is read of the answer goes through
// the net.
const keep = ` |> keep(columns: ["_time", "_value", "_field", "_measurement", "site", "reason", "unit"])`

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// quote returns s as a string of Flux.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "${", `\${`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s) + `"`
}

// verbatim returns what matches s alone in a regular expression of Flux.
func verbatim(s string) string {
	return strings.NewReplacer("/", `\/`, "\n", `\n`).Replace(regexp.QuoteMeta(s))
}

// isNode returns a condition that holds for what a node has reported.
func isNode(node string) string { return "r." + columnNode + " == " + quote(node) }

// isDevice returns a condition that holds for a device when that of fields holds
// for how it is named in a field.
func isDevice(device string, fields func(named string) string) string {
	node, ok := wire.DeviceNode(device)
	if !ok {
		return fields(nameOf(wire.NoNode, device))
	}
	return isNode(string(node)) + " and " + fields(nameOf(node, device))
}

// A row is one sample of an answer.
type row struct {
	series store.Series // what the columns of the query say of it
	time   int64        // Unix ms
	value  float64
}

// query calls visit for each sample of the answer to a query of Flux.
func (s *Store) query(ctx context.Context, flux string, visit func(row)) error {
	return s.records(ctx, flux, func(r *query.FluxRecord) {
		if sample, ok := rowOf(r); ok {
			visit(sample)
		}
	})
}

// records calls visit for each line of the answer to a query of Flux. When ctx
// ends, its cause is the error.
func (s *Store) records(ctx context.Context, flux string, visit func(*query.FluxRecord)) error {
	answer, err := s.reader.Query(ctx, flux)
	if err == nil {
		for answer.Next() {
			visit(answer.Record())
		}
		err = answer.Err()
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return s.explain(err)
	}
	return nil
}

// rowOf reads a record. ok is false for what is no sample of ours: a field that
// others have written, or with another type.
func rowOf(r *query.FluxRecord) (_ row, ok bool) {
	value, isFloat := r.ValueByKey("_value").(float64)
	at, isTime := r.ValueByKey("_time").(time.Time)
	text := func(column string) string {
		s, _ := r.ValueByKey(column).(string) // nil for a tag that the series has not
		return s
	}
	node := text(columnNode)
	if !isFloat || !isTime || !isOurs(node) {
		return row{}, false
	}
	series, ok := seriesOf(wire.Node(node), text("_field"), text)
	return row{series, at.UnixMilli(), value}, ok
}
