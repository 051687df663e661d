package watch

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"thermarack/agent/wire"
	"thermarack/alerts"
	"thermarack/collector/internal/poe"
	"thermarack/collector/internal/rack"
)

// The causes of a PoEFault.
const (
	causeFault      = "fault"      // of a port: it says so itself
	causeDenied     = "denied"     // of a port: it wanted more than there is
	causeOverload   = "overload"   // of a port
	causeShort      = "short"      // of a port
	causeFlapping   = "flapping"   // of a port: it goes on and off
	causeUsage      = "usage"      // of a power supply
	causeSupply     = "supply"     // of a power supply: it is off or faulty
	causeUnanswered = "unanswered" // of a switch
)

// A port is what must be remembered of a switch port that feeds a slot.
type port struct {
	status, power wire.Reading // the newest
	counts        [3]alerts.Grown
	flap          alerts.Flap
	settled       [4]bool // of each count and of flap: it was told how it stands
}

// forget forgets the times that lie behind now, see follow.
func (p *port) forget(now time.Time) {
	forgetTime(&p.status, now)
	forgetTime(&p.power, now)
	for i := range p.counts {
		p.counts[i] = p.counts[i].Forget(now)
	}
	p.flap = p.flap.Forget(now)
}

// A count says how a counter is told: a port "denied power 3 times".
type count struct{ quantity, cause, verb string }

// countOf returns the counter that a quantity is, and its place in a port.
func countOf(quantity string) (i int, c count, ok bool) {
	all := [...]count{
		{poe.QuantityDenied, causeDenied, "denied power"},
		{poe.QuantityOverload, causeOverload, "overloaded"},
		{poe.QuantityShort, causeShort, "shorted"},
	}
	i = slices.IndexFunc(all[:], func(c count) bool { return c.quantity == quantity })
	if i < 0 {
		return 0, count{}, false
	}
	return i, all[i], true
}

// takePort judges one reading of a port that feeds a slot. w.mu is held.
func (w *Watch) takePort(p rack.Place, r wire.Reading) []Change {
	one := w.ports[r.Device]
	if one == nil {
		one = &port{}
		w.ports[r.Device] = one
	}
	i, count, counts := countOf(r.Quantity)
	switch {
	case counts:
		return w.takeCount(p, r, one, i, count)
	case r.Quantity == poe.QuantityStatus && r.Time.After(one.status.Time):
		one.status = r
		return append(w.judgeFault(p, r), w.judgeFlapping(p, r, one)...)
	case r.Quantity == wire.QuantityPower && r.Time.After(one.power.Time):
		one.power = r
	}
	return nil
}

// judgeFault judges whether a port is in fault. w.mu is held.
func (w *Watch) judgeFault(p rack.Place, r wire.Reading) []Change {
	faulty := 0.0
	if s := poe.Status(r.Value); s == poe.Fault || s == poe.OtherFault {
		faulty = 1
	}
	k := key{alerts.PoEFault, alerts.Warning, r.Device, causeFault}
	return w.step(held{k, w.options.Rules.Fault(), faulty, r.Time}, func() Active {
		words := "is in fault"
		if faulty == 0 {
			words = "is no longer in fault"
		}
		return w.aboutPort(p, k, words, r.Value)
	})
}

// judgeFlapping judges whether a port goes on and off all the time. w.mu is held.
func (w *Watch) judgeFlapping(p rack.Place, r wire.Reading, one *port) []Change {
	rule := w.options.Rules.Flapping()
	flap, change := rule.Step(one.flap, r.Time, poe.Status(r.Value) == poe.Delivering)
	one.flap = flap
	k := key{alerts.PoEFault, alerts.Warning, r.Device, causeFlapping}
	e := event{k, change, r.Time, flap.Since, flap.Firing, rule.Still(flap)}
	return w.fold(e, &one.settled[len(one.counts)], func() Active {
		words := fmt.Sprintf("went on or off %s within %s", times(len(flap.Changes)), span(rule.Within))
		if !flap.Firing {
			words = "has not gone on or off for " + span(rule.Within)
		}
		return w.aboutPort(p, k, words, float64(len(flap.Changes)))
	})
}

// takeCount judges whether a counter has grown. w.mu is held.
func (w *Watch) takeCount(p rack.Place, r wire.Reading, one *port, i int, c count) []Change {
	rule := w.options.Rules.Growth()
	grown, change := rule.Step(one.counts[i], r.Time, r.Value)
	one.counts[i] = grown
	k := key{alerts.PoEFault, alerts.Warning, r.Device, c.cause}
	e := event{k, change, r.Time, grown.Since, grown.Firing, rule.Still(grown)}
	return w.fold(e, &one.settled[i], func() Active {
		words := c.verb + " " + times(int(grown.By))
		if !grown.Firing {
			words = fmt.Sprintf("has not %s for %s", c.verb, span(rule.Quiet))
		}
		return w.aboutPort(p, k, words, grown.By)
	})
}

// An event is what a rule has found that fires at once.
type event struct {
	key    key
	change alerts.Change
	at     time.Time // of the reading
	since  time.Time // when it began
	firing bool
	still  bool // nothing was wrong for so long that what fired before a restart is over
}

// fold keeps the list of what is active. It settles once what does not fire.
func (w *Watch) fold(e event, settled *bool, describe func() Active) []Change {
	switch {
	case e.change == alerts.Fired:
		*settled = true
		return []Change{{e.at, Fired, w.put(e.key, e.since, "firing", describe())}}
	case e.change == alerts.Resolved:
		return w.remove(e.key, e.at, describe())
	case e.firing:
		w.put(e.key, w.active[e.key].Since, "firing", describe())
	case e.still && !*settled:
		*settled = true
		return []Change{{e.at, Settled, describe()}}
	}
	return nil
}

// aboutPort returns an alert about a port that feeds a slot.
func (w *Watch) aboutPort(p rack.Place, k key, words string, value float64) Active {
	summary := fmt.Sprintf("%s: port %d of %s %s", p, p.Port, p.Switch.Name, words)
	return w.aboutPoE(p, k, summary, value)
}

// aboutPoE returns an alert about what a switch gives, or does not give.
func (w *Watch) aboutPoE(p rack.Place, k key, summary string, value float64) Active {
	a := w.about(p, k.alert, k.severity, summary, value)
	a.Switch, a.Supply, a.Cause = p.Switch.Name, p.Supply, k.cause
	if p.Slot == 0 && len(p.Switch.Shelves) > 1 {
		a.Shelves = strings.Join(fedBy(p.Switch), "\n")
	}
	return a
}

// fedBy returns the IDs of the shelves that a switch feeds.
func fedBy(s *rack.Switch) []string {
	ids := make([]string, len(s.Shelves))
	for i, shelf := range s.Shelves {
		ids[i] = shelf.ID()
	}
	return ids
}

// shelvesOf names the shelves that a switch feeds, a few of many.
func shelvesOf(s *rack.Switch) string {
	const named = 4
	ids := fedBy(s)
	if len(ids) > named {
		return fmt.Sprintf("%s and %d others", strings.Join(ids[:named], ", "), len(ids)-named)
	}
	return strings.Join(ids, ", ")
}

// times says how often: "once", "3 times".
func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// span says how long for a person: "90 s", "3 min", "26 h".
func span(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.0f h", d.Hours())
}
