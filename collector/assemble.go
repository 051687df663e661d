package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"thermarack/collector/internal/footprint"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/normal"
	"thermarack/collector/internal/pager"
	"thermarack/collector/internal/placement"
	"thermarack/collector/internal/places"
	"thermarack/collector/internal/playback"
	"thermarack/collector/internal/promapi"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/watch"
	"thermarack/collector/internal/web"
)

// assemble builds a collector from a plan. On an error nothing is left open.
func assemble(ctx context.Context, p plan) (*program, error) {
	b := &builder{plan: p, registry: newRegistry(p.Data), made: &program{}}
	for _, step := range []func(context.Context) error{
		b.openReadings,
		b.recallNodes,
		b.openListeners,
		b.watchRules,
		b.takeIn,
		b.pollSwitches,
		b.serveWeb,
		b.announce,
	} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, b.abandon())
		}
	}
	return b.made, nil
}

// A builder is a collector in the making. Each step uses what those before it have
// made.
type builder struct {
	plan
	registry *prometheus.Registry
	made     *program
	opened   []io.Closer // to be closed again should a later step fail

	layouts *places.History
	model   *rack.Model
	stands  *placement.Keeper // told of what switches show; nil without a layout file
	web     net.Listener
	mqtt    net.Listener // nil with an external broker
	pages   *pager.Pager
	watched *watch.Watch
	intake  *ingest.Ingest
	source  source
}

// abandon closes what was opened, the last first.
func (b *builder) abandon() (err error) {
	for _, c := range slices.Backward(b.opened) {
		err = errors.Join(err, c.Close())
	}
	return err
}

// openReadings opens the store, and the layouts that say where its readings were
// taken.
func (b *builder) openReadings(context.Context) (err error) {
	if b.made.store, err = openSamples(b.Config, b.log, b.registry); err != nil {
		return err
	}
	b.opened = append(b.opened, b.made.store)
	b.layouts, err = places.Open(places.Options{Dir: filepath.Join(b.Data, "layouts"), Layout: b.layout, Now: b.clock.Now(), Log: b.log})
	return err
}

// recallNodes makes the model, and lets it know what was known before a restart:
// first of all where the Pis stood.
func (b *builder) recallNodes(ctx context.Context) (err error) {
	learner := &normal.Learner{}
	b.model = rack.New(rack.Options{Normals: learner, Layout: b.layout, History: b.made.store, Clock: b.clock, Stale: b.Stale, LayoutAt: b.layouts.At})
	b.model.Register(b.registry)
	if b.layout != nil {
		b.stands = placement.NewKeeper(placement.Options{
			Layout: b.layout, Racks: b.model, Journal: b.layouts, Log: b.log, Registry: b.registry,
		})
	}
	if b.made.notes, err = b.recall(b.model, learner, b.registry); err != nil {
		return err
	}
	return restore(ctx, b.model, b.log)
}

// openListeners opens the ways in. Clients that connect before all is made wait.
func (b *builder) openListeners(context.Context) (err error) {
	if b.web, err = net.Listen("tcp", b.Listen); err != nil {
		return fmt.Errorf("listen for HTTP: %w; choose another address with --listen", err)
	}
	b.opened = append(b.opened, b.web)
	b.made.addresses.HTTP = b.web.Addr().String()
	if b.Broker != "" {
		b.made.addresses.Broker = withoutPassword(b.Broker)
		return nil
	}
	if b.mqtt, err = net.Listen("tcp", b.MQTT); err != nil {
		return fmt.Errorf("listen for MQTT: %w; choose another address with --mqtt, or use the broker that is there with --broker", err)
	}
	b.opened = append(b.opened, b.mqtt)
	b.made.addresses.MQTT = b.mqtt.Addr().String()
	return nil
}

// watchRules makes the pager, and what finds the alerts for it.
func (b *builder) watchRules(context.Context) (err error) {
	if b.pages, err = b.pager(b.made.addresses.HTTP, b.registry); err != nil {
		return err
	}
	b.watched = watch.New(watch.Options{
		Places: b.model, Rules: b.Rules.Alerts(), Late: 2 * b.Stale,
		OnChange: pageOn(b.pages, b.made.notes, b.log),
		Clock:    b.clock, Hears: func() bool { return b.source.Ready() == nil }, Fired: b.made.notes.ledger.Fired,
	})
	b.watched.Register(b.registry)
	return nil
}

// takeIn makes the way of messages from a broker into the store.
func (b *builder) takeIn(context.Context) (err error) {
	guard := guardedStore{b.made.store, make(chan error, 1)}
	b.intake = ingest.New(ingest.Options{
		Store: guard, Gate: b.model, Observers: []ingest.Observer{b.model, b.watched},
		Clock: b.clock, Log: b.log, Registry: b.registry, Past: b.Past(),
		Late: 2 * b.Stale, Known: b.made.store.known(),
	})
	if b.source, err = b.session(b.intake, b.registry, b.mqtt); err != nil {
		return err
	}
	b.made.tasks = append(b.made.tasks, guard.Run, b.model.Run, b.watched.Run, b.made.notes.run, b.made.notes.owe, b.made.notes.mark, b.pages.Run, b.intake.Run, b.source.Run,
		func(ctx context.Context) error { return b.made.notes.learn(ctx, b.plan, b.watched) })
	return nil
}

// pollSwitches makes the way of what switches say to where messages are taken in,
// and makes room for the garbage that it leaves.
func (b *builder) pollSwitches(context.Context) error {
	poller := b.poller()
	b.made.tasks = append(b.made.tasks, poller.Run, func(ctx context.Context) error {
		return footprint.Run(ctx, footprint.Headroom(poller.Switches()))
	})
	return nil
}

// serveWeb makes all that is answered over HTTP.
func (b *builder) serveWeb(context.Context) error {
	kept := b.made.store
	server, err := web.New(web.Options{
		Racks: b.model, Alerts: b.watched, Pages: b.pages, Series: kept,
		Metrics:      serveMetrics(b.registry),
		Alertmanager: b.pages.Handler(),
		Prometheus:   b.prometheus(kept, b.layouts, b.registry),
		Layouts:      b.layouts,
		Playback: playback.New(playback.Options{
			Shelves: b.model, Series: kept, Layouts: b.layouts, Bookmarks: b.made.notes.journal,
		}),
		Settled: b.Past(),
		Ready:   ready(b.intake, b.source),
		Backup:  kept.backup(b.Data), Recording: kept.recording(),
		Clock: b.clock, Log: b.log, Demo: b.demo, Hosts: b.Hosts, Registry: b.registry,
	})
	if err != nil {
		return err
	}
	b.made.tasks = append(b.made.tasks, func(ctx context.Context) error { return server.Serve(ctx, b.web) })
	return nil
}

// announce tells everybody where we are.
func (b *builder) announce(context.Context) error { return b.made.announce(b.out) }

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

// pageOn hands what fires and what resolves to the pager, and notes when it did.
func pageOn(pages *pager.Pager, notes *notebook, log *slog.Logger) func(watch.Change) {
	return func(c watch.Change) {
		if !notes.note(c) {
			return
		}
		notes.journal.Note(c)
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
