package rack

import (
	"maps"
	"slices"
	"time"

	"thermarack/agent/wire"
)

// forgetAfter is how long a node may be silent until a restart forgets it and
// gives its sensors free, unless the layout has a place for it.
const forgetAfter = 90 * 24 * time.Hour

// A Saved is what a Model knows that no store does, as it is kept over a restart.
type Saved struct {
	Nodes []SavedNode `json:"nodes"` // by MAC
	Pis   []wire.Node `json:"pis"`   // on provisional shelves, in the order of their first report
}

// A SavedNode is one node of a Saved.
type SavedNode struct {
	Node      wire.Node       `json:"node"`
	Site      string          `json:"site"`
	First     time.Time       `json:"first"`
	Seen      time.Time       `json:"seen"`
	Status    *wire.Status    `json:"status,omitempty"`
	Inventory *wire.Inventory `json:"inventory,omitempty"`
	Rejected  map[string]int  `json:"rejected,omitempty"`
	Owns      []string        `json:"owns,omitempty"`  // devices that are believed from it, sorted
	Spoke     *Spot           `json:"spoke,omitempty"` // where it stood when it last spoke
}

// Saved returns what to keep. The lists are copies; what they point to never
// changes.
func (m *Model) Saved() Saved {
	m.mu.RLock()
	defer m.mu.RUnlock()
	owns := map[wire.Node][]string{}
	for device, node := range m.owners {
		owns[node] = append(owns[node], device)
	}
	s := Saved{Pis: slices.Clone(m.order)}
	for _, id := range slices.Sorted(maps.Keys(m.nodes)) {
		n := m.nodes[id]
		slices.Sort(owns[id])
		s.Nodes = append(s.Nodes, SavedNode{
			Node: id, Site: n.Site, First: n.First, Seen: n.Seen, Status: n.Status, Inventory: n.Inventory,
			Rejected: maps.Clone(n.Rejected), Owns: owns[id], Spoke: m.spot(id),
		})
	}
	return s
}

// Unsaved returns a channel that holds one value while Saved has changed in more
// than times and counts, which change with every message.
func (m *Model) Unsaved() <-chan struct{} { return m.unsaved }

// touch notes that there is something to save.
func (m *Model) touch() {
	select {
	case m.unsaved <- struct{}{}:
	default: // noted already
	}
}

// Resume makes the model know what it knew before a restart. It is called before
// Restore and before the first message. A node that has been silent for 90 days
// and has no place is forgotten.
func (m *Model) Resume(s Saved) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock.Now()
	for _, n := range s.Nodes {
		_, placed := m.index.nodes[n.Node]
		placed = placed || m.index.switchName(n.Node) != ""
		gone := now.Sub(latest(n.First, n.Seen)) > forgetAfter
		if gone && !placed || len(m.nodes) >= maxNodes {
			continue
		}
		m.nodes[n.Node] = n.node()
		m.takeInventory(m.nodes[n.Node], n.Inventory)
		m.resumeVoice(n)
		for _, device := range n.Owns {
			if len(m.owners) < maxOwners {
				m.owners[device] = n.Node
			}
		}
	}
	if !m.provisional {
		return
	}
	for _, pi := range s.Pis {
		if m.nodes[pi] != nil {
			m.order = append(m.order, pi)
		}
	}
	m.arrange()
}

// node returns all but the inventory.
func (n SavedNode) node() *Node {
	rejected := maps.Clone(n.Rejected)
	if rejected == nil {
		rejected = map[string]int{}
	}
	return &Node{
		Node: n.Node, Site: n.Site, First: n.First, Seen: n.Seen, Status: n.Status,
		Rejected: rejected, Unheard: true,
	}
}
