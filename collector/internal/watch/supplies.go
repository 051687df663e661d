package watch

import (
	"fmt"
	"time"

	"thermarack/agent/wire"
	"thermarack/alerts"
	"thermarack/collector/internal/poe"
	"thermarack/collector/internal/rack"
)

// A supply is what must be remembered of a switch's power supply: the newest of
// each.
type supply struct {
	place  rack.Place
	device string

	capacity, power   wire.Reading // W
	status, threshold wire.Reading
}

// forget forgets the times that lie behind now, see follow.
func (s *supply) forget(now time.Time) {
	for _, r := range []*wire.Reading{&s.capacity, &s.power, &s.status, &s.threshold} {
		forgetTime(r, now)
	}
}

// takeSupply folds one reading of a power supply in. w.mu is held.
func (w *Watch) takeSupply(p rack.Place, r wire.Reading) *supply {
	one := w.supplies[r.Device]
	if one == nil {
		one = &supply{device: r.Device}
		w.supplies[r.Device] = one
	}
	one.place = p
	var newest *wire.Reading
	switch r.Quantity {
	case poe.QuantityCapacity:
		newest = &one.capacity
	case wire.QuantityPower:
		newest = &one.power
	case poe.QuantityStatus:
		newest = &one.status
	case poe.QuantityThreshold:
		newest = &one.threshold
	}
	if newest != nil && r.Time.After(newest.Time) {
		*newest = r
	}
	return one
}

// judgeSupply judges a power supply by all that a message said of it. w.mu is held.
func (w *Watch) judgeSupply(s *supply) []Change {
	var changes []Change
	if !s.status.Time.IsZero() {
		changes = w.judgeSupplyStatus(s)
	}
	if s.capacity.Value > 0 && s.power.Time.Equal(s.capacity.Time) {
		changes = append(changes, w.judgeUsage(s)...)
	}
	return changes
}

func (w *Watch) judgeSupplyStatus(s *supply) []Change {
	status, words := poe.SupplyStatus(s.status.Value), "is on again"
	wrong := 0.0
	switch status {
	case poe.SupplyOff:
		wrong, words = 1, "is off"
	case poe.SupplyFaulty:
		wrong, words = 1, "is faulty"
	}
	k := key{alerts.PoEFault, alerts.Critical, s.device, causeSupply}
	return w.step(held{k, w.options.Rules.Fault(), wrong, s.status.Time}, func() Active {
		return w.aboutSupply(s, k, words, s.status.Value)
	})
}

func (w *Watch) judgeUsage(s *supply) []Change {
	usage := s.power.Value / s.capacity.Value
	rule := w.options.Rules.Usage(s.threshold.Value)
	k := key{alerts.PoEFault, alerts.Warning, s.device, causeUsage}
	return w.step(held{k, rule, usage, s.power.Time}, func() Active {
		words := fmt.Sprintf("gives %.0f W of %.0f W, %.0f %%, limit %.0f %%", s.power.Value, s.capacity.Value, 100*usage, 100*rule.Limit)
		return w.aboutSupply(s, k, words, usage)
	})
}

// aboutSupply returns an alert about a power supply. It is one alert, however many
// shelves are fed.
func (w *Watch) aboutSupply(s *supply, k key, words string, value float64) Active {
	summary := fmt.Sprintf("%s %s; the switch feeds %s", s.place, words, shelvesOf(s.place.Switch))
	return w.aboutPoE(s.place, k, summary, value)
}
