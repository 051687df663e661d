package watch

import (
	"github.com/prometheus/client_golang/prometheus"

	"thermarack/alerts"
)

// Register offers the number of alerts by severity and state as a metric; they
// are counted when somebody asks.
func (w *Watch) Register(r prometheus.Registerer) {
	for _, severity := range []string{alerts.Warning, alerts.Critical} {
		for _, state := range []string{"pending", "firing"} {
			r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name:        "thermarack_alerts",
				Help:        "Alerts that are pending or firing now.",
				ConstLabels: prometheus.Labels{"severity": severity, "state": state},
			}, func() float64 { return float64(w.count(severity, state)) }))
		}
	}
}

func (w *Watch) count(severity, state string) (n int) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for _, a := range w.active {
		if a.Severity == severity && a.State == state {
			n++
		}
	}
	return n
}
