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

	mu     sync.Mutex
	board  *board
	unkept bool // the journal lacks some of what is in force
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
	}
	k.board = newBoard(k.plan, o.Journal.Placed())
	k.racks.PlacePis(k.board.result())
	return k
}

// Seen takes in what a switch of the layout answered at a time, and says at once
// where its Pis stand. It is called after each good answer, and not after a bad
// one: what a switch that is away said last still counts. An answer that is a
// little older than one before, and one of a switch that the layout does not have,
// are left out.
func (k *Keeper) Seen(name string, s poe.Switch, at time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	before, again := k.board.answers[name]
	if _, known := k.plan.layout.Switch(name); !known || again && isLate(at, before.at) {
		return
	}
	now := NewAnswer(name, s, at, k.isPi)
	if again {
		now = now.After(before)
	}
	changed := k.board.take(name, now)
	if !changed && !k.unkept {
		return // as nearly always
	}
	result := k.board.result()
	k.keep(at, result.Nodes)
	if changed {
		k.conflicts.Set(float64(len(result.Conflicts)))
		k.racks.PlacePis(result)
	}
}

// setBack is how much older than the one before an answer must be for our clock to
// have been set back meanwhile.
const setBack = time.Minute

// isLate tells whether an answer came after one that is newer.
func isLate(at, newest time.Time) bool {
	return at.Before(newest) && newest.Sub(at) < setBack
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
	return !k.plan.switches[node] && (poe.IsPi(node) || k.racks.Reported(node))
}
