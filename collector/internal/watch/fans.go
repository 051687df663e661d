package watch

import (
	"fmt"
	"strings"
	"time"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/alerts"
	"thermarack/collector/internal/rack"
)

// A shelf is what must be remembered of a shelf as a whole.
type shelf struct {
	hot     map[string]wire.Reading // newest of each hot probe, offset applied
	speeds  map[string]wire.Reading // newest of each fan, 1/s
	updated time.Time               // when the firing fan alert was last told
}

func (w *Watch) shelf(s *layout.Shelf) *shelf {
	one := w.shelves[s.ID()]
	if one == nil {
		one = &shelf{hot: map[string]wire.Reading{}, speeds: map[string]wire.Reading{}}
		w.shelves[s.ID()] = one
	}
	return one
}

// touched are the shelves and the power supplies that a message said something of
// as a whole, in the order of their first mention.
type touched []*touch

type touch struct {
	shelf     *layout.Shelf // nil of a supply
	hot, fans bool
	supply    *supply
}

// note returns the entry of a shelf.
func (ts *touched) note(s *layout.Shelf) *touch {
	for _, t := range *ts {
		if t.shelf == s {
			return t
		}
	}
	t := &touch{shelf: s}
	*ts = append(*ts, t)
	return t
}

// noteSupply notes that something is new of a supply.
func (ts *touched) noteSupply(s *supply) {
	for _, t := range *ts {
		if t.supply == s {
			return
		}
	}
	*ts = append(*ts, &touch{supply: s})
}

// judgeWhole judges what a message has changed of a shelf or a supply. w.mu is
// held.
func (w *Watch) judgeWhole(t *touch) []Change {
	if t.supply != nil {
		return w.judgeSupply(t.supply)
	}
	var changes []Change
	if t.hot {
		changes = w.judgeHotAir(t.shelf)
	}
	if t.fans {
		changes = append(changes, w.judgeFans(t.shelf)...)
	}
	return changes
}

// takeHot folds one hot probe in. w.mu is held.
func (w *Watch) takeHot(p rack.Place, r wire.Reading) {
	hot := w.shelf(p.Shelf).hot
	if r.Time.After(hot[p.Probe.Name].Time) {
		r.Value += p.Probe.Offset
		hot[p.Probe.Name] = r
	}
}

// judgeHotAir holds the mean of the hot probes that are as young as the youngest
// against the shelf's critical limit. w.mu is held.
func (w *Watch) judgeHotAir(s *layout.Shelf) []Change {
	hot := w.shelf(s).hot
	newest := time.Time{}
	for _, r := range hot {
		if r.Time.After(newest) {
			newest = r.Time
		}
	}
	var sum float64
	var n int
	for _, p := range s.Probes { // in the layout's order: the same sum every time
		if r, heard := hot[p.Name]; heard && newest.Sub(r.Time) <= w.options.Late {
			sum += r.Value
			n++
		}
	}
	mean := sum / float64(n)
	k := key{alert: alerts.HotTemperature, severity: alerts.Critical, subject: s.ID()}
	return w.step(held{k, w.options.Rules.Temperature(s.Limits.Critical), mean, newest}, func() Active {
		summary := fmt.Sprintf("%s: hot air at %.1f °C on average, critical from %g °C", s.ID(), mean, s.Limits.Critical)
		return w.about(rack.Place{Shelf: s}, k.alert, k.severity, summary, mean)
	})
}

// updateEvery is how often a firing fan alert is told again.
const updateEvery = time.Minute

// takeFan folds one fan's speed in. w.mu is held.
func (w *Watch) takeFan(p rack.Place, r wire.Reading) {
	speeds := w.shelf(p.Shelf).speeds
	if !r.Time.After(speeds[p.Fan.Name].Time) {
		return
	}
	speeds[p.Fan.Name] = r
	k := fanKey(*p.Fan)
	w.states[k], _ = w.options.Rules.Fan(p.Fan.Healthy).Step(w.states[k], r.Time, r.Value)
}

func fanKey(f layout.Fan) key { return key{alert: "fan", subject: f.Speed} }

// judgeFans gives the verdict of a shelf's fans. w.mu is held.
func (w *Watch) judgeFans(s *layout.Shelf) []Change {
	speeds := w.shelf(s).speeds
	var failing, slow []string
	at := time.Time{}                  // of the newest speed
	sure := len(speeds) == len(s.Fans) // whether no fan may be found dead yet
	for _, f := range s.Fans {
		r, heard := speeds[f.Name]
		if r.Time.After(at) {
			at = r.Time
		}
		sure = sure && !w.states[fanKey(f)].Pending()
		if heard && w.states[fanKey(f)].Firing {
			failing = append(failing, f.Name)
			slow = append(slow, fmt.Sprintf("%s at %.1f 1/s", f.Name, r.Value))
		}
	}
	summary := fmt.Sprintf("%s: %d of %d fans failed (%s)", s.ID(), len(failing), len(s.Fans), strings.Join(slow, ", "))
	if len(failing) == 0 {
		summary = fmt.Sprintf("%s: all %d fans turn again", s.ID(), len(s.Fans))
	}
	a := w.about(rack.Place{Shelf: s}, alerts.FanDegraded, alerts.Warning, summary, float64(len(failing)))
	a.Fans = strings.Join(failing, "\n")
	b := a
	b.Alert, b.Severity = alerts.FanFailed, alerts.Critical

	verdict := alerts.Judge(len(failing), len(speeds), len(s.Fans))
	degraded := w.verdict(finding{a, verdict == alerts.Degraded, sure}, at)
	failed := w.verdict(finding{b, verdict == alerts.Failed, sure}, at)
	if len(degraded) > 0 && degraded[0].Event == Fired {
		return append(failed, degraded...) // what ends is told before what begins
	}
	return append(degraded, failed...)
}

// A finding is one of the two fan alerts, whether it holds, and whether that
// will not be another in a moment.
type finding struct {
	Active
	holds, sure bool
}

// verdict makes one of the two fan alerts fire, stand or resolve.
func (w *Watch) verdict(f finding, at time.Time) []Change {
	a := f.Active
	other := map[string]string{alerts.FanDegraded: alerts.FanFailed, alerts.FanFailed: alerts.FanDegraded}[a.Alert]
	k := key{alert: a.Alert, severity: a.Severity, subject: a.ShelfID()}
	was, firing := w.active[k]
	known := w.shelves[a.ShelfID()]
	switch {
	case !f.holds && !firing && !f.sure:
		return nil
	case !f.holds && !firing:
		return w.settle(k, at, a)
	case !f.holds:
		if a.Value > 0 { // it ends because the other verdict holds: that is no all-clear
			a.Summary = fmt.Sprintf("%s: %s has become %s", a.ShelfID(), a.Alert, other)
		}
		return w.remove(k, at, a)
	case !firing:
		known.updated = at
		return []Change{{at, Fired, w.put(k, at, "firing", a)}}
	}
	a = w.put(k, was.Since, "firing", a)
	if at.Sub(known.updated) < updateEvery {
		return nil
	}
	known.updated = at
	return []Change{{at, Updated, a}}
}
