package pager

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/notify"
)

// keptNotifications is how many notifications are remembered.
const keptNotifications = 200

// A Notification is one message to one integration of a receiver: delivered, or
// tried and failed. Tries of the same group that fail one after the other are
// one Notification, so that a dead receiver does not push out all others.
type Notification struct {
	Seq         uint64            // grows with every try, of whatever message
	Time        time.Time         // wall time of the last try's end
	Receiver    string            // its name in the configuration
	Integration string            // kind and index within the receiver, such as "webhook[0]"
	Status      string            // "firing" if any of the alerts fires, else "resolved"
	Group       map[string]string // labels that the alerts have in common by the route's group_by
	Alerts      []string          // one an alert: its annotation "summary", else its name
	Attempts    int               // tries so far, from 1
	Err         string            // why the last try failed, on one line; empty: delivered
}

// A recorder remembers notifications, newest first. It is safe for concurrent
// use.
type recorder struct {
	mu       sync.Mutex
	seq      uint64
	entries  []entry
	watchers map[chan struct{}]bool
}

type entry struct {
	Notification
	group string // the library's key of route and group labels
}

func (r *recorder) notifications() []Notification {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Notification, len(r.entries))
	for i, e := range r.entries {
		list[i] = e.Notification
	}
	return list
}

func (r *recorder) watch() (<-chan struct{}, func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := make(chan struct{}, 1)
	r.watchers[c] = true
	return c, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.watchers, c)
	}
}

// add puts e first and drops what is too old.
func (r *recorder) add(e entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq++
	e.Seq = r.seq
	e.Attempts = 1 + r.takeFailed(e)
	r.entries = append([]entry{e}, r.entries...)
	r.entries = r.entries[:min(len(r.entries), keptNotifications)]
	for c := range r.watchers {
		select {
		case c <- struct{}{}:
		default: // it has yet to look, and will see this one too
		}
	}
}

// takeFailed removes the entry that e is another failed try of and returns its
// number of tries, or returns 0.
func (r *recorder) takeFailed(e entry) int {
	if e.Err == "" {
		return 0
	}
	for i, old := range r.entries {
		if old.group != e.group || old.Receiver != e.Receiver || old.Integration != e.Integration {
			continue
		}
		if old.Err == "" || old.Status != e.Status {
			return 0
		}
		r.entries = append(r.entries[:i], r.entries[i+1:]...)
		return old.Attempts
	}
	return 0
}

// recorded wraps each integration so that r learns what became of every try.
func recorded(receivers map[string][]notify.Integration, r *recorder) map[string][]notify.Integration {
	wrapped := make(map[string][]notify.Integration, len(receivers))
	for name, integrations := range receivers {
		list := make([]notify.Integration, len(integrations))
		for i := range integrations {
			in := &integrations[i]
			list[i] = notify.NewIntegration(witness{in, name, r}, in, in.Name(), in.Index(), name)
		}
		wrapped[name] = list
	}
	return wrapped
}

// A witness is a Notifier that reports to a recorder.
type witness struct {
	*notify.Integration
	receiver string
	recorder *recorder
}

// Notify delivers alerts by the integration and records how it went. A try that
// the end of the program cut short is not recorded.
func (w witness) Notify(ctx context.Context, alerts ...*alert.Alert) (bool, error) {
	retry, err := w.Integration.Notify(ctx, alerts...)
	if errors.Is(ctx.Err(), context.Canceled) && err != nil {
		return retry, err
	}
	e := entry{Notification: Notification{
		Time:        time.Now(),
		Receiver:    w.receiver,
		Integration: w.String(),
		Status:      string(alert.Alerts(alerts...).Status()),
		Alerts:      summaries(alerts),
	}}
	if labels, ok := notify.GroupLabels(ctx); ok {
		e.Group = plain(labels)
	}
	e.group, _ = notify.GroupKey(ctx)
	if err != nil {
		e.Err = strings.Join(strings.Fields(err.Error()), " ")
	}
	w.recorder.add(e)
	return retry, err
}

func summaries(alerts []*alert.Alert) []string {
	list := make([]string, len(alerts))
	for i, a := range alerts {
		list[i] = string(a.Annotations["summary"])
		if list[i] == "" {
			list[i] = a.Name()
		}
	}
	return list
}

func plain(labels model.LabelSet) map[string]string {
	m := make(map[string]string, len(labels))
	for name, value := range labels {
		m[string(name)] = string(value)
	}
	return m
}
