package rack

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"thermarack/agent/wire"
	"thermarack/collector/internal/placement"
)

// RejectedForeign is the reason for a sensor that reports from a node that is
// not its own.
const RejectedForeign = "foreign_sensor"

// What a hostile node can make us remember is bounded.
const (
	maxStrangers = 10_000
	maxOwners    = 100_000
	maxNodes     = 20_000
)

// Admit tells whether a device is believed from a node: a placed probe from the
// node that the layout names, any other device from the first node that
// reported it. It is an ingest.Gate.
func (m *Model) Admit(site string, node wire.Node, device string) (reason string, ok bool) {
	if mine, ok := wire.DeviceNode(device); ok && mine == node {
		return "", true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	owner, known := m.owners[device]
	if p, placed := m.index.devices[device]; placed && p.Probe.Node != "" {
		owner, known = p.Probe.Node, true
	}
	if !known {
		if len(m.owners) < maxOwners {
			m.owners[device] = node
			m.touch()
		}
		return "", true
	}
	if owner == node {
		return "", true
	}
	m.remember(Unplaced{Site: site, Node: node, Sensor: device, Why: "foreign sensor: it belongs to node " + string(owner), Seen: m.clock.Now()})
	return RejectedForeign, false
}

// A stranger is a sensor that reports from a node.
type stranger struct {
	node   wire.Node
	sensor string
}

func (m *Model) remember(u Unplaced) {
	key := stranger{u.Node, u.Sensor}
	if known := m.strangers[key]; known != nil {
		*known = u
		return
	}
	if len(m.strangers) < maxStrangers {
		first := u
		m.strangers[key] = &first
	}
}

// noteStranger remembers a probe that stands nowhere. Parts of a node need no
// place of their own.
func (m *Model) noteStranger(node *Node, r *wire.Reading) {
	if r.Text == "" && !strings.HasPrefix(r.Device, "urn:dev:mac:") {
		m.remember(Unplaced{Site: node.Site, Node: node.Node, Sensor: r.Device, Why: "unknown sensor", Seen: r.Time})
	}
}

// Unplaced lists the nodes and sensors that report and stand nowhere in the
// layout, and the Pis that do not report and that switches show, sorted by node and
// sensor. Pis on a provisional shelf are among them.
func (m *Model) Unplaced() []Unplaced {
	m.mu.RLock()
	defer m.mu.RUnlock()
	list := make([]Unplaced, 0, len(m.strangers)+len(m.found.Unplaced))
	for _, u := range m.strangers {
		list = append(list, *u)
	}
	shown := map[wire.Node]placement.Spot{}
	for _, s := range m.found.Unplaced {
		shown[s.Node] = s.Spot
		if m.nodes[s.Node] == nil {
			list = append(list, Unplaced{Site: m.index.sites[s.Spot.Switch], Node: s.Node, Why: "no agent reports from it", Spot: s.Spot})
		}
	}
	for _, n := range m.nodes {
		if _, placed := m.index.nodes[n.Node]; (m.provisional || !placed) && m.index.switchName(n.Node) == "" {
			list = append(list, Unplaced{Site: n.Site, Node: n.Node, Why: "unknown node", Seen: n.Seen, Spot: shown[n.Node]})
		}
	}
	slices.SortFunc(list, func(a, b Unplaced) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Sensor, b.Sensor))
	})
	return list
}

// Nodes lists every node that has reported, sorted by MAC. The values are
// copies.
func (m *Model) Nodes() []Node {
	m.mu.RLock()
	defer m.mu.RUnlock()
	list := make([]Node, 0, len(m.nodes))
	for _, n := range m.nodes {
		one := *n
		one.Rejected = maps.Clone(n.Rejected)
		if p, ok := m.index.nodes[n.Node]; ok && !m.provisional {
			one.Shelf, one.Slot = p.Shelf.ID(), p.Slot
		}
		one.Switch = m.index.switchName(n.Node)
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b Node) int { return cmp.Compare(a.Node, b.Node) })
	return list
}
