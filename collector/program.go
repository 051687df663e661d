package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"thermarack/agent/wire/clock"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/config"
	"thermarack/collector/internal/footprint"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/pager"
	"thermarack/collector/internal/places"
	"thermarack/collector/internal/promapi"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/watch"
	"thermarack/collector/internal/web"
)

// A plan is what a collector is made from.
type plan struct {
	config.Config
	out       output
	log       *slog.Logger
	clock     clock.Clock
	layout    *layout.Layout // nil: a provisional one
	demo      bool
	pagerText []byte // a pager configuration instead of Config.Pager
}

// A program is a collector whose listeners are open.
type program struct {
	addresses addresses
	store     openStore
	notes     *notebook
	tasks     []func(context.Context) error
}

// addresses is the first line that serve and demo print.
type addresses struct {
	HTTP   string `json:"http"`
	MQTT   string `json:"mqtt"`             // of the embedded broker; "" with an external one
	Broker string `json:"broker,omitempty"` // URL of the external one, without its password
}

// assemble builds a collector: store, model, pager, watch, ingest, broker, web.
// On an error nothing is left open.
func assemble(ctx context.Context, p plan) (_ *program, err error) {
	registry := newRegistry(p.Data)
	kept, err := openSamples(p.Config, p.log, registry)
	if err != nil {
		return nil, err
	}
	made := &program{store: kept}
	guard := guardedStore{kept, make(chan error, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, kept.Close())
		}
	}()

	layouts, err := places.Open(places.Options{Dir: filepath.Join(p.Data, "layouts"), Layout: p.layout, Now: p.clock.Now(), Log: p.log})
	if err != nil {
		return nil, err
	}
	model := rack.New(rack.Options{Layout: p.layout, History: kept, Clock: p.clock, Stale: p.Stale, LayoutAt: layouts.At})
	model.Register(registry)
	if made.notes, err = p.recall(model, registry); err != nil {
		return nil, err
	}
	if err := restore(ctx, model, p.log); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", p.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for HTTP: %w; choose another address with --listen", err)
	}
	made.addresses.HTTP = listener.Addr().String()

	pages, err := p.pager(made.addresses.HTTP, registry)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	watched := watch.New(watch.Options{Places: model, Rules: p.Rules.Alerts(), Late: 2 * p.Stale, OnChange: pageOn(pages, made.notes.ledger, p.log)})
	watched.Register(registry)
	intake := ingest.New(ingest.Options{
		Store: guard, Gate: model, Observers: []ingest.Observer{model, watched},
		Clock: p.clock, Log: p.log, Registry: registry, Past: p.Past(),
		Late: 2 * p.Stale, Known: kept.known(),
	})
	session, err := p.session(intake, registry, &made.addresses)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	server, err := web.New(web.Options{
		Racks: model, Alerts: watched, Pages: pages, Series: kept,
		Metrics:      serveMetrics(registry),
		Alertmanager: pages.Handler(),
		Prometheus:   p.prometheus(kept, layouts, registry),
		Layouts:      layouts,
		Ready:        ready(intake, session),
		Backup:       kept.backup(p.Data), Recording: kept.recording(),
		Clock: p.clock, Log: p.log, Demo: p.demo, Hosts: p.Hosts, Registry: registry,
	})
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	made.tasks = []func(context.Context) error{
		guard.Run, model.Run, made.notes.run, pages.Run, intake.Run, session.Run, footprint.Run,
		func(ctx context.Context) error { return server.Serve(ctx, listener) },
	}
	return made, made.announce(p.out)
}

// announce tells everybody where we are: who started us, and commands that find
// the data directory.
func (p *program) announce(out output) error {
	if err := p.store.claim.tell(p.addresses); err != nil {
		return err
	}
	return json.NewEncoder(out.Out).Encode(p.addresses)
}

// prometheus answers PromQL about the store. Samples are as far apart as a demo's
// speed makes them.
func (p plan) prometheus(kept openStore, layouts *places.History, registry *prometheus.Registry) http.Handler {
	return promapi.New(promapi.Options{
		Queryable: layouts.Queryable(kept.queryable), Clock: p.clock,
		Version: builtVersion(), Lookback: max(promapi.Lookback, p.Stale), Log: p.log, Registry: registry,
	})
}

// pager makes the pager. Its messages link to the page at addr.
func (p plan) pager(addr string, registry *prometheus.Registry) (*pager.Pager, error) {
	page := &url.URL{Scheme: "http", Host: addr}
	if p.URL != "" {
		var err error
		if page, err = url.Parse(p.URL); err != nil {
			return nil, fmt.Errorf("read url: %w", err)
		}
	}
	return pager.New(pager.Options{
		Config: p.Config.Pager, ConfigText: p.pagerText, Dir: filepath.Join(p.Data, "pager"),
		ExternalURL: page, Log: p.log, Registry: registry,
	})
}

// pageOn hands what fires and what resolves to the pager.
func pageOn(pages *pager.Pager, ledger *watch.Ledger, log *slog.Logger) func(watch.Change) {
	return func(c watch.Change) {
		tell, err := ledger.Note(c)
		if err != nil {
			log.Error("after a restart this alert may not be resolved", "alert", c.Alert, "err", err)
		}
		if !tell {
			return
		}
		log.Info("alert "+string(c.Event), "alert", c.Alert, "severity", c.Severity, "summary", c.Summary)
		if err := pages.Send(watch.Page(c, time.Now())); err != nil {
			log.Error("alert not handed to the pager", "alert", c.Alert, "err", err)
		}
	}
}

// ready tells why readings are not taken in or not stored, or nil. It is asked
// when the store has been opened, its logs read back.
func ready(intake *ingest.Ingest, in source) func() error {
	return func() error {
		if err := in.Ready(); err != nil {
			return err
		}
		return intake.Failing()
	}
}

// run runs all parts until ctx ends or one of them fails, then writes down what
// is known and closes the store.
func (p *program) run(ctx context.Context, more ...func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, task := range append(p.tasks, more...) {
		group.Go(func() error { return task(ctx) })
	}
	err := errors.Join(group.Wait(), p.notes.close())
	if closed := p.store.Close(); closed != nil {
		err = errors.Join(err, fmt.Errorf("close the store: %w", closed))
	}
	return err
}

// pageURL is where a person finds the page.
func (a addresses) pageURL() string { return "http://" + a.HTTP + "/" }
