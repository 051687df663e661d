package rack

import "github.com/prometheus/client_golang/prometheus"

// Register offers what is known of the fleet as metrics; all are counted when
// somebody asks.
func (m *Model) Register(r prometheus.Registerer) {
	gauge := func(name, help string, count func() int) {
		opts := prometheus.GaugeOpts{Name: "thermarack_" + name, Help: help}
		r.MustRegister(prometheus.NewGaugeFunc(opts, func() float64 { return float64(count()) }))
	}
	gauge("unplaced", "Nodes and sensors that report and stand nowhere in the layout, and Pis that only a switch shows.",
		func() int { return len(m.Unplaced()) })
	gauge("nodes", "Nodes that have ever reported and are remembered.",
		func() int { return m.countNodes(func(*Node) bool { return true }) })
	gauge("nodes_silent", "Nodes that are remembered and have no sample younger than the limit at which values are stale.",
		func() int {
			now := m.clock.Now()
			return m.countNodes(func(n *Node) bool { return now.Sub(n.Seen) > m.ages.stale })
		})
}

func (m *Model) countNodes(counts func(*Node) bool) (n int) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, node := range m.nodes {
		if counts(node) {
			n++
		}
	}
	return n
}
