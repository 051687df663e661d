package watch

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/alerts"
	"thermarack/collector/internal/rack"
)

const (
	looks     = 30                     // how often is looked until a silence is told
	leastLook = time.Second            // between two looks, on the program's clock
	leastTick = 100 * time.Millisecond // between two looks, of the world's time
	pauses    = 10                     // looks that are missing when nobody was there to hear
)

// A silence is what must be remembered of who speaks.
type silence struct {
	every time.Duration // between two looks
	pause time.Duration // without a look after which nobody was there
	since time.Time     // since when whoever spoke would have been heard
	last  time.Time     // look
	next  time.Time     // look of Advance
	round uint64        // number of the last look
	swept bool          // see sweep

	agents   map[wire.Node]*agent
	left     []*agent          // their places with this look
	crowds   map[string]*crowd // by shelf id
	switches map[wire.Node]*agent
}

// An agent is what must be remembered of a Pi that speaks, or of a switch.
type agent struct {
	place   rack.Place
	node    wire.Node
	hush    alerts.Hush
	first   time.Time  // when it had spoken when it was first looked at
	spoke   bool       // since then
	round   uint64     // of the last look that found it in its place
	told    bool       // its silence is told
	before  bool       // it was told before our start
	power   powerState // what was told with it
	settled bool       // it was told that it speaks
}

// A crowd is what must be remembered of the agents of a shelf.
type crowd struct {
	shelf *layout.Shelf
	state alerts.CrowdState
	since time.Time // since when its silence lasts, while that is told
}

func newSilence(o Options) silence {
	every := max(leastLook, min(o.Rules.Silent, o.Rules.SwitchSilent)/looks)
	tick := time.Duration(float64(leastTick) * o.Clock.Speed())
	return silence{
		every: every, pause: pauses * max(every, tick),
		agents: map[wire.Node]*agent{}, crowds: map[string]*crowd{}, switches: map[wire.Node]*agent{},
	}
}

// Run looks again and again who has fallen silent, which no message tells, until
// ctx ends. It returns nil.
func (w *Watch) Run(ctx context.Context) error {
	wait := time.Duration(float64(w.silence.every) / w.options.Clock.Speed())
	tick := time.NewTicker(max(wait, leastTick))
	defer tick.Stop()
	for {
		w.Tick(w.options.Clock.Now())
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Advance lets the time of a recording pass until now: it looks as often as Run
// would. Where nothing was recorded for very long it stops when everybody is
// silent.
func (w *Watch) Advance(now time.Time) {
	s := &w.silence
	end := s.last.Add(3 * max(w.options.Rules.Silent, w.options.Rules.SwitchSilent))
	for !s.last.IsZero() && !s.next.After(now) && s.next.Before(end) {
		w.Tick(s.next)
		s.next = s.next.Add(s.every)
	}
	if s.last.IsZero() || !s.next.After(now) {
		w.Tick(now)
		s.next = now.Truncate(s.every).Add(s.every)
	}
}

// Tick looks who has been silent for too long at now. The first look, and the
// first after a while in which nobody was there to hear, begins the wait: what was
// missed then is nobody's silence.
func (w *Watch) Tick(now time.Time) {
	w.judging(func() []Change { return w.look(now.Round(0)) })
}

// look judges everybody. w.mu is held.
func (w *Watch) look(now time.Time) []Change {
	s := &w.silence
	hears := w.options.Hears == nil || w.options.Hears()
	if !hears || s.last.IsZero() || now.Sub(s.last) > s.pause || s.since.After(now) {
		s.since = now
	}
	s.last = now
	if !hears {
		return nil
	}
	s.round++
	changes := w.judgeShelves(now, w.hearAgents(now))
	changes = append(w.departed(now), changes...)
	changes = append(changes, w.judgeSwitches(now)...)
	return append(changes, w.sweep(now)...)
}

// hearAgents steps every agent and gathers them by their shelf's id.
func (w *Watch) hearAgents(now time.Time) map[string]*gathering {
	shelves := map[*layout.Shelf]*gathering{}
	byID := map[string]*gathering{}
	rule := w.options.Rules.Agent()
	for _, a := range w.options.Places.Agents() {
		one := w.agent(a)
		one.hush = rule.Step(one.hush, now, alerts.Heard{Spoke: a.Spoke, Gone: a.Gone, Since: w.silence.since})
		g := shelves[a.Shelf]
		if g == nil {
			g = &gathering{shelf: a.Shelf}
			shelves[a.Shelf], byID[a.Shelf.ID()] = g, g
		}
		one.spoke = one.spoke || !a.Spoke.Equal(one.first)
		g.add(one)
	}
	return byID
}

// agent returns what is remembered of a Pi in its place: nothing of another place.
func (w *Watch) agent(a rack.Agent) *agent {
	s := &w.silence
	one := s.agents[a.Node]
	if one != nil && (one.place.Slot != a.Slot || one.place.Shelf != a.Shelf && one.place.Shelf.ID() != a.Shelf.ID()) {
		s.left = append(s.left, one)
		one = nil
	}
	if one == nil {
		one = &agent{node: a.Node, first: a.Spoke, place: a.Place}
		one.before = w.options.Fired != nil && w.options.Fired(w.aboutAgent(one, "", 0))
		s.agents[a.Node] = one
	}
	one.place, one.round = a.Place, s.round
	return one
}

// departed ends what was told of Pis that stand no more where they were.
func (w *Watch) departed(now time.Time) (changes []Change) {
	s := &w.silence
	for node, one := range s.agents {
		if one.round != s.round {
			delete(s.agents, node)
			s.left = append(s.left, one)
		}
	}
	slices.SortFunc(s.left, func(a, b *agent) int { return cmp.Compare(a.node, b.node) })
	for _, one := range s.left {
		changes = append(changes, w.leave(now, one)...)
	}
	s.left = nil
	return changes
}

// leave ends what was told of a Pi in a place: that it is silent, or hot.
func (w *Watch) leave(now time.Time, one *agent) (changes []Change) {
	words := standsNoMore(one.place.Shelf.ID(), one.place.Slot)
	if one.told {
		changes = w.remove(silentKey(one), now, w.aboutAgent(one, words, 0))
	}
	soc := wire.Reading{Device: one.node.Device("soc"), Quantity: wire.QuantityTemperature}
	k := key{alert: alerts.SocTemperature, severity: alerts.Warning, subject: soc.Name()}
	if w.active[k].isAt(one.place.Shelf.ID(), one.place.Slot) {
		delete(w.states, k)
		changes = append(changes, w.remove(k, now, w.about(one.place, k.alert, k.severity, words, 0))...)
	}
	return changes
}

func standsNoMore(shelf string, slot int) string {
	return fmt.Sprintf("%s slot %d: its Pi stands there no more", shelf, slot)
}

// sweep tells once, when everybody had the time to speak, what is silent no more
// because nobody is expected there now: a Pi or a whole shelf that was silent before
// a restart and was taken out of the layout's shelves since.
func (w *Watch) sweep(now time.Time) (changes []Change) {
	s := &w.silence
	if s.swept || now.Sub(s.since) < w.options.Rules.Silent {
		return nil
	}
	s.swept = true
	taken := map[rack.Spot]bool{}
	for _, one := range s.agents {
		taken[rack.Spot{Shelf: one.place.Shelf.ID(), Slot: one.place.Slot}] = true
	}
	all := w.options.Places.Layout().Shelves
	for i := range all {
		id := all[i].ID()
		if c := s.crowds[id]; c == nil || !c.state.Firing {
			g := gathering{shelf: &all[i]}
			changes = append(changes, Change{now, Settled, w.aboutCrowd(&g, id+": its agents speak")})
		}
		for _, slot := range all[i].Slots {
			if !taken[rack.Spot{Shelf: id, Slot: slot.Number}] {
				one := &agent{place: rack.Place{Shelf: &all[i], Slot: slot.Number}}
				changes = append(changes, Change{now, Settled, w.aboutAgent(one, fmt.Sprintf("%s: no agent is expected", one.place), 0)})
			}
		}
	}
	return changes
}

// judgeSwitches tells which switches have not answered for too long.
func (w *Watch) judgeSwitches(now time.Time) (changes []Change) {
	answers := w.options.Places.Answers()
	slices.SortFunc(answers, func(a, b rack.Answer) int { return cmp.Compare(a.Name, b.Name) })
	for _, a := range answers {
		one := w.silence.switches[a.MAC]
		if one == nil {
			one = &agent{node: a.MAC, first: a.Spoke}
			w.silence.switches[a.MAC] = one
		}
		one.place = rack.Place{Shelf: a.Shelves[0], Switch: a.Switch}
		one.hush = w.options.Rules.Switch().Step(one.hush, now, alerts.Heard{Spoke: a.Spoke, Since: w.silence.since})
		changes = append(changes, w.judgeSwitch(one, now, a.Spoke)...)
	}
	return changes
}

func (w *Watch) judgeSwitch(one *agent, now, spoke time.Time) []Change {
	k := key{alerts.PoEFault, alerts.Warning, string(one.node), causeUnanswered}
	since := one.hush.Spoke
	if since.IsZero() {
		since = w.silence.since // it has not answered yet
	}
	tell := func(words string) Active {
		return w.aboutPoE(one.place, k, one.place.Switch.Name+" "+words, now.Sub(since).Seconds())
	}
	switch {
	case one.hush.Silent && !one.told:
		one.told = true
		words := fmt.Sprintf("has not answered for %s: no watts are known of %s", span(now.Sub(since)), shelvesOf(one.place.Switch))
		return []Change{{now, Fired, w.put(k, since, "firing", tell(words))}}
	case !one.hush.Silent && one.told:
		one.told = false
		return w.remove(k, now, tell("answers again"))
	case !one.hush.Silent && !one.settled && !spoke.Equal(one.first):
		one.settled = true
		return []Change{{now, Settled, tell("answers")}}
	}
	return nil
}
