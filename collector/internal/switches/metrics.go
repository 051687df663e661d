package switches

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"thermarack/collector/internal/poe"
	"thermarack/collector/internal/snmp"
)

// A result is what came of a poll: the label of thermarack_switch_polls_total.
type result string

const (
	resultOK          result = "ok"
	resultNoAnswer    result = "no_answer"
	resultDenied      result = "denied"      // the switch refuses user or password
	resultCredentials result = "credentials" // their file is no good
	resultNothing     result = "nothing"     // it answers, and nothing of that was understood
	resultError       result = "error"       // all else
)

func resultOf(err error) result {
	switch {
	case err == nil:
		return resultOK
	case errors.Is(err, snmp.ErrNoAnswer):
		return resultNoAnswer
	case errors.Is(err, snmp.ErrDenied):
		return resultDenied
	case errors.Is(err, snmp.ErrCredentials):
		return resultCredentials
	case errors.Is(err, poe.ErrTables):
		return resultNothing
	}
	return resultError
}

type metrics struct {
	polls    *prometheus.CounterVec
	duration prometheus.Histogram
	requests prometheus.Counter
	dropped  prometheus.Counter
	ports    *prometheus.GaugeVec
	last     *prometheus.GaugeVec
	foreign  *prometheus.GaugeVec
}

// newMetrics registers the metrics with r; every result is there from the
// start, at 0.
func newMetrics(r prometheus.Registerer) *metrics {
	with := promauto.With(r)
	m := &metrics{
		polls: with.NewCounterVec(prometheus.CounterOpts{
			Name: "thermarack_switch_polls_total",
			Help: "Polls of switches, by what came of them.",
		}, []string{"result"}),
		duration: with.NewHistogram(prometheus.HistogramOpts{
			Name:    "thermarack_switch_poll_seconds",
			Help:    "Wall time of one poll of one switch, with the timeouts of one that does not answer.",
			Buckets: []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120},
		}),
		requests: with.NewCounter(prometheus.CounterOpts{
			Name: "thermarack_switch_requests_total",
			Help: "SNMP requests sent to switches, with those that were sent again.",
		}),
		dropped: with.NewCounter(prometheus.CounterOpts{
			Name: "thermarack_switch_dropped_packs_total",
			Help: "Packs of readings of switches that were given up because the store took nothing for several polls.",
		}),
		ports:   newGauge(with, "thermarack_switch_ports", "Ports with PoE that the switch told of in its last poll; 0 while it is not read."),
		last:    newGauge(with, "thermarack_switch_last_read_timestamp_seconds", "When the switch was last read; 0 if never since the start."),
		foreign: newGauge(with, "thermarack_switch_foreign_mac", "1 while the switch says another MAC address than the layout."),
	}
	for _, result := range []result{resultOK, resultNoAnswer, resultDenied, resultCredentials, resultNothing, resultError} {
		m.polls.WithLabelValues(string(result))
	}
	return m
}

func newGauge(with promauto.Factory, name, help string) *prometheus.GaugeVec {
	return with.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"switch"})
}

// introduce makes the metrics of a switch.
func (m *metrics) introduce(name string) {
	for _, g := range []*prometheus.GaugeVec{m.ports, m.last, m.foreign} {
		g.WithLabelValues(name).Set(0)
	}
}

// read notes what a switch has said.
func (m *metrics) read(name string, s poe.Switch, at time.Time) {
	n := 0
	for i := range s.Ports {
		if s.Ports[i].Number > 0 {
			n++
		}
	}
	m.ports.WithLabelValues(name).Set(float64(n))
	m.last.WithLabelValues(name).Set(float64(at.UnixMilli()) / 1000)
}

func (m *metrics) setForeign(name string, foreign bool) {
	value := 0.0
	if foreign {
		value = 1
	}
	m.foreign.WithLabelValues(name).Set(value)
}
