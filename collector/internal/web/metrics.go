package web

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	requests  *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	panics    prometheus.Counter
	refused   prometheus.Counter
	displaced prometheus.Counter
	door      atomic.Pointer[door] // nil until Serve
}

// newMetrics registers the metrics of the server with r.
func newMetrics(r prometheus.Registerer, h *hub) *metrics {
	with := promauto.With(r)
	counter := func(name, help string) prometheus.Counter {
		return with.NewCounter(prometheus.CounterOpts{Name: "thermarack_http_" + name, Help: help})
	}
	gauge := func(name, help string, value func() int) {
		opts := prometheus.GaugeOpts{Name: "thermarack_http_" + name, Help: help}
		with.NewGaugeFunc(opts, func() float64 { return float64(value()) })
	}
	m := &metrics{
		requests: with.NewCounterVec(prometheus.CounterOpts{
			Name: "thermarack_http_requests_total",
			Help: `Requests answered, by route and status; "cut" is an answer that was broken off.`,
		}, []string{"route", "code"}),
		duration: with.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "thermarack_http_request_duration_seconds",
			Help:    "Time from the header of a request to the end of its answer; streams of events are left out.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 8), // 1 ms to 16 s
		}, []string{"route"}),
		panics:    counter("panics_total", "Requests during which the program found a bug of its own."),
		refused:   counter("refused_connections_total", "Connections closed at once because all others were being answered."),
		displaced: counter("displaced_connections_total", "Idle connections closed to make room for new ones."),
	}
	gauge("connections", "Open connections.", func() int {
		if d := m.door.Load(); d != nil {
			return d.count()
		}
		return 0
	})
	gauge("streams", "Open streams of events.", h.count)
	return m
}
