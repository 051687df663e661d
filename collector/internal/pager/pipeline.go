package pager

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/route"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/api"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/eventrecorder"
	"github.com/prometheus/alertmanager/featurecontrol"
	"github.com/prometheus/alertmanager/inhibit"
	"github.com/prometheus/alertmanager/marker"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/provider/mem"
	"github.com/prometheus/alertmanager/silence"
	"github.com/prometheus/alertmanager/timeinterval"
)

const (
	// prefix is where the API is mounted.
	prefix = "/alertmanager"

	// maxBody bounds a request to the API. A silence is a few hundred bytes.
	maxBody = 1 << 20

	// alertGC and groupGC are Alertmanager's own intervals for forgetting
	// resolved alerts and empty groups.
	alertGC = 30 * time.Minute
	groupGC = 30 * time.Second
)

// A pipeline is Alertmanager's parts wired together: alerts go into groups,
// groups through inhibition, silences and the notification log to receivers.
type pipeline struct {
	alerts     *mem.Alerts
	inhibitor  *inhibit.Inhibitor
	dispatcher *dispatch.Dispatcher
	gate       *gate
	handler    http.Handler
}

// A wiring is what a pipeline is made from.
type wiring struct {
	plan     *plan
	state    *state
	recorder *recorder
	log      *slog.Logger
	registry prometheus.Registerer
}

func newPipeline(w wiring) (*pipeline, error) {
	var (
		events   eventrecorder.Recorder // the zero Recorder records nothing
		flags    = featurecontrol.NoopFlags{}
		silencer = silence.NewSilencer(w.state.silences, w.log, events)
		groups   = marker.NewGroupMarker()
	)
	alerts, err := mem.NewAlerts(context.Background(), alertGC, 0, silencer, w.log, events, w.registry, flags)
	if err != nil {
		return nil, err
	}
	p := &pipeline{
		alerts:    alerts,
		inhibitor: inhibit.NewInhibitor(alerts, w.plan.conf.InhibitRules, w.log, events),
	}
	p.gate = &gate{Stage: notify.NewPipelineBuilder(w.registry, flags, events).New(
		recorded(w.plan.receivers, w.recorder),
		func() time.Duration { return 0 }, // no peers to wait for
		p.inhibitor,
		silencer,
		timeinterval.NewIntervener(w.plan.intervals()),
		groups,
		w.state.nflog,
		nil,
	)}
	p.dispatcher = dispatch.NewDispatcher(
		alerts, w.plan.route, p.gate, groups, timeout, groupGC, nil, w.log, events,
		dispatch.NewDispatcherMetrics(false, w.registry, flags), w.plan.tmpl,
	)
	if p.handler, err = p.newHandler(w, silencer, groups); err != nil {
		alerts.Close()
		return nil, err
	}
	return p, nil
}

// timeout is how long a group's notification may be tried, given its group
// interval: until the group is looked at again.
func timeout(interval time.Duration) time.Duration { return max(interval, notify.MinTimeout) }

// newHandler returns Alertmanager's API v2 below prefix.
func (p *pipeline) newHandler(w wiring, silencer *silence.Silencer, groups marker.GroupMarker) (http.Handler, error) {
	a, err := api.New(api.Options{
		Alerts:         p.alerts,
		Silences:       w.state.silences,
		GroupMutedFunc: groups.Muted,
		GroupFunc:      p.dispatcher.Groups,
		Logger:         w.log,
		Registry:       w.registry,
		RequestDuration: promauto.With(w.registry).NewHistogramVec(prometheus.HistogramOpts{
			Name: "alertmanager_http_request_duration_seconds",
			Help: "Time that requests to the alert API took.",
		}, []string{"handler", "method", "code"}),
	})
	if err != nil {
		return nil, err
	}
	a.Update(w.plan.conf, func(ctx context.Context, labels model.LabelSet) {
		p.inhibitor.Mutes(ctx, labels)
		silencer.Mutes(ctx, labels)
	})
	return http.MaxBytesHandler(a.Register(route.New().WithPrefix(prefix), prefix), maxBody), nil
}

// run delivers until ctx is done, and returns when nothing is under way.
func (p *pipeline) run(ctx context.Context) {
	var running sync.WaitGroup
	// The inhibitor first, or an alert could page before the one that inhibits
	// it is known.
	running.Go(p.inhibitor.Run)
	p.inhibitor.WaitForLoading()
	running.Go(func() { p.dispatcher.Run(time.Now()) })
	p.dispatcher.WaitForLoading()

	<-ctx.Done()
	p.dispatcher.Stop()
	p.gate.close()
	p.inhibitor.Stop()
	running.Wait()
	p.alerts.Close()
}

// errStopped ends a notification that comes up while the pager stops.
var errStopped = errors.New("pager is stopping")

// A gate is a stage that can be closed and waited for. Stopping the dispatcher
// cancels what its groups are doing but does not wait for it, and what a group
// logs after the last snapshot would be paged again after a restart.
type gate struct {
	notify.Stage

	mu     sync.Mutex
	closed bool
	inside sync.WaitGroup
}

// Exec passes alerts on to the stage behind the gate.
func (g *gate) Exec(ctx context.Context, log *slog.Logger, alerts ...*alert.Alert) (context.Context, []*alert.Alert, error) {
	if !g.enter() {
		return ctx, nil, errStopped
	}
	defer g.inside.Done()
	return g.Stage.Exec(ctx, log, alerts...)
}

func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.inside.Add(1)
	}
	return !g.closed
}

// close lets nobody in any more and waits for who is inside.
func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.inside.Wait()
}
