package influx

import (
	"context"
	"fmt"
	"math"
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

// flux returns the beginning of a query: all samples of a span, of the series
// for which all conditions hold; empty ones hold for all.
func (s *Store) flux(sp span, conditions ...string) string {
	var b strings.Builder
	// The stop is a nanosecond before the millisecond that is no longer meant:
	// Flux leaves it out, and InfluxDB 1.8 does not.
	from := time.UnixMilli(max(sp.from, earliest))
	stop := time.UnixMilli(min(sp.to, latest) + 1).Add(-time.Nanosecond)
	fmt.Fprintf(&b, "from(bucket: %s) |> range(start: %s, stop: %s) |> filter(fn: (r) => r._measurement == %s",
		quote(s.opts.Bucket), stamp(from), stamp(stop), quote(measurement))
	for _, c := range conditions {
		if c != "" {
			fmt.Fprintf(&b, " and (%s)", c)
		}
	}
	b.WriteByte(')')
	return b.String()
}

// What queries end with: only what is read of the answer goes through the net.
const (
	keepSeries = ` |> keep(columns: ["_time", "_value", "_field", "site", "node", "sensor", "reason", "quantity", "unit"])`
	keepName   = ` |> keep(columns: ["_time", "_value", "site", "node", "reason", "unit"])`
)

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// quote returns s as a string of Flux.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "${", `\${`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s) + `"`
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
// others have written with another type.
func rowOf(r *query.FluxRecord) (_ row, ok bool) {
	value, isFloat := r.ValueByKey("_value").(float64)
	at, isTime := r.ValueByKey("_time").(time.Time)
	if !isFloat || !isTime {
		return row{}, false
	}
	text := func(column string) string {
		s, _ := r.ValueByKey(column).(string) // nil for a tag that the series has not
		return s
	}
	series := store.Series{
		Site: text(tagSite), Node: wire.Node(text(tagNode)), Device: text(tagSensor),
		Quantity: text("_field"), Unit: text(tagUnit), Reason: text(tagReason),
	}
	switch series.Quantity {
	case "": // not asked for
	case fieldOther:
		series.Quantity = text(tagQuantity)
	default:
		series.Unit = wire.UnitOf(series.Quantity)
	}
	return row{series, at.UnixMilli(), value}, true
}
