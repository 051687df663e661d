package rack

import (
	"time"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/aisle"
	"thermarack/collector/internal/placement"
)

// A Freshness tells how much a value may be believed.
type Freshness string

// The three states of a value.
const (
	Fresh   Freshness = "fresh"   // younger than the stale limit
	Stale   Freshness = "stale"   // it was measured, but too long ago, or before our clock was set back
	Missing Freshness = "missing" // never measured, or only long before the moment asked for
)

// A Value is the last that is known of one quantity at some moment.
type Value struct {
	V     float64   // in the quantity's SenML unit, offset applied; 0 when Missing
	Time  time.Time // of the sample; zero when Missing
	State Freshness
	Fault string // why the newest sample was rejected, a wire.Fault constant; "" when it was good
}

// Ok tells whether v is fresh.
func (v Value) Ok() bool { return v.State == Fresh }

// A State is one shelf at one moment: all that a map or a page shows of it.
type State struct {
	Shelf   *layout.Shelf // as of that moment; not to be changed
	At      time.Time
	Slots   []Slot  // in the order of Shelf.Slots
	Probes  []Probe // in the order of Shelf.Probes
	Fans    []Fan   // in the order of Shelf.Fans
	Figures Figures
}

// A Slot is what is known of the Pi in one slot.
type Slot struct {
	layout.Slot
	SoC   Value     // °C
	Power Value     // W, from its switch port; Missing where no port is known
	Seen  time.Time // the newer of the two samples above; zero when both are Missing

	Normal Figure // °C: what its SoC has as a rule at such inlets
}

// A Probe is one probe's temperature in °C with its offset applied.
type Probe struct {
	layout.Probe
	Value
}

// A Fan is one shelf fan's speed in 1/s.
type Fan struct {
	layout.Fan
	Value
}

// Figures are what is computed of a shelf as a whole, and a Figure is one of them.
type (
	Figures = aisle.Figures
	Figure  = aisle.Figure
)

// A Node is what is known of one Pi or switch, placed or not.
type Node struct {
	Node      wire.Node
	Site      string
	Shelf     string    // "hex/a1/s3", or "" when unplaced
	Slot      int       // 0 when it has none
	Switch    string    // its name when it is a switch of the layout, else ""
	First     time.Time // when it first said something, on our clock
	Seen      time.Time // newest sample
	Status    *wire.Status
	Inventory *wire.Inventory // hostile strings
	Rejected  map[string]int  // samples that its agent rejected since First, by reason
	Unheard   bool            // it has said nothing since our start: that it is online was true before
	Throttled *uint32         // the firmware's word of the newest sample, see wire.QuantityThrottled; nil when there was none since our start
}

// An Unplaced is a node or a sensor that stands nowhere in the layout.
type Unplaced struct {
	Site   string // "" of a Pi that does not report, on a switch that feeds no slot
	Node   wire.Node
	Sensor string         // device; "" when the node itself is unplaced
	Why    string         // "unknown node", "unknown sensor", "foreign sensor", "no agent reports from it"
	Seen   time.Time      // newest sample; zero of a Pi that does not report
	Spot   placement.Spot // of a node: where a switch shows it; zero when none does
}
