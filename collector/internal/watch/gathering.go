package watch

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"thermarack/agent/wire/layout"
	"thermarack/alerts"
	"thermarack/collector/internal/rack"
)

// A gathering is how it stands with the agents of a shelf at one look.
type gathering struct {
	shelf  *layout.Shelf
	all    int
	silent []*agent
	others []*agent // of whom something must be told: that they speak

	crowd alerts.Crowd // without those whose silence is told one by one
}

// add counts an agent.
func (g *gathering) add(one *agent) {
	g.all++
	if one.hush.Silent {
		g.silent = append(g.silent, one)
	} else if one.told || one.spoke && !one.settled {
		g.others = append(g.others, one)
	}
	if one.hush.Silent && (one.told || one.before) {
		return // it did not fall silent with the others
	}
	g.crowd.All++
	if one.hush.Late {
		g.crowd.Late++
	}
	if one.hush.Silent {
		g.crowd.Silent++
	}
}

// judgeShelves tells of the silent agents of every shelf.
func (w *Watch) judgeShelves(now time.Time, shelves map[string]*gathering) (changes []Change) {
	for id, c := range w.silence.crowds {
		if shelves[id] == nil { // nobody stands there any more
			shelves[id] = &gathering{shelf: c.shelf}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(shelves)) {
		changes = append(changes, w.judgeCrowd(now, id, shelves[id])...)
	}
	return changes
}

// judgeCrowd tells of the silent agents of one shelf, as one or one by one. What
// ends is told before what begins.
func (w *Watch) judgeCrowd(now time.Time, id string, g *gathering) []Change {
	one := w.silence.crowds[id]
	if one == nil {
		one = &crowd{}
		w.silence.crowds[id] = one
	}
	one.shelf = g.shelf
	var change alerts.Change
	one.state, change = w.options.Rules.Agent().StepCrowd(one.state, now, g.crowd)
	bySlot := func(a, b *agent) int { return cmp.Compare(a.place.Slot, b.place.Slot) }
	slices.SortFunc(g.silent, bySlot)
	slices.SortFunc(g.others, bySlot)
	changes := w.tellSpeaking(now, g.others)
	if change != alerts.None || one.state.Firing {
		changes = append(changes, w.tellCrowd(now, change, one, g)...)
	}
	return append(changes, w.tellSilent(now, g.silent, one.state.Hold)...)
}

// tellSpeaking ends what was told of agents that speak.
func (w *Watch) tellSpeaking(now time.Time, speaking []*agent) (changes []Change) {
	for _, one := range speaking {
		a := w.aboutAgent(one, fmt.Sprintf("%s: its agent speaks", one.place), 0)
		if one.told {
			changes = append(changes, w.remove(silentKey(one), now, a)...)
		} else {
			changes = append(changes, Change{now, Settled, a})
		}
		one.told, one.before, one.settled = false, false, true
	}
	return changes
}

// tellSilent tells of agents that are silent one by one, unless they are held back,
// and what is new of those that were told.
func (w *Watch) tellSilent(now time.Time, silent []*agent, hold bool) (changes []Change) {
	for _, one := range silent {
		if hold && !one.told && !one.before {
			continue
		}
		power := w.supplied(one.place, now)
		if one.told && one.power == power.state {
			continue
		}
		silence := now.Sub(one.hush.Spoke)
		a := w.aboutAgent(one, power.explain(one.place, span(silence)), silence.Seconds())
		e := Updated
		if !one.told {
			e = Fired
		}
		one.told, one.power, one.settled = true, power.state, true
		changes = append(changes, Change{now, e, w.put(silentKey(one), one.hush.Spoke, "firing", a)})
	}
	return changes
}

func silentKey(one *agent) key {
	return key{alert: alerts.AgentSilent, severity: alerts.Warning, subject: string(one.node)}
}

func (w *Watch) aboutAgent(one *agent, summary string, value float64) Active {
	return w.about(one.place, alerts.AgentSilent, alerts.Warning, summary, value)
}

// tellCrowd tells of the silence of a whole shelf.
func (w *Watch) tellCrowd(now time.Time, change alerts.Change, one *crowd, g *gathering) []Change {
	k := key{alert: alerts.ShelfSilent, severity: alerts.Critical, subject: g.shelf.ID()}
	if change == alerts.Resolved {
		words := fmt.Sprintf("%s: %d of %d agents speak", g.shelf.ID(), g.all-len(g.silent), g.all)
		return w.remove(k, now, w.aboutCrowd(g, words))
	}
	words := fmt.Sprintf("%s: %d of %d agents are silent, %s", g.shelf.ID(), len(g.silent), g.all, w.powerOf(g.silent, now))
	a := w.aboutCrowd(g, words)
	if change == alerts.Fired {
		one.since = time.Time{}
		for _, silent := range g.silent {
			if !silent.told && !silent.before && silent.hush.Spoke.After(one.since) {
				one.since = silent.hush.Spoke // since then nobody of them did
			}
		}
		return []Change{{now, Fired, w.put(k, one.since, "firing", a)}}
	}
	w.put(k, one.since, "firing", a)
	return nil
}

func (w *Watch) aboutCrowd(g *gathering, summary string) Active {
	return w.about(rack.Place{Shelf: g.shelf}, alerts.ShelfSilent, alerts.Critical, summary, float64(len(g.silent)))
}
