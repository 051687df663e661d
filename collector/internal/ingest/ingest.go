// Package ingest brings MQTT messages into the store and to those who watch:
// decoded, checked, committed in groups, and acknowledged only then.
package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"thermarack/agent/wire/clock"
	"thermarack/collector/internal/ingest/quiet"
	"thermarack/collector/internal/store"
)

const (
	defaultEvery = 5 * time.Millisecond
	maxEvery     = 250 * time.Millisecond
	company      = 16   // deliveries that are worth a commit without further waiting
	maxGroup     = 4096 // deliveries of one commit

	firstRetry = 100 * time.Millisecond // after a failed commit, doubling
	lastRetry  = 5 * time.Second
	drainTime  = 5 * time.Second // for the last commits after Run was cancelled
)

// A Delivery is one MQTT message on its way to the store.
type Delivery struct {
	Topic    string
	Payload  []byte // must not change any more
	Retained bool   // a broker had kept it from before we subscribed: it may be of any age

	// Done is called exactly once for a delivery that Offer accepted, from the
	// goroutine of Run; it must not block. With nil the message is stored and
	// synced, or refused for good: acknowledge it. Else it could not be kept: do
	// not acknowledge it and stop the session, so that the sender sends it again.
	Done func(err error)
}

// A Store keeps samples. Append returns when they are synced to disk. It returns
// a Refusal for each sample that it will never take; the others are kept. After
// an error nothing is promised, and the same samples are appended again.
type Store interface {
	Append(ctx context.Context, samples []store.Sample) ([]store.Refusal, error)
}

// An Observer is told what was stored.
type Observer interface {
	// Observe is called from one goroutine, in the order of arrival, after the
	// commit and before the acknowledgement. It must be quick: the next commit
	// waits for it.
	Observe(Batch)
}

// Options are what an Ingest is made of.
type Options struct {
	Store     Store
	Gate      Gate       // nil admits every device
	Observers []Observer // told in this order
	Clock     clock.Clock
	Log       *slog.Logger
	Registry  prometheus.Registerer // nil: nobody scrapes

	// Every is how long a message may wait for company before its commit starts,
	// at most 250 ms; 0 means 5 ms. The commit starts at once when 16 messages
	// wait, and takes all that have gathered while the one before was running.
	// More spares the disk some syncs and makes a lone sender wait.
	Every time.Duration

	// Past is the age beyond which readings are refused; 0 means DefaultPast.
	Past time.Duration
}

// An Ingest takes messages and commits them. Create it with New, and Run it.
type Ingest struct {
	opts    Options
	decoder *Decoder // only used by Run
	queue   *queue
	metrics *metrics
	quiet   *quiet.Log
	failing atomic.Pointer[error]
}

// New returns an Ingest that accepts deliveries at once and commits them when it
// runs.
func New(o Options) *Ingest {
	if o.Every <= 0 {
		o.Every = defaultEvery
	}
	o.Every = min(o.Every, maxEvery)
	q := newQueue()
	return &Ingest{
		opts:    o,
		decoder: NewDecoder(o.Gate, o.Past),
		queue:   q,
		metrics: newMetrics(o.Registry, q),
		quiet:   quiet.New(o.Log, time.Minute),
	}
}

// Offer hands over a delivery and never blocks. It is false when 16384
// deliveries or 64 MiB of payload await their commit, and when Run has been
// cancelled: then the delivery is not taken, Done will not be called, and the
// caller must withhold the acknowledgement. Offer is safe for concurrent use;
// the order of one caller is kept.
func (in *Ingest) Offer(d Delivery) bool {
	if !in.queue.put(waiting{d, in.opts.Clock.Now()}) {
		return false
	}
	in.metrics.messages.Inc()
	return true
}

// Failing returns the error for which the store does not take the messages that
// wait now, or nil. It is safe for concurrent use.
func (in *Ingest) Failing() error {
	if err := in.failing.Load(); err != nil {
		return *err
	}
	return nil
}

// Run commits what is offered until ctx ends. Then it refuses offers, commits
// within 5 s what it had accepted, and returns nil. What cannot be kept is given
// back with an error to Done.
//
// While the store fails the same commit is tried again and again: nothing is
// acknowledged, nothing overtakes.
func (in *Ingest) Run(ctx context.Context) error {
	work, cancel := linger(ctx, drainTime)
	defer cancel()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-in.queue.wake:
			in.gather(ctx)
			in.commitAll(work)
		}
	}
	in.queue.close()
	in.commitAll(work)
	return nil
}

// linger returns a context that ends d after ctx has ended.
func linger(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(d, cancel) })
	return longer, func() { stop(); cancel() }
}

// gather lets a commit wait for company.
func (in *Ingest) gather(ctx context.Context) {
	timer := time.NewTimer(in.opts.Every)
	defer timer.Stop()
	for in.queue.ready() < company {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-in.queue.wake:
		}
	}
}

// commitAll commits what waits, group after group.
func (in *Ingest) commitAll(ctx context.Context) {
	for group := in.queue.take(maxGroup); len(group) > 0; group = in.queue.take(maxGroup) {
		in.commit(ctx, group)
		in.queue.release(group)
	}
}

// commit stores a group, tells the observers and acknowledges.
func (in *Ingest) commit(ctx context.Context, group []waiting) {
	messages := make([]Decoded, len(group))
	var samples []store.Sample
	for i, w := range group {
		messages[i] = in.decoder.Decode(w.Delivery, w.received)
		samples = append(samples, messages[i].Samples...)
	}
	refusals, err := in.append(ctx, samples)
	if err != nil {
		in.opts.Log.Warn("messages given back, their senders send them again", "messages", len(group), "err", err)
	} else {
		in.metrics.stored.Add(float64(len(samples) - len(refusals)))
		refuse(messages, refusals)
		in.observe(messages)
	}
	for _, w := range group {
		w.Done(err)
	}
}

// append stores samples, trying again until it has worked or ctx has ended.
func (in *Ingest) append(ctx context.Context, samples []store.Sample) ([]store.Refusal, error) {
	if len(samples) == 0 {
		return nil, nil
	}
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		start := time.Now()
		refusals, err := in.opts.Store.Append(ctx, samples)
		if err == nil {
			in.metrics.commits.Inc()
			in.metrics.duration.Observe(time.Since(start).Seconds())
			in.failing.Store(nil)
			return refusals, nil
		}
		in.metrics.failures.Inc()
		in.failing.Store(&err)
		in.quiet.Warn("store", "commit failed, trying again; nothing is acknowledged meanwhile", "samples", len(samples), "err", err)
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("store %d samples: %w", len(samples), err)
		case <-time.After(wait):
		}
	}
}

// refuse gives each message its share of the refusals of the whole group.
func refuse(messages []Decoded, refusals []store.Refusal) {
	if len(refusals) == 0 {
		return
	}
	reasons := make(map[int]string, len(refusals))
	for _, f := range refusals {
		reasons[f.Index] = f.Reason
	}
	first := 0
	for i := range messages {
		var own []store.Refusal
		for j := range messages[i].Samples {
			if reason, ok := reasons[first+j]; ok {
				own = append(own, store.Refusal{Index: j, Reason: reason})
			}
		}
		first += len(messages[i].Samples)
		messages[i].Refuse(own)
	}
}

// observe counts what was rejected and tells the observers the rest.
func (in *Ingest) observe(messages []Decoded) {
	for _, m := range messages {
		in.count(m)
		if m.Batch.isEmpty() {
			continue
		}
		for _, o := range in.opts.Observers {
			o.Observe(m.Batch)
		}
	}
}

// count counts the rejections of one message, and logs the first of a reason.
func (in *Ingest) count(m Decoded) {
	for _, r := range m.Rejected {
		in.metrics.rejected.WithLabelValues(r.Reason).Inc()
		key := string(m.Batch.Node) + " " + r.Reason
		in.quiet.Warn(key, "rejected", "site", m.Batch.Site, "node", m.Batch.Node,
			"reason", r.Reason, "detail", fmt.Sprintf("%.240s", r.Err))
	}
}
