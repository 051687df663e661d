// Package web serves the dashboard, the JSON API and the stream of changes.
//
// Everything that many viewers ask for is made once a change, not once a viewer:
// a hub follows what changed, keeps a version a shelf, and tells every open
// stream; a cache keeps the maps and documents of those versions.
//
// What comes from nodes (models, versions, addresses) is hostile: it leaves as
// JSON strings only, and the page puts it into text nodes.
package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"thermarack/agent/wire/clock"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/pager"
	"thermarack/collector/internal/placement"
	"thermarack/collector/internal/places"
	"thermarack/collector/internal/playback"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/store"
	"thermarack/collector/internal/watch"
)

// Racks knows where everything stands and what it last said. It must be safe
// for concurrent use.
type Racks interface {
	// Layout returns the layout valid now; with no layout file, the provisional
	// one. It is not changed by the caller.
	Layout() *layout.Layout

	// Provisional tells whether there is no layout file. It never changes.
	Provisional() bool

	// State returns a shelf at a moment, at the zero time now. The error is
	// rack.ErrNoShelf for a shelf that the layout does not have.
	State(ctx context.Context, shelf string, at time.Time) (rack.State, error)

	// States returns several shelves at once, each as State does, in the order of
	// their ids; those that the layout of then does not have are left out.
	States(ctx context.Context, shelves []string, at time.Time) ([]rack.State, error)

	Nodes() []rack.Node
	Unplaced() []rack.Unplaced

	// Conflicts lists what contradicts what about the places of Pis.
	Conflicts() []placement.Conflict

	// Watch returns a channel of the ids of shelves that changed, closed when ctx
	// ends.
	Watch(ctx context.Context) <-chan []string
}

// Alerts knows what is pending or firing. Watch works as the one of Pages.
type Alerts interface {
	Active() []watch.Active
	Watch() (changed <-chan struct{}, cancel func())
}

// Pages knows what was sent to people: newest first. Watch returns a channel
// that gets a value after a change, and may drop one that nobody waited for.
type Pages interface {
	Notifications() []pager.Notification
	Watch() (changed <-chan struct{}, cancel func())
}

// Series is what is stored of a record name. The error is store.ErrNoSeries for
// a name never stored.
type Series interface {
	// Range returns the points in time order, from inclusive, to exclusive.
	Range(ctx context.Context, name string, from, to time.Time) ([]store.Point, error)

	// Unit returns the SenML unit, "" for plain numbers and for a name that was
	// stored in several units.
	Unit(ctx context.Context, name string) (string, error)
}

// Layouts knows what every shelf was when. It must be safe for concurrent use.
type Layouts interface {
	// Periods yields what a shelf, by its id, was from one time until before another:
	// periods in time order that leave no gap, or none when that is not known.
	Periods(shelf string, from, to time.Time) iter.Seq[places.Period]

	// Shelves returns the ids of all shelves that there were at a time; nil when that
	// is not known.
	Shelves(at time.Time) []string
}

// Options say what a Server is made from. All down to Ready are needed.
type Options struct {
	Racks        Racks
	Alerts       Alerts
	Pages        Pages
	Series       Series
	Metrics      http.Handler // answers /metrics
	Alertmanager http.Handler // answers everything below /alertmanager/
	Ready        func() error // why the collector is not ready, or nil

	Prometheus http.Handler // answers everything below /prometheus, by the rest of its path; nil: there is none
	Layouts    Layouts      // nil: the layout of Racks was always valid

	Playback *playback.Player // answers playback; nil: there is none
	Settled  time.Duration    // readings do not come later than this, so that what is older does not change; 0: they may

	Backup    Backup    // answers POST /api/v1/backup; nil: there is none
	Recording Recording // answers GET /api/v1/recording; nil: there is none

	Clock clock.Clock
	Log   *slog.Logger // nil: discarded
	Demo  bool         // the page says that it shows a simulation
	Hosts []string     // names, with or without port, by which the server may be called besides loopback

	Registry       prometheus.Registerer // nil: nobody scrapes
	MaxConnections int                   // open at a time; 0 means 8192
}

func (o Options) check() error {
	for _, need := range []struct {
		name    string
		missing bool
	}{
		{"Racks", o.Racks == nil}, {"Alerts", o.Alerts == nil}, {"Pages", o.Pages == nil}, {"Series", o.Series == nil},
		{"Metrics", o.Metrics == nil}, {"Alertmanager", o.Alertmanager == nil}, {"Ready", o.Ready == nil},
	} {
		if need.missing {
			return fmt.Errorf("make web server: option %s is missing", need.name)
		}
	}
	return nil
}

// A Server answers HTTP requests. It is safe for concurrent use.
type Server struct {
	opt     Options
	hub     *hub
	cache   *renderings
	films   *renderings   // playbacks: each keeps all processors busy
	tiles   *tiles        // of racks and sites
	reels   chan struct{} // one an animation under way
	exports chan struct{} // one an export under way
	backups chan struct{} // one a backup under way
	records chan struct{} // one a recording under way
	metrics *metrics
	assets  map[string]asset
	handler http.Handler
}

// New returns a Server that follows nothing yet: see Serve. The error names an
// option that is missing.
func New(o Options) (*Server, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	files, err := loadAssets()
	if err != nil {
		return nil, err
	}
	o.MaxConnections = cmp.Or(o.MaxConnections, maxConnections)
	h := newHub()
	s := &Server{
		opt: o, hub: h, cache: newRenderings(1 + runtime.GOMAXPROCS(0)), films: newRenderings(maxPlaybacks), tiles: newTiles(),
		reels: make(chan struct{}, maxAnimations), exports: make(chan struct{}, maxExports),
		backups: make(chan struct{}, maxBackups), records: make(chan struct{}, maxRecordings),
		metrics: newMetrics(o.Registry, h), assets: files,
	}
	s.handler = s.observe(guard(o, s.mux()))
	return s, nil
}

// Handler returns all routes behind the checks of Host, Origin and size. What
// it answers is live only while Run or Serve runs.
func (s *Server) Handler() http.Handler { return s.handler }

// Patterns returns the patterns of all routes, as http.ServeMux takes them.
func (s *Server) Patterns() []string {
	routes := s.routes()
	patterns := make([]string, len(routes))
	for i, route := range routes {
		patterns[i] = route.pattern
	}
	return patterns
}

type route struct {
	pattern string
	handler http.Handler
}

// eventsRoute is the one route whose answers last for hours.
const eventsRoute = "GET /api/v1/events"

func (s *Server) routes() []route {
	const shelf = "GET /api/v1/shelves/{site}/{rack}/{shelf}"
	return []route{
		{"GET /{$}", s.answer(s.index)},
		{"GET /assets/{file...}", s.answer(s.asset)},
		{"GET /api/v1/shelves", s.answer(s.shelves)},
		{shelf, s.answer(s.shelf)},
		{shelf + "/{image}", s.answer(s.heatmap)},
		{shelf + "/scale", s.answer(s.scale)},
		{shelf + "/playback", s.answer(s.playback)},
		{shelf + "/playback.png", s.answer(few(s.reels, s.animation(heatmap.WriteAPNG, "image/apng")))},
		{shelf + "/playback.gif", s.answer(few(s.reels, s.animation(heatmap.WriteGIF, "image/gif")))},
		{"GET /api/v1/racks/{site}/{rack}/{image}", s.answer(s.overview)},
		{"GET /api/v1/sites/{site}/{image}", s.answer(s.overview)},
		{"GET /api/v1/series", s.answer(s.series)},
		{"GET /api/v1/export.csv", s.answer(few(s.exports, s.export))},
		{"GET /api/v1/recording", s.answer(few(s.records, here(s.recording)))},
		{"POST /api/v1/backup", s.answer(few(s.backups, here(s.backup)))},
		{"GET /api/v1/nodes", s.answer(s.nodes)},
		{"GET /api/v1/unplaced", s.answer(s.unplaced)},
		{"GET /api/v1/layout.yaml", s.answer(s.layoutFile)},
		{"GET /api/v1/alerts", s.answer(s.alerts)},
		{"GET /api/v1/pages", s.answer(s.pages)},
		{"GET /api/v1/clock", s.answer(s.clock)},
		{eventsRoute, s.answer(s.events)},
		{"GET /api/v1/openapi.yaml", s.answer(s.openAPI)},
		{"GET /metrics", s.opt.Metrics},
		{"GET /healthz", s.answer(s.health)},
		{"GET /readyz", s.answer(s.ready)},
		{"/alertmanager/", s.opt.Alertmanager},
		{promRoot + "/", s.prometheus()},
	}
}

// promRoot is where Prometheus' API is, as for one behind a proxy.
const promRoot = "/prometheus"

func (s *Server) prometheus() http.Handler {
	if s.opt.Prometheus == nil {
		return s.answer(func(http.ResponseWriter, *http.Request) error {
			return problem{http.StatusNotImplemented, "PromQL needs the embedded store: set store to tsdb or tee"}
		})
	}
	return http.StripPrefix(promRoot, s.opt.Prometheus)
}

func (s *Server) mux() http.Handler {
	mux := http.NewServeMux()
	for _, route := range s.routes() {
		mux.Handle(route.pattern, route.handler)
	}
	return jsonMisses(mux)
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, map[string]string{"status": "ok"})
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) error {
	if err := s.opt.Ready(); err != nil {
		return problem{http.StatusServiceUnavailable, err.Error()}
	}
	return writeJSON(w, map[string]string{"status": "ready"})
}

// clock tells a page what time it is here, and how fast time goes.
func (s *Server) clock(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, struct {
		T     time.Time `json:"t"`
		Speed float64   `json:"speed"`
		Demo  bool      `json:"demo"`
	}{stamp(s.opt.Clock.Now()), s.opt.Clock.Speed(), s.opt.Demo})
}

// state is Racks.State with the error that a client should see.
func (s *Server) state(ctx context.Context, shelf string, at time.Time) (rack.State, error) {
	state, err := s.opt.Racks.State(ctx, shelf, at)
	if errors.Is(err, rack.ErrNoShelf) {
		return rack.State{}, noShelf(shelf)
	}
	return state, err
}

func noShelf(id string) error {
	return problem{http.StatusNotFound, fmt.Sprintf("no shelf %q in the layout", id)}
}
