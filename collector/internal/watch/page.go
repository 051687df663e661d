package watch

import (
	"strconv"
	"time"

	"thermarack/collector/internal/pager"
)

// Page turns a change into what the pager takes. Receivers carry wall time, so
// the alert starts or ends at wall; what is about several fans names them in
// its text, not in its labels, because labels are an alert's identity.
func Page(c Change, wall time.Time) pager.Alert {
	a := pager.Alert{
		Labels: map[string]string{
			"alertname": c.Alert,
			"severity":  c.Severity,
			"site":      c.Site,
			"rack":      c.Rack,
			"shelf":     c.Shelf,
		},
		Annotations: map[string]string{"summary": c.Summary},
		StartsAt:    wall,
	}
	if c.Slot != 0 {
		a.Labels["slot"] = strconv.Itoa(c.Slot)
	}
	if c.Supply != 0 {
		a.Labels["supply"] = strconv.Itoa(c.Supply)
	}
	for label, value := range map[string]string{"probe": c.Probe, "switch": c.Switch, "cause": c.Cause} {
		if value != "" {
			a.Labels[label] = value
		}
	}
	if c.Event == Resolved || c.Event == Settled {
		a.EndsAt = wall
	}
	return a
}
