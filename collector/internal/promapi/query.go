package promapi

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/util/stats"
)

// instant evaluates an expression at one moment, now when none is named.
func (a *API) instant(ctx context.Context, q question) (result, error) {
	at, err := q.timeOr("time", a.opt.Clock.Now())
	if err != nil {
		return result{}, err
	}
	if err := evaluable("time", at); err != nil {
		return result{}, err
	}
	return a.evaluate(ctx, q, 0, func(opts promql.QueryOpts) (promql.Query, error) {
		return a.engine.NewInstantQuery(ctx, a.opt.Queryable, opts, q.Get("query"), at)
	})
}

// overRange evaluates an expression at every step of a range.
func (a *API) overRange(ctx context.Context, q question) (result, error) {
	s, err := q.steps()
	if err != nil {
		return result{}, err
	}
	return a.evaluate(ctx, q, s.end.Sub(s.start), func(opts promql.QueryOpts) (promql.Query, error) {
		return a.engine.NewRangeQuery(ctx, a.opt.Queryable, opts, q.Get("query"), s.start, s.end, s.step)
	})
}

// steps are the moments of a range query.
type steps struct {
	start, end time.Time
	step       time.Duration
}

func (q question) steps() (s steps, err error) {
	if s.start, err = q.time("start"); err != nil {
		return s, err
	}
	if s.end, err = q.time("end"); err != nil {
		return s, err
	}
	if s.step, err = q.duration("step"); err != nil {
		return s, err
	}
	if err := cmp.Or(evaluable("start", s.start), evaluable("end", s.end)); err != nil {
		return s, err
	}
	switch {
	case s.end.Before(s.start):
		return s, invalid("end", errors.New("end timestamp must not be before start time"))
	case s.step <= 0:
		return s, invalid("step", errors.New("zero or negative query resolution step widths are not accepted. Try a positive integer"))
	case s.step < time.Millisecond:
		return s, invalid("step", errors.New("query resolution step widths below a millisecond are not accepted"))
	case s.end.Sub(s.start)/s.step > maxPoints:
		return s, failure{badData, errors.New("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)")}
	}
	return s, nil
}

// evaluable refuses a moment that the engine cannot count in nanoseconds, and
// those so near that a range before it might not be.
func evaluable(name string, at time.Time) error {
	if year := at.Year(); year < 1700 || year > 2240 {
		return invalid(name, errors.New("queries are evaluated from the year 1700 to the year 2240"))
	}
	return nil
}

// evaluate runs the query that prepare returns; outer is the time from its first
// evaluation to its last.
func (a *API) evaluate(ctx context.Context, q question, outer time.Duration, prepare func(promql.QueryOpts) (promql.Query, error)) (result, error) {
	limit, err := q.limit()
	if err != nil {
		return result{}, err
	}
	delta, err := q.durationOr("lookback_delta", 0)
	if err != nil {
		return result{}, err
	}
	if err := a.checkInner(q.Get("query"), outer); err != nil {
		return result{}, invalid("query", err)
	}
	query, err := prepare(promql.NewPrometheusQueryOpts(false, delta))
	if err != nil {
		return result{}, invalid("query", err)
	}
	found := query.Exec(ctx)
	if found.Err != nil {
		query.Close()
		return result{}, failureOf(found.Err)
	}
	cut := limit > 0 && truncate(found, limit)
	if cut {
		found.Warnings.Add(errTruncated)
	}
	r := result{warnings: found.Warnings, query: q.Get("query"), close: query.Close}
	var figures stats.QueryStats
	if q.Get("stats") != "" {
		figures = stats.NewQueryStats(query.Stats())
	}
	r.write = func(e *encoder) { e.queryData(found.Value, figures) }
	return r, nil
}

var errTruncated = errors.New("results truncated due to limit")

// truncate cuts a result after so many series, and reports whether it had more.
func truncate(r *promql.Result, limit int) bool {
	switch v := r.Value.(type) {
	case promql.Matrix:
		if len(v) > limit {
			r.Value = v[:limit]
			return true
		}
	case promql.Vector:
		if len(v) > limit {
			r.Value = v[:limit]
			return true
		}
	}
	return false
}
