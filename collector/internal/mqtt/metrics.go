package mqtt

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type brokerMetrics struct {
	stopped *prometheus.CounterVec
	refused *prometheus.CounterVec
	dropped prometheus.Counter
}

// newBrokerMetrics registers the metrics of b with r; every label is there from
// the start, at 0.
func newBrokerMetrics(r prometheus.Registerer, b *Broker) *brokerMetrics {
	with := promauto.With(r)
	with.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "thermarack_mqtt_clients",
		Help: "Clients connected to the embedded broker.",
	}, func() float64 { return float64(atomic.LoadInt64(&b.server.Info.ClientsConnected)) })
	m := &brokerMetrics{
		stopped: with.NewCounterVec(prometheus.CounterOpts{
			Name: "thermarack_mqtt_stopped_clients_total",
			Help: "Clients that the broker disconnected.",
		}, []string{"cause"}),
		refused: with.NewCounterVec(prometheus.CounterOpts{
			Name: "thermarack_mqtt_refused_connections_total",
			Help: "Connections that the broker did not let in.",
		}, []string{"cause"}),
		dropped: with.NewCounter(prometheus.CounterOpts{
			Name: "thermarack_mqtt_dropped_total",
			Help: "Stored messages that were not passed on to other subscribers, which did not keep up.",
		}),
	}
	for _, cause := range []string{stopWindow, stopQueue, stopStore, stopOversize, stopProtocol, stopForeign} {
		m.stopped.WithLabelValues(cause)
	}
	for _, cause := range []string{"full", "credentials", "introduction"} {
		m.refused.WithLabelValues(cause)
	}
	return m
}
