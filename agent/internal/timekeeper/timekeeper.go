// Package timekeeper holds packs back that were stamped before the host knew the
// time, and stamps them once it does.
package timekeeper

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"thermarack/agent/internal/outbox"
)

// A Sink takes encoded packs, without blocking.
type Sink interface {
	Put(pack []byte)
}

// Options is what a Keeper is made of. All is needed but Limit.
type Options struct {
	Clocks   Clocks
	Interval time.Duration // of the grid of the stamps
	Next     Sink
	Log      *slog.Logger
	Limit    int // bytes of memory for what is held; 0 is outbox.DefaultLimit
}

// A Keeper is the sink between a sampler and its boxes.
//
// Until the time is known, see Clocks.Known, it holds what is put, at most Limit
// bytes of it, and drops the oldest beyond that. Then each pack gets the stamp that
// it would have got from the clock as it is now, on the grid, later than the one
// before, and goes on, in order. From then on the Keeper is not in the way: a clock
// that is set later is followed as it is. If it was right all along, no byte
// changes.
//
// A Keeper is safe for concurrent use.
type Keeper struct {
	Options
	began   time.Duration // by Clocks.Even
	settled chan struct{}

	mu      sync.Mutex
	phase   phase
	offline time.Duration // since began, when the host was last seen without an address
	before  time.Duration // the clock's offset at the last pack that came while the time was not known
	now     time.Duration // and when it became known
	last    time.Time     // the latest stamp that was given
	box     *outbox.Box   // nil when nothing is held
	marks   []mark        // of what is in the box, oldest first
	lost    uint64        // dropped by the box
}

// A phase is how far a Keeper is. They follow each other.
type phase int

const (
	holding   phase = iota // the time is not known
	releasing              // it is; what is held goes on
	settling               // nothing is held; a pack may still come that was stamped before
	passing                // there is none
)

// New returns a Keeper. If the time is known already it never holds anything.
func New(o Options) *Keeper {
	k := &Keeper{Options: o, began: o.Clocks.Even(), before: o.Clocks.offset(), settled: make(chan struct{})}
	if o.Clocks.Known() {
		k.phase = passing
		close(k.settled)
		return k
	}
	k.box = outbox.New(o.Limit)
	return k
}

// Settled returns a channel that is closed when the time is known, or after 15 s:
// who needs the time need not wait longer, for it may never come.
func (k *Keeper) Settled() <-chan struct{} { return k.settled }

// Held returns how many packs wait for the time, and how many were lost because
// they were too many.
func (k *Keeper) Held() (waiting int, dropped uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.marks), k.lost
}

// Put holds a pack or passes it on. One that cannot be read is logged and lost.
func (k *Keeper) Put(pack []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.phase == passing {
		k.Next.Put(pack)
		return
	}
	m, current, err := k.mark(pack)
	switch {
	case err != nil:
		k.Log.Error("pack lost that came before the time is known", "err", err)
	case k.phase == settling && current:
		k.phase = passing
		k.Next.Put(pack)
	case k.phase == settling:
		m.to = k.after(m)
		k.pass(pack, m)
	case k.phase == releasing:
		m.to = k.after(m)
		k.hold(pack, m)
	default:
		k.hold(pack, m)
	}
}

// late is how long after its stamp a pack may come, beside an interval: the longest
// that a sampler waits for its sensors.
const late = 20 * time.Second

// mark returns what to remember of a pack, but where to. current is false if it
// was stamped before the clock was set: it would come too early or too late for
// its stamp.
func (k *Keeper) mark(pack []byte) (m mark, current bool, err error) {
	stamp, _, err := stampOf(pack)
	if err != nil {
		return mark{}, false, err
	}
	now := k.Clocks.offset()
	prompt := func(offset time.Duration) bool {
		age := k.Clocks.Even() + offset - time.Duration(stamp.UnixNano())
		return age >= -time.Second && age <= k.Interval+late
	}
	m = mark{stamp: stamp, offset: now}
	current = prompt(now)
	if !current && prompt(k.before) {
		m.offset = k.before
	}
	if k.phase == holding {
		k.before = now
	}
	return m, current, nil
}

// hold puts a pack into the box.
func (k *Keeper) hold(pack []byte, m mark) {
	k.box.Put(pack)
	k.marks = append(k.marks, m)
	k.marks = k.marks[k.box.Dropped()-k.lost:]
	k.lost = k.box.Dropped()
}

// after returns the stamp of a pack that comes once the time is known.
func (k *Keeper) after(m mark) time.Time {
	to := m.right(k.now, k.Interval)
	if !to.After(k.last) {
		to = k.last.Add(k.Interval)
	}
	k.last = to
	return to
}

// pass gives a pack its stamp and passes it on.
func (k *Keeper) pass(pack []byte, m mark) {
	pack, err := Restamp(pack, m.to)
	if err != nil {
		k.Log.Error("pack lost that came before the time was known", "err", err)
		return
	}
	k.Next.Put(pack)
}

// look is how often the clock is looked at until it can be believed.
const look = time.Second

// Run waits until the time is known, passes on what is held, and returns nil; or
// when ctx is done. What is held then is lost: without the time nobody can use it.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for first := true; k.unknown(); first = false {
		if first {
			k.Log.Info("the time is not known yet; readings wait for it", "clock", k.Clocks.Wall().UTC())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
	for k.release() { // one by one, so that no sampler waits for all of them
	}
	return nil
}

// unknown looks at the clock and tells whether the time is still not known.
func (k *Keeper) unknown() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.phase != holding {
		return false
	}
	waited := k.Clocks.Even() - k.began
	if !k.Clocks.Online() {
		k.offline = waited
	}
	known := k.Clocks.knownAfter(waited, waited-k.offline)
	if known {
		k.know(waited)
	}
	if known || waited >= patience {
		k.settle()
	}
	return !known
}

// know stamps what is held. The caller holds mu.
func (k *Keeper) know(waited time.Duration) {
	k.now = k.Clocks.offset()
	k.phase = releasing
	setRight(k.marks, k.now, k.Interval)
	if n := len(k.marks); n > 0 {
		k.last = k.marks[n-1].to
	}
	k.Log.Info("the time is known", "clock", k.Clocks.Wall().UTC(), "after", waited.Round(time.Second),
		"held", len(k.marks), "dropped", k.lost)
}

// settle lets go who waits for Settled. The caller holds mu.
func (k *Keeper) settle() {
	select {
	case <-k.settled:
	default:
		if k.phase == holding {
			why := "the host has no address to ask a time server from, so nothing is published yet: look at its network"
			if k.Clocks.unset() {
				why = "the clock was never set, so nothing is published: look for a time server, or set it"
			}
			k.Log.Warn(why, "clock", k.Clocks.Wall().UTC())
		}
		close(k.settled)
	}
}

// release passes on the oldest pack that is held, and returns false when there is
// none any more. Packs may come between two of its calls.
func (k *Keeper) release() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.phase != releasing:
		return false
	case len(k.marks) == 0:
		k.phase, k.box, k.marks = settling, nil, nil
		return false
	}
	id, pack, _ := k.box.Next() // never out of reach: the one before was acknowledged
	k.pass(pack, k.marks[0])
	k.box.Ack(id)
	k.marks = k.marks[1:]
	return true
}
