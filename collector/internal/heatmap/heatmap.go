// Package heatmap computes what a shelf looks like from above and draws it.
//
// [New] turns a shelf's state into a [Map]: one value for each slot, and for the
// air a field between them, each with its uncertainty and its origin. The map
// is written as JSON, SVG or PNG. The package is pure: the same state gives the
// same bytes, and nothing here reads a clock.
package heatmap

import (
	"errors"
	"fmt"
	"math"
	"time"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/rack"
)

// A Layer is the quantity that a map shows.
type Layer string

// The layers. Delta compares each Pi with its own normal, Excess with the shelf's
// other Pis.
const (
	Air    Layer = "air"    // °C, air temperature, reconstructed between the probes
	SoC    Layer = "soc"    // °C, temperature of each Pi's processor
	PoE    Layer = "poe"    // W, power that each Pi draws
	Delta  Layer = "delta"  // K, SoC against what it has as a rule at such inlets
	Excess Layer = "excess" // K, SoC against what its neighbours and its load explain
)

// ParseLayer returns the layer of that name; "" is Air. The error names the
// layers that there are.
func ParseLayer(s string) (Layer, error) {
	switch l := Layer(s); l {
	case "":
		return Air, nil
	case Air, SoC, PoE, Delta, Excess:
		return l, nil
	}
	return "", fmt.Errorf("parse layer %q: want air, soc, poe, delta or excess", s)
}

// A Source tells where a cell's value comes from.
type Source string

// The sources, from the best down.
const (
	Measured Source = "measured" // a fresh sensor in the cell says so
	Inferred Source = "inferred" // computed from fresh sensors elsewhere
	Stale    Source = "stale"    // known only from sensors that have fallen silent
	Missing  Source = "missing"  // nothing supports a value
)

// A Map is one layer of a shelf at one moment.
type Map struct {
	Shelf          string // "hex/a1/s3"
	T              time.Time
	Layer          Layer
	Columns, Depth int
	Cells          []Cell // Columns × Depth, slot n at index n-1
	Field          *Field // Air only, else nil

	Doubted []string  // fresh probes that Air does not believe, by name: all else speaks against them
	Newest  time.Time // of the samples that the layer is made of; zero without any
	Probes  []rack.Probe
	Fans    []rack.Fan
	Figures rack.Figures
	Limits  layout.Limits
}

// A Cell is the value of one slot, in the layer's unit.
type Cell struct {
	Slot   int     // from 1
	Value  float64 // NaN when Missing
	SD     float64 // standard deviation of a computed Value, in its unit; 0 when it was read as it is; NaN when Missing
	Source Source
}

// New computes one layer of a shelf.
//
// Every slot gets a cell. For SoC and PoE it is the slot's own reading. For Air
// it is what a Gaussian process makes of the probes and, as noisy witnesses, of
// the SoC temperatures; see the constants in air.go for when it counts as
// measured, inferred or missing. For Excess it is the Pi's own reading less what
// the same process makes of all others; without some Pis to compare with, all
// cells are missing. For Delta it is the slot's own reading less its normal, and
// missing where that is not known. Readings that are not finite count as missing.
//
// The error says that the layer is unknown or that the state has no shelf.
func New(state rack.State, layer Layer) (*Map, error) {
	if state.Shelf == nil {
		return nil, errors.New("draw map: the state has no shelf")
	}
	shelf := state.Shelf
	if n := shelf.Columns * shelf.Depth; n < 1 || len(state.Slots) != n {
		return nil, fmt.Errorf("draw map of %s: %d slots for %d columns by %d deep", shelf.ID(), len(state.Slots), shelf.Columns, shelf.Depth)
	}
	m := &Map{
		Shelf: shelf.ID(), T: state.At, Layer: layer,
		Columns: shelf.Columns, Depth: shelf.Depth,
		Probes: finite(state.Probes), Fans: state.Fans,
		Figures: state.Figures, Limits: shelf.Limits,
	}
	switch layer {
	case Air:
		m.air(state)
	case SoC:
		m.read(state.Slots, func(s rack.Slot) rack.Value { return s.SoC })
	case PoE:
		m.read(state.Slots, func(s rack.Slot) rack.Value { return s.Power })
	case Excess:
		m.excess(state)
	case Delta:
		m.delta(state.Slots)
	default:
		return nil, fmt.Errorf("draw layer %q of %s: want air, soc, poe, delta or excess", layer, m.Shelf)
	}
	return m, nil
}

// read fills the cells with one reading of each slot.
func (m *Map) read(slots []rack.Slot, of func(rack.Slot) rack.Value) {
	m.Cells = make([]Cell, len(slots))
	for i, s := range slots {
		v := of(s)
		m.Cells[i] = Cell{Slot: i + 1, Value: math.NaN(), SD: math.NaN(), Source: Missing}
		if !known(v) {
			continue
		}
		m.Cells[i] = Cell{Slot: i + 1, Value: v.V, Source: Measured}
		if !v.Ok() {
			m.Cells[i].Source = Stale
		}
		m.saw(v)
	}
}

// saw keeps the time of the newest sample.
func (m *Map) saw(v rack.Value) {
	if v.Time.After(m.Newest) {
		m.Newest = v.Time
	}
}

// known tells whether v holds a number that can be drawn.
func known(v rack.Value) bool {
	return (v.State == rack.Fresh || v.State == rack.Stale) && !math.IsNaN(v.V) && !math.IsInf(v.V, 0)
}

// finite returns probes with what is not a number marked as missing.
func finite(probes []rack.Probe) []rack.Probe {
	out := make([]rack.Probe, len(probes))
	for i, p := range probes {
		if !known(p.Value) {
			p.Value = rack.Value{State: rack.Missing, Fault: p.Fault}
		}
		out[i] = p
	}
	return out
}
