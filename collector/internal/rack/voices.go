package rack

import (
	"time"

	"thermarack/agent/wire"
	"thermarack/collector/internal/ingest"
)

// A voice is what is remembered of when a placed Pi or a switch spoke.
type voice struct {
	place Place     // where the Pi stood then; the zero Place of a switch
	spoke time.Time // on our clock; zero when never
	gone  time.Time // when its last will came; zero when it has spoken since
}

// A Spot is a slot of a shelf as it is kept over a restart.
type Spot struct {
	Shelf string `json:"shelf"` // its ID
	Slot  int    `json:"slot"`
}

// hear notes that a node has spoken, or that a broker says that it has gone. known
// is its status until now: a broker that we connect to again repeats what it has
// retained, and that is no sign of life.
func (m *Model) hear(known *wire.Status, b ingest.Batch) {
	place, placed := m.index.nodes[b.Node]
	if m.provisional || !placed && m.index.feeders[b.Node] == nil {
		return
	}
	v := m.voices[b.Node]
	if v == nil {
		v = &voice{}
		m.voices[b.Node] = v
	}
	switch {
	case len(b.Readings) > 0, b.Status != nil && b.Status.Online && (known == nil || *b.Status != *known):
		v.spoke, v.gone = b.Received, time.Time{}
		if !v.place.isSlot(place) {
			m.touch()
		}
		v.place = place
	case b.Status != nil && !b.Status.Online && !outlived(b.Status, known) && v.gone.IsZero():
		v.gone = b.Received
	}
}

// isSlot tells whether both are the same slot, of whichever layout.
func (p Place) isSlot(other Place) bool {
	if p.Shelf == nil || other.Shelf == nil {
		return p.Shelf == other.Shelf
	}
	return p.Slot == other.Slot && (p.Shelf == other.Shelf || p.Shelf.ID() == other.Shelf.ID())
}

// spot returns where a Pi stood when it last spoke, nil when it never did.
func (m *Model) spot(node wire.Node) *Spot {
	v := m.voices[node]
	if v == nil || v.place.Shelf == nil {
		return nil
	}
	return &Spot{v.place.Shelf.ID(), v.place.Slot}
}

// resumeVoice remembers when a node spoke before a restart: with its newest sample
// that was saved.
func (m *Model) resumeVoice(n SavedNode) {
	v := voice{spoke: n.Seen}
	if n.Spoke != nil {
		v.place = Place{Shelf: m.index.shelves[n.Spoke.Shelf], Slot: n.Spoke.Slot}
		v.spoke = latest(n.First, n.Seen)
	}
	if v.place.Shelf != nil || m.index.feeders[n.Node] != nil {
		m.voices[n.Node] = &v
	}
}

// restoreVoices takes in what the store knows of the last minutes before a
// restart.
func (m *Model) restoreVoices() {
	for node, v := range m.voices {
		v.spoke = latest(v.spoke, m.known[socRecord(node)].Time)
	}
}

// An Agent is a Pi that has spoken from the place where it stands.
type Agent struct {
	Place
	Node  wire.Node
	Spoke time.Time // when it did last, on our clock; what it said before our start counts by its newest sample
	Gone  time.Time // when a broker told its last will; zero when it has spoken since
}

// Agents returns all Pis that have spoken from where the layout has them, in no
// order. One that never spoke may be a tenant's without an agent of ours; without
// a layout file none has a place.
func (m *Model) Agents() []Agent {
	m.mu.RLock()
	defer m.mu.RUnlock()
	list := make([]Agent, 0, len(m.voices))
	for node, v := range m.voices {
		place, placed := m.index.nodes[node]
		if placed && v.place.isSlot(place) && !v.spoke.IsZero() {
			list = append(list, Agent{place, node, v.spoke, v.gone})
		}
	}
	return list
}

// An Answer is when a switch was last heard of.
type Answer struct {
	*Switch
	Spoke time.Time // its last reading, on our clock; zero when it never answered
}

// Answers returns the switches that feed a shelf and of which anything was heard,
// be it that they do not answer, in no order.
func (m *Model) Answers() []Answer {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var list []Answer
	for node, fed := range m.index.feeders {
		if v := m.voices[node]; v != nil {
			list = append(list, Answer{fed, v.spoke})
		}
	}
	return list
}
