package ingest

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	messages prometheus.Counter
	stored   prometheus.Counter
	commits  prometheus.Counter
	failures prometheus.Counter
	given    prometheus.Counter
	late     prometheus.Counter
	rejected *prometheus.CounterVec
	duration prometheus.Histogram
	wait     prometheus.Histogram
	lag      prometheus.Histogram
}

// newMetrics registers the metrics of in with r. Every reason is there from the
// start, at 0, so that a rate sees the first rejection.
func newMetrics(r prometheus.Registerer, in *Ingest) *metrics {
	with := promauto.With(r)
	counter := func(name, help string) prometheus.Counter {
		return with.NewCounter(prometheus.CounterOpts{Name: "thermarack_ingest_" + name, Help: help})
	}
	with.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "thermarack_ingest_waiting",
		Help: "Messages taken from MQTT and not yet acknowledged.",
	}, func() float64 { return float64(in.queue.held()) })
	with.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "thermarack_store_failing",
		Help: "1 while the store does not take what arrives: nothing is acknowledged, alerts go on.",
	}, func() float64 {
		if in.Failing() != nil {
			return 1
		}
		return 0
	})
	m := &metrics{
		messages: counter("messages_total", "Messages taken from MQTT."),
		stored:   counter("stored_total", "Samples that the store has kept."),
		commits:  counter("commits_total", "Commits that the store has synced."),
		failures: counter("commit_failures_total", "Commits that failed and were tried again."),
		given:    counter("given_back_total", "Messages given back to their senders to make room while the store failed."),
		late:     counter("late_total", "Readings that came too late to page anybody: the backlog of an outage."),
		rejected: with.NewCounterVec(prometheus.CounterOpts{
			Name: "thermarack_ingest_rejected_total",
			Help: "Records, or whole messages, that are not kept.",
		}, []string{"reason"}),
		duration: with.NewHistogram(prometheus.HistogramOpts{
			Name:    "thermarack_ingest_commit_seconds",
			Help:    "Wall time of a commit with its sync.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14), // 1 ms to 8 s
		}),
		wait: with.NewHistogram(prometheus.HistogramOpts{
			Name:    "thermarack_ingest_wait_seconds",
			Help:    "Time from the arrival of a message to its acknowledgement, when it is stored.",
			Buckets: prometheus.ExponentialBuckets(0.001, 3, 11), // 1 ms to a minute
		}),
		lag: with.NewHistogram(prometheus.HistogramOpts{
			Name:    "thermarack_ingest_lag_seconds",
			Help:    "Age of the newest reading of a message when it arrives.",
			Buckets: []float64{0.1, 0.5, 1, 5, 10, 30, 60, 600, 3600, 86400},
		}),
	}
	for _, reason := range Reasons() {
		m.rejected.WithLabelValues(reason)
	}
	return m
}
