package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"time"

	"thermarack/agent/internal/metrics"
	"thermarack/agent/internal/mqtt"
	"thermarack/agent/internal/outbox"
	"thermarack/agent/internal/timekeeper"
)

// A gauge reads what an agent shows as metrics.
type gauge struct {
	tally    *metrics.Tally
	keeper   *timekeeper.Keeper
	brokers  []string // "" for the one that is found
	links    []*mqtt.Publisher
	boxes    []*outbox.Box
	interval time.Duration
}

// families returns all metrics as they are now.
func (g gauge) families() []metrics.Family {
	held, lost := g.keeper.Held()
	list := append([]metrics.Family{
		single("thermarack_agent_build_info", "Version of the agent and of what it was built with", metrics.Gauge, 1,
			metrics.Label{Name: "version", Value: buildVersion()}, metrics.Label{Name: "goversion", Value: runtime.Version()}),
	}, g.tally.Families()...)
	return append(list,
		single("thermarack_agent_packs_held", "Packs that wait until the time is known", metrics.Gauge, float64(held)),
		single("thermarack_agent_packs_held_dropped_total", "Packs lost before the time was known", metrics.Counter, float64(lost)),
		g.each("thermarack_agent_broker_connected", "Whether the broker is connected", metrics.Gauge, func(i int) float64 {
			if g.links[i].State().Connected {
				return 1
			}
			return 0
		}),
		g.each("thermarack_agent_broker_acknowledged_packs_total", "Packs that the broker has acknowledged", metrics.Counter,
			func(i int) float64 { return float64(g.links[i].State().Acks) }),
		g.each("thermarack_agent_broker_waiting_packs", "Packs that the broker does not have yet", metrics.Gauge,
			func(i int) float64 { return float64(g.boxes[i].Len()) }),
		g.each("thermarack_agent_broker_dropped_packs_total", "Packs that were too many to wait for the broker", metrics.Counter,
			func(i int) float64 { return float64(g.boxes[i].Dropped()) }),
		g.each("thermarack_agent_spool_written_bytes_total", "Bytes that packs for the broker brought to the disk", metrics.Counter,
			func(i int) float64 { return float64(g.boxes[i].Written()) }),
		g.each("thermarack_agent_spool_dropped_packs_total", "Packs for the broker that the disk had no room for", metrics.Counter,
			func(i int) float64 { return float64(g.boxes[i].Unspooled()) }),
	)
}

func single(name, help string, kind metrics.Kind, value float64, labels ...metrics.Label) metrics.Family {
	return metrics.Family{Name: name, Help: help, Kind: kind, Samples: []metrics.Sample{{Labels: labels, Value: value}}}
}

// each returns a family with one sample a broker.
func (g gauge) each(name, help string, kind metrics.Kind, value func(i int) float64) metrics.Family {
	f := metrics.Family{Name: name, Help: help, Kind: kind}
	for i, broker := range g.brokers {
		label := metrics.Label{Name: "broker", Value: cmp.Or(broker, "found")}
		f.Samples = append(f.Samples, metrics.Sample{Labels: []metrics.Label{label}, Value: value(i)})
	}
	return f
}

// healthy says when no pack has been made for three intervals, and the time that
// one may take.
func (g gauge) healthy() error {
	if age := g.tally.Age(); age > 3*g.interval+time.Minute {
		return fmt.Errorf("no sample for %v", age.Round(time.Second))
	}
	return nil
}

// listen opens the address to show them at, and warns if others than this host
// reach it.
func (g gauge) listen(address string, log *slog.Logger) (*metrics.Server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve metrics: %w", err)
	}
	log.Info("metrics", "url", fmt.Sprintf("http://%v/metrics", listener.Addr()))
	if at, ok := listener.Addr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() {
		log.Warn("metrics are shown to whoever reaches the address: a trusted network is meant", "address", listener.Addr())
	}
	return &metrics.Server{Listener: listener, Families: g.families, Healthy: g.healthy}, nil
}
