package placement

import (
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/poe"
)

// Racks are told where the Pis stand, and know which nodes report.
type Racks interface {
	// PlacePis makes a result what is in force. It is not changed afterwards.
	PlacePis(Result)

	// Reported tells whether a node has ever reported to us.
	Reported(wire.Node) bool
}

// A Journal remembers who stood where.
type Journal interface {
	// Placed returns what was noted last. It must not be changed.
	Placed() Nodes

	// Place notes what holds from a time on, and returns when it is on disk.
	Place(at time.Time, nodes Nodes) error
}

// Options say what a Keeper is made of.
type Options struct {
	Layout   *layout.Layout // of the file
	Racks    Racks
	Journal  Journal
	Log      *slog.Logger          // nil: discarded
	Registry prometheus.Registerer // nil: nobody scrapes
}

// A Keeper keeps every Pi in the slot where the switches show it. It is safe for
// concurrent use.
type Keeper struct {
	plan    *Plan
	racks   Racks
	journal Journal
	log     *slog.Logger

	conflicts prometheus.Gauge
	failures  prometheus.Counter

	mu      sync.Mutex
	answers map[string]Answer // the newest of each switch, by its name in the layout
	placed  Nodes             // in force
	due     bool              // something is not yet taken in
	placing time.Duration     // how long it took the last time
	done    time.Time         // when that ended
	unkept  bool              // the journal lacks some of it

	restless bool // see Result
}

// NewKeeper returns a Keeper that has heard of no switch yet. What the journal
// knew last is in force when it returns.
func NewKeeper(o Options) *Keeper {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	k := &Keeper{
		plan: NewPlan(o.Layout), racks: o.Racks, journal: o.Journal, log: o.Log,
		conflicts: promauto.With(o.Registry).NewGauge(prometheus.GaugeOpts{
			Name: "thermarack_placement_conflicts", Help: "Contradictions about where a Pi stands, each listed with both its sides.",
		}),
		failures: promauto.With(o.Registry).NewCounter(prometheus.CounterOpts{
			Name: "thermarack_placement_write_failures_total", Help: "Changes of where Pis stand that could not be written to disk; the next answer of a switch tries again.",
		}),
		answers: map[string]Answer{}, placed: o.Journal.Placed(),
	}
	k.racks.PlacePis(Result{Nodes: k.placed})
	return k
}

// Of a fleet that is large, all Pis together are placed anew for at most a part of
// the time: when 500 switches are polled for the first time, each answer is news.
const (
	large   = 2000 // Pis
	respite = 20   // times as long as placing has taken
)

// Seen takes in what a switch of the layout answered at a time, and says at once
// where its Pis stand; in a large fleet that may be left to one of the next calls,
// which says it of all. It is called after each good answer, and not after a bad
// one: what a switch that is away said last still counts. An answer that is older
// than one before, and one of a switch that the layout does not have, are left out.
func (k *Keeper) Seen(name string, s poe.Switch, at time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	before, again := k.answers[name]
	if _, known := k.plan.layout.Switch(name); !known || again && at.Before(before.at) {
		return
	}
	now := NewAnswer(name, s, at, k.isPi)
	if again {
		now = now.After(before)
	}
	k.answers[name] = now
	k.due = k.due || !again || !now.sameAs(before)
	if !k.due && !k.restless && !k.unkept {
		return // as nearly always
	}
	if len(k.placed) > large && time.Since(k.done) < respite*k.placing {
		return
	}
	begun := time.Now()
	k.place(at)
	k.due, k.done = false, time.Now()
	k.placing = k.done.Sub(begun)
}

// place says where the Pis stand. k.mu is held.
func (k *Keeper) place(at time.Time) {
	result := k.plan.Place(k.answers, k.placed)
	k.keep(at, result.Nodes)
	k.placed, k.restless = result.Nodes, result.restless
	k.conflicts.Set(float64(len(result.Conflicts)))
	k.racks.PlacePis(result)
}

// keep notes on disk where the Pis stand. k.mu is held.
func (k *Keeper) keep(at time.Time, nodes Nodes) {
	err := k.journal.Place(at, nodes)
	switch {
	case err != nil:
		k.failures.Inc()
		if !k.unkept {
			k.log.Error("where Pis stand is not kept, trying again with the next answer of a switch", "err", err)
		}
	case k.unkept:
		k.log.Info("where Pis stand is kept again")
	}
	k.unkept = err != nil
}

// isPi tells whether a MAC address is one of a Pi's.
func (k *Keeper) isPi(node wire.Node) bool {
	return !k.plan.switches[node] && (HasPiPrefix(node) || k.racks.Reported(node))
}
