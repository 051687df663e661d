// Package ingest brings MQTT messages to those who watch and into the store:
// decoded, checked and told at once, committed in groups, and acknowledged only
// then.
package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"thermarack/agent/wire"
	"thermarack/agent/wire/clock"
	"thermarack/collector/internal/ingest/quiet"
	"thermarack/collector/internal/store"
)

const (
	defaultEvery = 50 * time.Millisecond
	maxEvery     = 250 * time.Millisecond
	company      = 32   // deliveries that are worth a commit at once: all that an agent has out
	maxTaken     = 1024 // deliveries that are told before they are passed on to the commit

	firstRetry = 100 * time.Millisecond // after a failed commit, doubling
	lastRetry  = 5 * time.Second
	drainTime  = 4 * time.Second // for the last commits after Run was cancelled; the process has 5

	slow        = 10 * time.Second // a commit that takes longer is one that fails
	relieveTime = time.Second      // between two looks whether room has to be made
)

// A Delivery is one MQTT message on its way to the store.
type Delivery struct {
	Topic    string
	Payload  []byte // must not change any more
	Retained bool   // a broker had kept it from before we subscribed: it may be of any age

	// Done is called exactly once for a delivery that Offer accepted, from a
	// goroutine of Run; it must not block. With nil the message is stored and
	// synced, or refused for good: acknowledge it. Else it could not be kept: do
	// not acknowledge it and stop the session, so that the sender sends it again.
	// All calls with nil come from one goroutine, in the order of Offer.
	Done func(err error)
}

// A Store keeps samples. Append returns when they are synced to disk. It returns
// a Refusal for each sample that it will never take; the others are kept. After
// an error nothing is promised, and the same samples are appended again, with
// others behind them. The slice is the caller's again when Append returns.
type Store interface {
	Append(ctx context.Context, samples []store.Sample) ([]store.Refusal, error)
}

// An Observer is told what has arrived and can be believed, whether the store
// takes it or not: a full disk must not silence an alarm. What the store refuses
// as past or in conflict is among it; so is, a second time, what a sender sends
// again because it was not acknowledged.
type Observer interface {
	// Observe is called from one goroutine, in the order of arrival. It must be
	// quick, and not keep the Readings of the Batch: their memory is used again.
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
	// at most 250 ms; 0 means 50 ms. The commit starts at once when 32 messages
	// wait, and takes all that have gathered while the one before was running.
	// More spares the disk some syncs and makes a lone sender wait.
	Every time.Duration

	// Past is the age beyond which readings are refused; 0 means DefaultPast.
	Past time.Duration

	// Late is the age beyond which readings are counted as late when they arrive:
	// they are stored, and nobody is paged for them. 0 means a minute.
	Late time.Duration

	// Known lists the series that a node may go on with after a restart: they
	// count towards MaxSeries. It is called once, beside the first messages. nil
	// counts from the start of Run.
	Known func(context.Context) ([]store.Series, error)
}

// An Ingest takes messages, tells and commits them. Create it with New, and Run
// it.
type Ingest struct {
	opts    Options
	decoder *Decoder // only used by tell
	told    group    // empty; memory for the next of tell
	queue   *queue   // what has arrived
	stock   *stock   // what of it has been told
	metrics *metrics
	quiet   *quiet.Log

	trouble    atomic.Pointer[trouble] // nil: the last commit has worked
	committing atomic.Pointer[time.Time]
}

// A trouble is why nothing is stored.
type trouble struct {
	err   error
	since time.Time
}

// New returns an Ingest that accepts deliveries at once and commits them when it
// runs.
func New(o Options) *Ingest {
	if o.Every <= 0 {
		o.Every = defaultEvery
	}
	o.Every = min(o.Every, maxEvery)
	o.Late = cmp.Or(o.Late, time.Minute)
	in := &Ingest{
		opts:    o,
		decoder: NewDecoder(o.Gate, o.Past),
		queue:   newQueue(),
		stock:   newStock(),
		quiet:   quiet.New(o.Log, time.Minute),
	}
	in.metrics = newMetrics(o.Registry, in)
	return in
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

// Failing returns why the store does not take the messages that wait now, and
// since when, or nil. A commit that has been running for 10 s is a reason too.
// It is safe for concurrent use.
func (in *Ingest) Failing() error {
	const ago = "the store has taken nothing for %v: %w"
	if t := in.trouble.Load(); t != nil {
		return fmt.Errorf(ago, time.Since(t.since).Round(time.Second), t.err)
	}
	if begun := in.committing.Load(); begun != nil && time.Since(*begun) >= slow {
		return fmt.Errorf(ago, time.Since(*begun).Round(time.Second), errSlow)
	}
	return nil
}

var (
	errSlow  = errors.New("a commit does not end; look at the disk, or at the server of the store")
	errGiven = errors.New("room was needed while the store fails; it is asked for again")
)

// Run tells the observers what is offered and commits it until ctx ends. Then it
// refuses offers, commits within 5 s what it had accepted, and returns nil. What
// cannot be kept is given back with an error to Done.
//
// While the store fails the same commit is tried again and again: nothing is
// acknowledged, nothing overtakes. The observers go on being told; when there is
// no room for more, the oldest messages are given back.
func (in *Ingest) Run(ctx context.Context) error {
	work, cancel := linger(ctx, drainTime)
	defer cancel()
	var others sync.WaitGroup
	others.Go(func() { in.commitAll(work) })
	others.Go(func() { in.relieve(ctx) })
	known := in.known(ctx, &others)
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case series := <-known:
			in.decoder.limit.count(series)
		case <-in.queue.wake:
			in.gather(ctx)
			in.tell()
		}
	}
	in.queue.close()
	in.tell()
	in.stock.close()
	others.Wait()
	return nil
}

// known asks aside for the series that are stored: with years of history that
// takes longer than the first agents wait.
func (in *Ingest) known(ctx context.Context, works *sync.WaitGroup) <-chan []store.Series {
	answer := make(chan []store.Series, 1)
	if in.opts.Known == nil {
		return answer
	}
	works.Go(func() {
		series, err := in.opts.Known(ctx)
		if err != nil && ctx.Err() == nil {
			in.opts.Log.Warn("the series of each node are counted from now on only", "err", err)
		}
		answer <- series
	})
	return answer
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

// tell decodes what waits, tells the observers, and passes it on to be
// committed.
func (in *Ingest) tell() {
	g := in.told
	for taken := in.queue.take(maxTaken); len(taken) > 0; taken = in.queue.take(maxTaken) {
		for _, w := range taken {
			d := in.decoder.Decode(w.Delivery, w.received)
			in.count(d)
			in.observe(d.Batch)
			g.messages = append(g.messages, told{w, len(d.Samples)})
			g.samples = append(g.samples, d.Samples...)
		}
		in.stock.put(g)
		g = g.emptied()
	}
	in.told = g
}

func (in *Ingest) observe(b Batch) {
	if b.isEmpty() {
		return
	}
	for _, o := range in.opts.Observers {
		o.Observe(b)
	}
}

// count counts what was rejected of one message, logs the first of a reason,
// and counts what comes late.
func (in *Ingest) count(d Decoded) {
	for _, r := range d.Rejected {
		in.reject(d.Batch.Site, d.Batch.Node, r)
	}
	lag := time.Duration(math.MaxInt64)
	for i := range d.Batch.Readings {
		age := d.Batch.Received.Sub(d.Batch.Readings[i].Time)
		if age > in.opts.Late {
			in.metrics.late.Inc()
		}
		lag = min(lag, age)
	}
	if len(d.Batch.Readings) > 0 {
		in.metrics.lag.Observe(max(lag, 0).Seconds())
	}
}

func (in *Ingest) reject(site string, node wire.Node, r Rejection) {
	in.metrics.rejected.WithLabelValues(r.Reason).Inc()
	in.quiet.Warn(string(node)+" "+r.Reason, "rejected", "site", site, "node", node,
		"reason", r.Reason, "detail", fmt.Sprintf("%.240s", r.Err))
}

// commitAll commits what was told, until there is nothing more to come. All that
// has gathered while a commit was running or failing is in the next.
func (in *Ingest) commitAll(ctx context.Context) {
	wait := firstRetry
	for g, ok := in.stock.take(); ok; g, ok = in.stock.take() {
		err := in.commit(ctx, g.samples)
		switch {
		case err == nil:
			wait = firstRetry
			in.finish(g.messages, nil)
			in.stock.reuse(g)
		case ctx.Err() != nil:
			in.opts.Log.Warn("messages given back, their senders send them again", "messages", len(g.messages), "err", err)
			in.finish(g.messages, err)
		default:
			in.stock.putBack(g)
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
			wait = min(2*wait, lastRetry)
		}
	}
}

// commit stores samples and counts what the store refuses.
func (in *Ingest) commit(ctx context.Context, samples []store.Sample) error {
	if len(samples) == 0 {
		return nil
	}
	start := time.Now()
	in.committing.Store(&start)
	refusals, err := in.opts.Store.Append(ctx, samples)
	in.committing.Store(nil)
	if err != nil {
		since := start
		if before := in.trouble.Load(); before != nil {
			since = before.since
		}
		in.trouble.Store(&trouble{err, since})
		in.metrics.failures.Inc()
		in.quiet.Warn("store", "commit failed, trying again; nothing is acknowledged meanwhile", "samples", len(samples), "err", err)
		return fmt.Errorf("store %d samples: %w", len(samples), err)
	}
	in.trouble.Store(nil)
	in.metrics.commits.Inc()
	in.metrics.duration.Observe(time.Since(start).Seconds())
	in.metrics.stored.Add(float64(len(samples) - len(refusals)))
	for _, f := range refusals {
		in.refused(samples[f.Index], f.Reason)
	}
	return nil
}

// refused counts a sample that the store will never keep. A refused count of
// faults is no rejection: after a restart the counts begin anew, and the same
// fault delivered again then carries another count than the one stored.
func (in *Ingest) refused(s store.Sample, reason string) {
	if s.Quantity == wire.QuantityFaults && reason == store.RefusedConflict {
		return
	}
	err := fmt.Errorf("%.120q of %s: the store refuses it", s.Name(), s.Time.Format(time.RFC3339))
	in.reject(s.Site, s.Node, Rejection{reason, err})
}

// finish ends the wait of messages.
func (in *Ingest) finish(messages []told, err error) {
	now := in.opts.Clock.Now()
	for _, m := range messages {
		m.Done(err)
		if err == nil {
			in.metrics.wait.Observe(now.Sub(m.received).Seconds() / in.opts.Clock.Speed())
		}
	}
	in.queue.release(messages)
}

// relieve makes room while the store fails, until ctx ends. The oldest quarter
// of the messages is given back: it has been told, and its senders keep it. What
// they send first when they are back is new.
func (in *Ingest) relieve(ctx context.Context) {
	tick := time.NewTicker(relieveTime)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if in.Failing() == nil || !in.queue.crowded() && !in.stock.full() {
			continue
		}
		given := in.stock.drop(in.queue.held() / 4)
		in.metrics.given.Add(float64(len(given)))
		in.quiet.Warn("given back", "messages given back while the store fails, their senders send them again", "messages", len(given))
		in.finish(given, errGiven)
	}
}
