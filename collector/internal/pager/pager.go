// Package pager delivers alerts to people: Alertmanager as a library, with its
// grouping, inhibition, silences and receivers, and its configuration format.
//
// The pager adds what a single process needs: firing alerts are sent again until
// they are resolved, silences and the log of what was sent are on disk within a
// second of each change, and every delivery is recorded for the dashboard. Where
// a configuration leaves grouping out, alerts are grouped by shelf and severity
// and page at once. PagerDuty's dedup_key is the library's hash of the group, so
// the page that resolves a group closes the incident that it opened.
//
// All times are wall time. The matchers of a configuration are read in
// Alertmanager's classic syntax (label names of ASCII letters, digits and _).
package pager

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"

	"github.com/prometheus/alertmanager/alert"
)

// horizon is how far ahead a firing alert's end is set. It must be an end that
// clients can show, and so far off that no stall of the machine between two
// re-sends resolves what still fires.
const horizon = 24 * time.Hour

// resolvedFor is how long a resolved alert is sent again. The library's
// dispatcher takes alerts in with several workers and keeps the last written: a
// resolution close to a re-send can be overtaken by it, and would be lost
// without a repetition.
const resolvedFor = 15 * time.Minute

// An Alert is one alert as Alertmanager knows it. Its labels are its identity:
// the name is in "alertname". Empty labels are left out. The annotations
// "summary" (one line) and "description" are what people read.
type Alert struct {
	Labels, Annotations map[string]string

	// StartsAt is when it began to fire, EndsAt when it was resolved, zero while
	// it fires. Wall time; what lies ahead of the clock is taken as now.
	StartsAt, EndsAt time.Time
}

// Options say what a Pager is made from.
type Options struct {
	Config      string                // path of an Alertmanager configuration file; "": see ConfigText
	ConfigText  []byte                // a configuration instead of a path; nil: Default, which pages nobody
	Dir         string                // directory of the state, made if missing; one Pager each
	ExternalURL *url.URL              // the dashboard's address in messages; nil: http://localhost:8080
	Log         *slog.Logger          // nil: discarded
	Registry    prometheus.Registerer // gets the library's alertmanager_* metrics, one Pager each; nil: none
	Resend      time.Duration         // how often what fires is sent again; 0: one minute
}

// A Pager groups alerts and tells receivers about them. It is safe for
// concurrent use.
type Pager struct {
	log      *slog.Logger
	resend   time.Duration
	silent   bool // no receiver in use has an integration
	state    *state
	recorder *recorder
	pipeline *pipeline

	mu   sync.Mutex                         // held while alerts are put, so that the last put is the last sent
	sent map[model.Fingerprint]*alert.Alert // what fires, and what was resolved within resolvedFor
}

// New returns a Pager that has read its configuration and state. Nothing is
// delivered before Run.
//
// An error about the configuration names its file, and the line where the
// library gives it. Damaged state is renamed to *.damaged, logged as an error
// and done without; state that cannot be read for another reason is an error.
func New(o Options) (*Pager, error) {
	if o.ExternalURL == nil {
		o.ExternalURL = &url.URL{Scheme: "http", Host: "localhost:8080"}
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	log := cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	plan, err := makePlan(o, log)
	if err != nil {
		return nil, err
	}
	p := &Pager{
		log:      log,
		resend:   cmp.Or(o.Resend, time.Minute),
		silent:   plan.integrations() == 0,
		recorder: &recorder{watchers: map[chan struct{}]bool{}},
		sent:     map[model.Fingerprint]*alert.Alert{},
	}
	if p.state, err = openState(o.Dir, plan.retention(), log, o.Registry); err != nil {
		return nil, err
	}
	if p.pipeline, err = newPipeline(wiring{plan, p.state, p.recorder, log, o.Registry}); err != nil {
		return nil, fmt.Errorf("start pager: %w", err)
	}
	return p, nil
}

// Run delivers until ctx is done, then writes the state a last time and returns
// nil. A delivery under way is cut short, and made again after a restart. Run
// can be called once.
func (p *Pager) Run(ctx context.Context) error {
	if p.silent {
		p.log.Warn("pages go nowhere: no receiver has an integration, give a configuration with --pager FILE")
	}
	var tasks sync.WaitGroup
	tasks.Go(func() { p.state.run(ctx) })
	tasks.Go(func() { p.repeat(ctx) })
	p.pipeline.run(ctx)
	tasks.Wait()
	p.state.write()
	return nil
}

// repeat sends what was sent again and again: what fires does not time out, and
// what is resolved stays so.
func (p *Pager) repeat(ctx context.Context) {
	ticker := time.NewTicker(p.resend)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := p.sendAgain(); err != nil {
				p.log.Error("alerts not sent again", "err", err)
			}
		}
	}
}

func (p *Pager) sendAgain() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	alerts := make([]*alert.Alert, 0, len(p.sent))
	for id, a := range p.sent {
		again := *a
		again.UpdatedAt = now
		switch {
		case a.Timeout:
			again.EndsAt = now.Add(horizon)
		case now.Sub(a.UpdatedAt) > resolvedFor:
			delete(p.sent, id)
			continue
		}
		alerts = append(alerts, &again)
	}
	return p.pipeline.alerts.Put(context.Background(), alerts...)
}

// Send takes in alerts that fire, change their annotations or resolve, before or
// while Run runs. The Pager keeps what fires and sends it again until it is
// resolved: one Send for each change is enough. Resolving what is not known to
// fire is allowed, and told to receivers if they were told that it fired before
// a restart.
//
// An alert without labels, with a bad label name, without StartsAt or with an
// EndsAt before it is left out and named in the error; the others are sent.
func (p *Pager) Send(alerts ...Alert) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var (
		good []*alert.Alert
		bad  []string
	)
	for _, a := range alerts {
		known := a.forLibrary(time.Now())
		if err := known.Validate(); err != nil {
			bad = append(bad, fmt.Sprintf("send alert %s: %v", known.Labels, err))
			continue
		}
		good = append(good, known)
		p.sent[known.Fingerprint()] = known
	}
	if err := p.pipeline.alerts.Put(context.Background(), good...); err != nil {
		bad = append(bad, fmt.Sprintf("send alerts: %v", err))
	}
	if len(bad) > 0 {
		return errors.New(strings.Join(bad, "; "))
	}
	return nil
}

// forLibrary returns a as the library keeps it. Timeout says that it fires: its
// end is only a time-out.
func (a Alert) forLibrary(now time.Time) *alert.Alert {
	known := &alert.Alert{UpdatedAt: now}
	known.Labels = labelSet(a.Labels)
	known.Annotations = labelSet(a.Annotations)
	known.StartsAt = earlier(a.StartsAt, now)
	if a.EndsAt.IsZero() {
		known.EndsAt, known.Timeout = now.Add(horizon), true
	} else {
		known.EndsAt = earlier(a.EndsAt, now)
	}
	return known
}

func earlier(t, now time.Time) time.Time {
	if t.After(now) {
		return now
	}
	return t
}

// labelSet copies what is not empty. A byte that is not UTF-8 must not keep an
// alert from being sent.
func labelSet(m map[string]string) model.LabelSet {
	set := make(model.LabelSet, len(m))
	for name, value := range m {
		if value != "" {
			set[model.LabelName(name)] = model.LabelValue(strings.ToValidUTF8(value, "\uFFFD"))
		}
	}
	return set
}

// Notifications returns what was delivered, or tried, since the start: newest
// first, at most 200. The maps and slices within are shared and must not be
// changed.
func (p *Pager) Notifications() []Notification { return p.recorder.notifications() }

// Watch returns a channel that gets a value after each change of Notifications.
// It holds one: changes that nobody waited for are one value. It is never
// closed. To see each Notification once, remember the largest Seq. The caller
// calls cancel when it no longer watches.
func (p *Pager) Watch() (changed <-chan struct{}, cancel func()) { return p.recorder.watch() }

// Handler returns Alertmanager's API v2 for paths from /alertmanager/api/v2/, as
// amtool uses it with --alertmanager.url=http://HOST/alertmanager: alerts,
// groups, silences, receivers and status. It does not check who asks. Requests
// above 1 MiB are refused. Groups are answered once Run runs.
func (p *Pager) Handler() http.Handler { return p.pipeline.handler }
