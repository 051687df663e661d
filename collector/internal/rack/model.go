// Package rack knows where everything stands and what is known of it now: the
// layout, the newest value of every record, and the nodes that report.
package rack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"thermarack/agent/wire"
	"thermarack/agent/wire/clock"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/placement"
	"thermarack/collector/internal/store"
)

// ErrNoShelf reports a shelf id that the layout does not have. The ids are
// listed by Layout.
var ErrNoShelf = errors.New("no such shelf in the layout")

// History answers for moments that have passed.
type History interface {
	// Latest returns, by record name, the newest point with
	// at-lookback < t <= at.
	Latest(ctx context.Context, at time.Time, lookback time.Duration) (map[string]store.Point, error)
}

// Normals know by how many K a sensor is warmer than the inlets as a rule; ok is
// false when that is not known (yet).
type Normals interface {
	Normal(record string) (rise, sd float64, ok bool)
}

// Options say what a Model is made of.
type Options struct {
	Layout  *layout.Layout // nil: every node is shown on a provisional shelf
	History History
	Clock   clock.Clock
	Stale   time.Duration // a value older than this is stale; above 0

	// LayoutAt returns a shelf, by its id, as it was at a time: a layout that has it,
	// or that has no shelf when there was none; nil when that is not known. nil:
	// Layout was always valid. Without a Layout it is not asked.
	LayoutAt func(shelf string, at time.Time) *layout.Layout

	Normals Normals // of now, for the past as well; nil: none are known
}

// missingAfter is how many stale limits old a value may be until it counts as
// missing.
const missingAfter = 12

// A fault is a rejected sample.
type fault struct {
	reason string // a wire.Fault constant
	at     time.Time
}

// A Model is safe for concurrent use.
type Model struct {
	history  History
	clock    clock.Clock
	ages     ages
	layoutAt func(string, time.Time) *layout.Layout
	normals  Normals

	mu          sync.RWMutex
	provisional bool
	index       *index
	known       map[string]store.Point // newest good sample by record name
	faults      map[string]fault       // newest rejected sample by device
	trails      trails                 // of the inlets
	nodes       map[wire.Node]*Node    // all that ever reported
	voices      map[wire.Node]*voice   // of placed Pis and of switches
	order       []wire.Node            // Pis in the order of their first report
	owners      map[string]wire.Node   // which node a probe is believed from
	newcomers   map[wire.Node]bool     // of order, those that the provisional layout lacks
	arranged    time.Time              // when that was made
	strangers   map[stranger]*Unplaced // sensors without a place, and foreign ones
	watchers    map[*watcher]struct{}
	roaming     bool             // whether slots are filled by what reports or what switches show
	found       placement.Result // see PlacePis

	inventories int           // bytes of them all, about
	unsaved     chan struct{} // see Unsaved
}

// New returns a Model that knows no value yet.
func New(o Options) *Model {
	m := &Model{
		history: o.History, clock: o.Clock, layoutAt: o.LayoutAt, normals: o.Normals,
		ages:        ages{stale: o.Stale, missing: missingAfter * o.Stale},
		provisional: o.Layout == nil,
		known:       map[string]store.Point{},
		trails:      trails{},
		faults:      map[string]fault{},
		nodes:       map[wire.Node]*Node{},
		voices:      map[wire.Node]*voice{},
		owners:      map[string]wire.Node{},
		newcomers:   map[wire.Node]bool{},
		strangers:   map[stranger]*Unplaced{},
		watchers:    map[*watcher]struct{}{},
		unsaved:     make(chan struct{}, 1),
	}
	if o.Layout == nil {
		o.Layout = &layout.Layout{}
	}
	m.index = newIndex(o.Layout)
	m.roaming = m.provisional || len(m.index.fed) > 0
	return m
}

// Restore fills the model with what the store knows of the recent past, so that
// a page is right at once after a restart.
func (m *Model) Restore(ctx context.Context) error {
	points, err := m.history.Latest(ctx, m.clock.Now(), m.ages.missing)
	if err != nil {
		return fmt.Errorf("restore the newest values: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, p := range points {
		device, quantity, _ := wire.SplitName(name)
		node, _ := wire.DeviceNode(device)
		if m.index.wanted[record{device, quantity}] || m.mayBePlaced(node, device, quantity) {
			m.known[name] = p
		}
	}
	m.restoreVoices()
	return nil
}

// Layout returns the layout in force, with the Pis that switches show in the slots
// that the file leaves empty; without a file, the provisional one of all Pis seen
// so far. It must not be changed.
func (m *Model) Layout() *layout.Layout {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.index.layout
}

// Provisional tells whether there is no layout file.
func (m *Model) Provisional() bool { return m.provisional }

// Place finds where a reading belongs; ok is false when it is unplaced.
func (m *Model) Place(device, quantity string) (p Place, ok bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.index.place(device, quantity)
}

// Stale returns the age above which a value is stale.
func (m *Model) Stale() time.Duration { return m.ages.stale }

// State returns a shelf as it is known now, or, for an at that is not zero, as
// it was known then, with what stood in it then. The error wraps ErrNoShelf, or
// is the store's.
func (m *Model) State(ctx context.Context, shelf string, at time.Time) (State, error) {
	x := m.indexAt(shelf, at)
	s, ok := x.shelves[shelf]
	if !ok {
		return State{}, fmt.Errorf("shelf %.200q: %w", shelf, ErrNoShelf)
	}
	if at.IsZero() {
		return m.now(x, s), nil
	}
	points, err := m.history.Latest(ctx, at, m.ages.missing)
	if err != nil {
		return State{}, fmt.Errorf("shelf %s at %s: %w", shelf, at.Format(time.RFC3339), err)
	}
	return Past{x, s, m.ages, m.normals}.State(at, func(record string) store.Point { return points[record] }), nil
}

// now builds a shelf of what is known now.
func (m *Model) now(x *index, s *layout.Shelf) State {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return x.build(s, m.clock.Now(), recall{m.newest, m.earlier, m.normals}, m.ages)
}

// indexAt returns an index that has a shelf as it was at a time, at the zero time
// as it is now.
func (m *Model) indexAt(shelf string, at time.Time) *index {
	m.mu.RLock()
	now := m.index
	m.mu.RUnlock()
	if at.IsZero() || m.provisional || m.layoutAt == nil {
		return now
	}
	if then := m.layoutAt(shelf, at); then != nil {
		return newIndex(then)
	}
	return now
}

// outlived tells whether a last will comes too late: another start of the agent
// has said since that it is there. A will carries the time when it was written.
func outlived(will, known *wire.Status) bool {
	return !will.Online && known != nil && known.Online && known.Boot != will.Boot && known.T > will.T
}

// newest returns what is known of a record now. m.mu is held.
func (m *Model) newest(record string) Known {
	k := Known{Point: m.known[record]}
	device, _, _ := wire.SplitName(record)
	if f := m.faults[device]; f.at.After(k.Time) {
		k.Fault = f.reason
	}
	return k
}

// Observe takes in what has arrived. It is an ingest.Observer.
func (m *Model) Observe(b ingest.Batch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	node := m.nodes[b.Node]
	if node == nil && len(m.nodes) >= maxNodes {
		return // stored all the same, and found by its record names
	}
	if node == nil {
		node = &Node{Node: b.Node, First: b.Received, Rejected: map[string]int{}}
		m.nodes[b.Node] = node
		m.touch()
	}
	node.Site, node.Unheard = b.Site, false
	m.hear(node.Status, b)
	m.introduce(node, b)
	var dirty shelves
	dirty.note(m.index.nodes[b.Node])
	for i := range b.Readings {
		r := &b.Readings[i]
		place, placed := m.index.place(r.Device, r.Quantity)
		dirty.note(place)
		m.take(node, r, b.Received)
		if !placed {
			m.noteStranger(node, r)
		}
	}
	if m.provisional && m.adopt(b) {
		for i := range m.index.layout.Shelves {
			dirty.note(Place{Shelf: &m.index.layout.Shelves[i]})
		}
	}
	m.wake(dirty)
}

// shelves are those that a message said something of.
type shelves []*layout.Shelf

// note adds the shelf of a place; the zero Place has none.
func (s *shelves) note(p Place) {
	if p.Shelf != nil && !slices.Contains(*s, p.Shelf) {
		*s = append(*s, p.Shelf)
	}
}

// introduce takes in what a node says of itself.
func (m *Model) introduce(node *Node, b ingest.Batch) {
	if b.Status != nil && !outlived(b.Status, node.Status) {
		node.Status = b.Status
		m.touch()
	}
	if b.Inventory != nil && m.takeInventory(node, b.Inventory) {
		m.touch()
	}
}

// take folds one reading in. Older ones than what is known change nothing.
func (m *Model) take(node *Node, r *wire.Reading, received time.Time) {
	if isNews(r.Time, node.Seen, received) {
		node.Seen = r.Time
	}
	if r.IsFault() {
		node.Rejected[r.Text]++
		wanted := m.index.wanted[record{device: r.Device}] || m.mayBePlaced(node.Node, r.Device, wire.QuantityTemperature)
		if wanted && isNews(r.Time, m.faults[r.Device].at, received) {
			m.faults[r.Device] = fault{r.Text, r.Time}
		}
		return
	}
	if r.Quantity == wire.QuantityThrottled && r.Text == "" && r.Device == node.Node.Device("soc") && !r.Time.Before(node.Seen) {
		word := uint32(r.Value)
		node.Throttled = &word
	}
	// Nothing else is remembered than what a State is built from, however much a
	// node says, and what one may be built from as soon as the Pi has a place.
	if r.Text != "" || !m.index.wanted[record{r.Device, r.Quantity}] && !m.mayBePlaced(node.Node, r.Device, r.Quantity) {
		return
	}
	if name := r.Name(); isNews(r.Time, m.known[name].Time, received) {
		m.known[name] = store.Point{Time: r.Time, Value: r.Value}
		if m.index.inlets[name] {
			m.trails.add(name, m.known[name])
		}
	}
}

// isNews tells whether what is of at comes after what is known. It does as well
// when that cannot be: then our clock has been set back.
func isNews(at, known, received time.Time) bool {
	return at.After(known) || known.After(received.Add(ingest.MaxAhead))
}

// mayBePlaced tells whether a record is the one that socRecord names, of a Pi that
// may get a place without another layout file.
func (m *Model) mayBePlaced(node wire.Node, device, quantity string) bool {
	return m.roaming && quantity == wire.QuantityTemperature && node.Has(device) && wire.DevicePart(device) == "soc"
}

// arrangeEvery is how often a provisional layout is made anew at most, unless
// there is much that is new: ten thousand Pis may report for the first time
// within seconds.
const arrangeEvery = time.Second

// adopt puts a Pi that reports for the first time on its site's provisional
// shelf, with its next message at the latest, and reports whether it is there
// now and was not before. What has no SoC is no Pi.
func (m *Model) adopt(b ingest.Batch) bool {
	if _, placed := m.index.nodes[b.Node]; placed {
		return false
	}
	if _, isPi := m.known[socRecord(b.Node)]; !isPi {
		return false
	}
	if !m.newcomers[b.Node] {
		m.newcomers[b.Node] = true
		m.order = append(m.order, b.Node)
		m.touch()
	}
	if 16*len(m.newcomers) < len(m.order) && time.Since(m.arranged) < arrangeEvery {
		return false
	}
	m.arrange()
	return true
}

// arrange puts the Pis known so far on the provisional shelves of their sites.
func (m *Model) arrange() {
	var sites []string
	nodes := map[string][]wire.Node{}
	for _, n := range m.order {
		site := m.nodes[n].Site
		if nodes[site] == nil {
			sites = append(sites, site)
		}
		nodes[site] = append(nodes[site], n)
	}
	m.index = newIndex(Provisional(sites, nodes))
	m.arranged = time.Now()
	clear(m.newcomers)
}
