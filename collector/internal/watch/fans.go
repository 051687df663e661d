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
	speeds  map[string]float64      // newest of each fan, 1/s
	updated time.Time               // when the firing fan alert was last told
}

func (w *Watch) shelf(s *layout.Shelf) *shelf {
	one := w.shelves[s.ID()]
	if one == nil {
		one = &shelf{hot: map[string]wire.Reading{}, speeds: map[string]float64{}}
		w.shelves[s.ID()] = one
	}
	return one
}

// fuse takes in one hot probe and returns the mean of all that are as young.
func (s *shelf) fuse(p *layout.Probe, r wire.Reading, young time.Duration) float64 {
	r.Value += p.Offset
	if r.Time.After(s.hot[p.Name].Time) {
		s.hot[p.Name] = r
	}
	var sum float64
	var n int
	for _, one := range s.hot {
		if r.Time.Sub(one.Time) <= young {
			sum += one.Value
			n++
		}
	}
	return sum / float64(n)
}

// updateEvery is how often a firing fan alert is told again.
const updateEvery = time.Minute

// takeFan folds one fan's speed in. w.mu is held.
func (w *Watch) takeFan(p rack.Place, r wire.Reading) {
	k := fanKey(*p.Fan)
	w.states[k], _ = w.options.Rules.Fan(p.Fan.Healthy).Step(w.states[k], r.Time, r.Value)
	w.shelf(p.Shelf).speeds[p.Fan.Name] = r.Value
}

func fanKey(f layout.Fan) key { return key{alert: "fan", subject: f.Speed} }

// judgeFans gives the verdict of a shelf's fans. w.mu is held.
func (w *Watch) judgeFans(s *layout.Shelf, at time.Time) []Change {
	speeds := w.shelf(s).speeds
	var failing, slow []string
	for _, f := range s.Fans {
		if speed, heard := speeds[f.Name]; heard && w.states[fanKey(f)].Firing {
			failing = append(failing, f.Name)
			slow = append(slow, fmt.Sprintf("%s at %.1f 1/s", f.Name, speed))
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
	degraded, failed := w.verdict(a, verdict == alerts.Degraded, at), w.verdict(b, verdict == alerts.Failed, at)
	if len(degraded) > 0 && degraded[0].Event == Fired {
		return append(failed, degraded...) // what ends is told before what begins
	}
	return append(degraded, failed...)
}

// verdict makes one of the two fan alerts fire, stand or resolve.
func (w *Watch) verdict(a Active, holds bool, at time.Time) []Change {
	other := map[string]string{alerts.FanDegraded: alerts.FanFailed, alerts.FanFailed: alerts.FanDegraded}[a.Alert]
	k := key{a.Alert, a.Severity, a.ShelfID()}
	was, firing := w.active[k]
	known := w.shelves[a.ShelfID()]
	switch {
	case !holds:
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
