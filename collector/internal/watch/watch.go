// Package watch runs the alert rules over what has been stored and keeps what
// is pending and firing.
package watch

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"thermarack/agent/wire"
	"thermarack/agent/wire/clock"
	"thermarack/agent/wire/layout"
	"thermarack/alerts"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/rack"
)

// Places knows where a reading belongs, and who has spoken.
type Places interface {
	Place(device, quantity string) (p rack.Place, ok bool)
	Layout() *layout.Layout
	Agents() []rack.Agent
	Answers() []rack.Answer
}

// An Event says what happened to an alert.
type Event string

// The events of one alert, in order.
const (
	Fired    Event = "fired"
	Updated  Event = "updated" // once a minute while a fan alert fires, and when the reason of an agent's silence has become another
	Resolved Event = "resolved"

	// Settled is the first sample of a series on the good side of its clear
	// level since our start: an alert that fired before a restart, and that we
	// know nothing of, has ended. It is for the pager only.
	Settled Event = "settled"
)

// A Change is one event of one alert, on the time of the readings.
type Change struct {
	At    time.Time
	Event Event
	Active
}

// Options say what a Watch is made of.
type Options struct {
	Places   Places
	Rules    alerts.Rules
	Late     time.Duration // readings that arrive later than this are history: they never page
	OnChange func(Change)  // called in order, one at a time; must not block

	Clock clock.Clock // of Run
	Hears func() bool // whether what is sent reaches us, asked with each tick; nil: always

	// Fired tells whether an alert fired before our start and nobody was told that it
	// has ended; see Ledger. It is called between calls of OnChange; nil: none did.
	Fired func(Active) bool
}

// A Watch is safe for concurrent use. It is an ingest.Observer.
type Watch struct {
	options Options
	turn    sync.Mutex // held while something is judged and told: before mu

	mu      sync.RWMutex
	states  map[key]alerts.State
	known   map[key]bool   // whether the pager knows how it stands: fired, resolved or settled since our start
	active  map[key]Active // pending and firing ones
	shelves map[string]*shelf
	touched bool      // active has changed since watchers were told
	clock   time.Time // when the newest message was received

	ports    map[string]*port   // of switches, those that feed a slot, by device
	supplies map[string]*supply // of switches that feed a shelf, by device
	silence  silence

	watchers map[chan struct{}]bool
}

// A key names one watched series of one alert.
type key struct {
	alert, severity string
	subject         string // record name, device, node or shelf id
	cause           string // see Active
}

// New returns a Watch that has seen nothing.
func New(o Options) *Watch {
	return &Watch{
		options: o,
		states:  map[key]alerts.State{},
		known:   map[key]bool{},
		active:  map[key]Active{},
		shelves: map[string]*shelf{},

		ports:    map[string]*port{},
		supplies: map[string]*supply{},
		silence:  newSilence(o),

		watchers: map[chan struct{}]bool{},
	}
}

// Active returns what is pending or firing: critical before warning, firing
// before pending, then the oldest first.
func (w *Watch) Active() []Active {
	w.mu.RLock()
	defer w.mu.RUnlock()
	list := make([]Active, 0, len(w.active))
	for _, a := range w.active {
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b Active) int {
		return cmp.Or(
			cmp.Compare(a.Severity, b.Severity), // "critical" < "warning"
			cmp.Compare(a.State, b.State),       // "firing" < "pending"
			a.Since.Compare(b.Since),
			cmp.Compare(a.ID, b.ID),
		)
	})
	return list
}

// Watch returns a channel that gets a value after a change of Active; one that
// nobody waits for is dropped, so a slow reader hears once of several. cancel
// ends it.
func (w *Watch) Watch() (changed <-chan struct{}, cancel func()) {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watchers[c] = true
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.watchers, c)
	}
}

// Observe judges the readings of one stored message.
func (w *Watch) Observe(b ingest.Batch) {
	w.judging(func() []Change { return w.judgeBatch(b) })
}

// judging runs judge, which is told w.mu is held, and tells what it finds.
func (w *Watch) judging(judge func() []Change) {
	w.turn.Lock()
	defer w.turn.Unlock()
	w.mu.Lock()
	changes := judge()
	w.tell()
	w.mu.Unlock()
	for _, c := range changes {
		w.options.OnChange(c)
	}
}

// judgeBatch judges the readings of one message. w.mu is held.
func (w *Watch) judgeBatch(b ingest.Batch) (changes []Change) {
	w.follow(b.Received)
	var whole touched
	for _, r := range b.Readings {
		if r.Text != "" || b.Received.Sub(r.Time) > w.options.Late {
			continue
		}
		place, ok := w.options.Places.Place(r.Device, r.Quantity)
		switch {
		case !ok:
		case place.Fan != nil:
			w.takeFan(place, r)
			whole.note(place.Shelf).fans = true
		case place.Supply != 0 && place.Switch.MAC == b.Node:
			whole.noteSupply(w.takeSupply(place, r))
		case place.Switch != nil && place.Switch.MAC == b.Node:
			changes = append(changes, w.takePort(place, r)...)
		case r.Quantity == wire.QuantityTemperature:
			changes = append(changes, w.judge(place, r)...)
			if place.Probe != nil && place.Probe.Face == layout.Hot {
				w.takeHot(place, r)
				whole.note(place.Shelf).hot = true
			}
		}
	}
	// A shelf as a whole is judged when all of the message is known: two fans that
	// start together are not told one after the other, and no mean is taken of
	// new and old values.
	for _, t := range whole {
		changes = append(changes, w.judgeWhole(t)...)
	}
	return changes
}

// judge holds one temperature against the limits of its place. w.mu is held.
func (w *Watch) judge(p rack.Place, r wire.Reading) []Change {
	limits := p.Shelf.Limits
	switch {
	case p.Probe != nil && p.Probe.Face == layout.Cold:
		return w.judgeProbe(p, r, alerts.InletTemperature, limits.Inlet)
	case p.Probe != nil && p.Probe.Face == layout.Hot:
		return w.judgeProbe(p, r, alerts.HotTemperature, limits.Hot)
	case p.Probe == nil && wire.DevicePart(r.Device) == "soc":
		k := key{alert: alerts.SocTemperature, severity: alerts.Warning, subject: r.Name()}
		return w.step(held{k, w.options.Rules.Temperature(limits.SoC), r.Value, r.Time}, func() Active {
			summary := fmt.Sprintf("%s: SoC at %.1f °C, limit %g °C", p, r.Value, limits.SoC)
			return w.about(p, k.alert, k.severity, summary, r.Value)
		})
	}
	return nil
}

func (w *Watch) judgeProbe(p rack.Place, r wire.Reading, alert string, limit float64) []Change {
	value := r.Value + p.Probe.Offset
	k := key{alert: alert, severity: alerts.Warning, subject: r.Name()}
	return w.step(held{k, w.options.Rules.Temperature(limit), value, r.Time}, func() Active {
		summary := fmt.Sprintf("%s: %s air at %.1f °C, limit %g °C", p, p.Probe.Face, value, limit)
		return w.about(p, k.alert, k.severity, summary, value)
	})
}

func (w *Watch) about(p rack.Place, alert, severity, summary string, value float64) Active {
	a := Active{
		Alert: alert, Severity: severity, Summary: summary, Value: value,
		Site: p.Shelf.Site, Rack: p.Shelf.Rack, Shelf: p.Shelf.Name, Slot: p.Slot,
	}
	if p.Probe != nil {
		a.Probe = p.Probe.Name
	}
	return a
}

// A held value is one that is held against a threshold.
type held struct {
	key   key
	rule  alerts.Threshold
	value float64
	at    time.Time
}

// step runs a threshold and keeps the list of what is active. It
// asks for a description where there is something to tell, which of nearly every
// reading there is not.
func (w *Watch) step(h held, describe func() Active) []Change {
	k, at := h.key, h.at
	state, change := h.rule.Step(w.states[k], at, h.value)
	w.states[k] = state
	quiet := change == alerts.None && state.Since.IsZero()
	if quiet && (w.known[k] || !h.rule.Clears(h.value)) {
		return nil
	}
	a := describe()
	switch {
	case quiet:
		return w.settle(k, at, a)
	case change == alerts.Ended || change == alerts.Resolved:
		return w.remove(k, at, a)
	case state.Pending():
		w.put(k, state.Since, "pending", a)
		return nil
	}
	var changes []Change
	if was := w.active[k]; was.State == "firing" && !was.isAt(a.ShelfID(), a.Slot) { // its Pi was replugged
		changes = w.remove(k, at, Active{Summary: standsNoMore(was.ShelfID(), was.Slot), Value: was.Value})
		change = alerts.Fired
	}
	a = w.put(k, state.Since, "firing", a)
	if change == alerts.Fired {
		changes = append(changes, Change{at, Fired, a})
	}
	return changes
}

// settle tells once that an alert does not fire, if nothing was told of it yet.
func (w *Watch) settle(k key, at time.Time, a Active) []Change {
	if w.known[k] {
		return nil
	}
	w.known[k] = true
	return []Change{{at, Settled, a}}
}

// put notes an alert as active; while it lasts its ID and Since stay.
func (w *Watch) put(k key, since time.Time, state string, a Active) Active {
	hash := fnv.New64a()
	fmt.Fprint(hash, k.alert, k.severity, k.subject, k.cause, since.UnixMilli())
	a.ID = fmt.Sprintf("%016x", hash.Sum64())
	a.Since, a.State = since, state
	w.known[k] = w.known[k] || state == "firing"
	if w.active[k] != a {
		w.active[k] = a
		w.touched = true
	}
	return a
}

// remove ends an alert, and returns the change if it had fired.
func (w *Watch) remove(k key, at time.Time, now Active) []Change {
	was, ok := w.active[k]
	if !ok {
		return nil
	}
	delete(w.active, k)
	w.touched = true
	if was.State != "firing" {
		return nil
	}
	was.Summary, was.Value = now.Summary, now.Value
	return []Change{{at, Resolved, was}}
}

// tell wakes who waits for a change. w.mu is held.
func (w *Watch) tell() {
	if !w.touched {
		return
	}
	w.touched = false
	for c := range w.watchers {
		select {
		case c <- struct{}{}:
		default: // a value waits already
		}
	}
}
