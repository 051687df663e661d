// Package promapi answers PromQL as Prometheus' HTTP API does, for Grafana's data
// source and for promtool.
//
// Every question is bounded: in samples held at a time, in points a series, in
// time, and in how many are answered at once; and it ends when its client goes.
package promapi

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"

	"thermarack/agent/wire/clock"
)

// Limits bound what is answered. A zero field stands for the constant that its
// comment names.
type Limits struct {
	Samples int           // held in memory at a time by one query; MaxSamples
	Entries int           // of a list of series or labels, cut with a warning; MaxEntries
	Timeout time.Duration // of one question, until its answer is complete; Timeout
	Running int           // questions answered at once; Running
	Waiting int           // and how many more may wait for that; Waiting
}

// The usual limits.
const (
	// MaxSamples is what a shelf of 108 Pis takes at the most points a series. A
	// sample takes 16 bytes; while a range is read it takes 40, and twice that
	// while lists grow.
	MaxSamples = 1_250_000

	MaxEntries = 50_000
	Timeout    = 30 * time.Second
	Running    = 2
	Waiting    = 62 // a dashboard asks for all of its panels at once
)

// maxPoints is how many points a series an answer holds, as in Prometheus.
const maxPoints = 11_000

// Lookback is how old a sample may be to count as present, as in Prometheus.
const Lookback = 5 * time.Minute

// subqueryStep is the step of a subquery that names none, as in Prometheus.
const subqueryStep = time.Minute

// Options say what is asked. Queryable and Clock are needed.
type Options struct {
	Queryable storage.Queryable
	Clock     clock.Clock           // says what now is: the time of an instant query that names none
	Lookback  time.Duration         // longer than Lookback where samples are further apart; 0 means Lookback
	Version   string                // of this program, told as revision beside the version of the API
	Registry  prometheus.Registerer // gets prometheus_engine_*, once a process; may be nil
	Log       *slog.Logger          // gets what went wrong on our side; nil discards
	Limits    Limits
}

// An API answers requests. It is safe for concurrent use.
type API struct {
	opt    Options
	parser parser.Parser
	engine *promql.Engine
	gate   *gate
	mux    *http.ServeMux
}

// New returns an API, which answers requests at the paths below /api/v1/.
func New(o Options) *API {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Limits = o.Limits.withDefaults()
	o.Queryable = readable{o.Queryable, o.Limits.Samples}
	a := &API{opt: o, parser: parser.NewParser(parser.Options{}), gate: newGate(o.Limits), mux: http.NewServeMux()}
	a.engine = promql.NewEngine(promql.EngineOpts{
		Logger: o.Log, Reg: o.Registry, Parser: a.parser,
		MaxSamples: o.Limits.Samples, Timeout: o.Limits.Timeout, LookbackDelta: cmp.Or(o.Lookback, Lookback),
		NoStepSubqueryIntervalFn: func(int64) int64 { return subqueryStep.Milliseconds() },
		EnableAtModifier:         true, EnableNegativeOffset: true,
	})
	for _, route := range a.routes() {
		for _, method := range route.methods {
			a.mux.Handle(method+" "+root+route.path, a.answer(route.find))
		}
		a.mux.HandleFunc(root+route.path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", strings.Join(route.methods, ", "))
			a.fail(w, r, failure{notAllowed, errors.New("want " + strings.Join(route.methods, " or "))})
		})
	}
	a.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		a.fail(w, r, failure{notFound, errors.New("no such endpoint")})
	})
	return a
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Samples: cmp.Or(l.Samples, MaxSamples),
		Entries: cmp.Or(l.Entries, MaxEntries),
		Timeout: cmp.Or(l.Timeout, Timeout),
		Running: cmp.Or(l.Running, Running),
		Waiting: cmp.Or(l.Waiting, Waiting),
	}
}

// A finder finds what was asked for. The context ends with the client's patience
// or ours.
type finder func(context.Context, question) (result, error)

type route struct {
	methods []string
	path    string // below root
	find    finder
}

// root is where the paths of Prometheus' API begin.
const root = "/api/v1/"

func (a *API) routes() []route {
	get := []string{http.MethodGet}
	both := []string{http.MethodGet, http.MethodPost} // a form may be longer than a URL
	return []route{
		{both, "query", a.instant},
		{both, "query_range", a.overRange},
		{both, "series", a.series},
		{both, "labels", a.labelNames},
		{get, "label/{name}/values", a.labelValues},
		{get, "metadata", a.metadata},
		{get, "status/buildinfo", a.buildInfo},
	}
}

// Patterns returns the patterns of all routes, as http.ServeMux takes them.
func (a *API) Patterns() []string {
	var patterns []string
	for _, route := range a.routes() {
		for _, method := range route.methods {
			patterns = append(patterns, method+" "+root+route.path)
		}
	}
	return patterns
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }
