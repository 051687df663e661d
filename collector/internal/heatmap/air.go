package heatmap

import (
	"math"
	"slices"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/rack"
)

// What the sensors are worth, as standard deviations in K.
const (
	probeError = 0.15 // a probe, against turbulence and its own step of 1/16 K
	proxyError = 2.2  // a SoC against the others, mostly the load of its Pi
	explained  = 0.5  // share of a SoC's variance that is left when its power is known
	staleError = 1.0  // on top, for a sensor that has fallen silent
)

// When a cell's air counts as known, by its standard deviation in K.
const (
	inferredSD = 2.5 // above it a guess would be shown as air: missing
	measuredSD = 0.8 // up to it, measured if the cell's own SoC is fresh; a fresh probe in the cell makes it so anyway
)

// Bounds on the work for one map. A shelf of 108 stays below all of them.
const (
	mostPoints  = 48  // field points along one side
	mostProxies = 160 // beyond it, neighbouring SoCs are averaged
	mostProbes  = 160 // likewise
)

// air fills cells and field with the air temperature.
//
// Fresh sensors decide first. What they leave open is asked again with the
// silent ones; what that supports is Stale. Without any probe there is no air:
// a SoC tells differences but not the level.
func (m *Map) air(state rack.State) {
	m.Cells = make([]Cell, len(state.Slots))
	for i := range m.Cells {
		m.Cells[i] = Cell{Slot: i + 1, Value: math.NaN(), SD: math.NaN(), Source: Missing}
	}
	nx, ny := points(m.Columns), points(m.Depth)
	m.Field = &Field{NX: nx, NY: ny, Value: make([]float64, nx*ny), SD: make([]float64, nx*ny)}
	for k := range m.Field.Value {
		m.Field.Value[k], m.Field.SD[k] = math.NaN(), math.NaN()
	}
	m.sawAir(state)
	if fresh := m.reconstruct(state, rack.Value.Ok); fresh != nil {
		m.adopt(fresh, func(i int, sd float64) Source { return fresh.grade(state.Slots[i].SoC, i, sd) })
	}
	if !m.full() && silent(state) {
		if all := m.reconstruct(state, known); all != nil {
			m.adopt(all, func(int, float64) Source { return Stale })
		}
	}
}

// points returns how many field points a side of n slots gets: two a slot while
// that is affordable.
func points(n int) int { return min(2*n, mostPoints) }

func (m *Map) sawAir(state rack.State) {
	for _, p := range m.Probes {
		if known(p.Value) {
			m.saw(p.Value)
		}
	}
}

// A view is the field that some of the sensors make.
type view struct {
	*Field
	inside bool   // some of them see between the outer rows
	probed []bool // by cell: one of the probes is in it
}

// reconstruct computes the field from the values that use accepts, or returns
// nil if there is no probe among them.
func (m *Map) reconstruct(state rack.State, use func(rack.Value) bool) *view {
	var probes []sight
	probed := make([]bool, len(m.Cells))
	for _, p := range m.Probes {
		if use(p.Value) && known(p.Value) {
			probes = append(probes, see(p.X, p.Y, p.Value, probeError))
			probed[m.cellAt(p.X, p.Y)] = true
		}
	}
	if len(probes) == 0 {
		return nil
	}
	socs := m.proxies(state, use)
	sights := append(thin(probes, mostProbes), thin(socs, mostProxies)...)
	gp, ok := fitRobust(believe(probes), sights)
	if !ok {
		return nil
	}
	return &view{gp.field(m.Field.NX, m.Field.NY), slices.ContainsFunc(sights, m.sees), probed}
}

// sees tells whether s knows something of the middle of the shelf: any SoC, or a
// probe that stands in neither the first row nor the last.
func (m *Map) sees(s sight) bool {
	return s.proxy || !m.outer(index(s.y, m.Depth))
}

// outer tells whether a row is the first or the last.
func (m *Map) outer(row int) bool { return row == 0 || row == m.Depth-1 }

// proxies returns the SoCs whose value use accepts. What the switch says about
// a Pi's power explains most of how it differs from the others.
func (m *Map) proxies(state rack.State, use func(rack.Value) bool) []sight {
	var socs []sight
	mean, fed := meanPower(state.Slots)
	for i, slot := range state.Slots {
		if !use(slot.SoC) || !known(slot.SoC) {
			continue
		}
		x, y := m.center(i)
		y += 0.5 / float64(m.Depth) // a Pi sits in the air that leaves its slot
		s := see(x, y, slot.SoC, proxyError)
		s.proxy = true
		if p := slot.Power; fed && p.Ok() && known(p) {
			s.watts = p.V - mean
			s.variance *= explained
		}
		socs = append(socs, s)
	}
	return socs
}

// meanPower returns the mean of the fresh powers in W; ok is false without any.
func meanPower(slots []rack.Slot) (mean float64, ok bool) {
	n := 0.0
	for _, s := range slots {
		if s.Power.Ok() && known(s.Power) {
			mean += s.Power.V
			n++
		}
	}
	return mean / max(n, 1), n > 0
}

// see makes a sight of a value.
func see(x, y float64, v rack.Value, sd float64) sight {
	variance := sd * sd
	if !v.Ok() {
		variance += staleError * staleError
	}
	return sight{spot: spotAt(x, y), celsius: v.V, variance: variance}
}

// thin averages sights that stand close together until at most most are left.
// It changes nothing on a shelf of ordinary size.
func thin(sights []sight, most int) []sight {
	for grid := mostPoints; len(sights) > most; grid = grid * 3 / 4 {
		sights = average(sights, grid)
	}
	return sights
}

// average replaces the sights in each square of a grid by their mean, weighed by
// what they are worth.
func average(sights []sight, grid int) []sight {
	type sum struct{ x, y, celsius, watts, worth float64 }
	sums := make([]sum, grid*grid)
	for _, s := range sights {
		a, w := &sums[index(s.y, grid)*grid+index(s.x, grid)], 1/s.variance
		*a = sum{a.x + w*s.x, a.y + w*s.y, a.celsius + w*s.celsius, a.watts + w*s.watts, a.worth + w}
	}
	var out []sight
	for _, a := range sums {
		if w := a.worth; w > 0 {
			out = append(out, sight{spotAt(a.x/w, a.y/w), a.celsius / w, 1 / w, sights[0].proxy, a.watts / w})
		}
	}
	return out
}

// index returns which of n equal parts of 0..1 holds p.
func index(p float64, n int) int { return min(max(int(p*float64(n)), 0), n-1) }

// adopt takes over v for the cells that are missing so far and that it
// supports: those with a probe, and those where it is sure enough; between the
// outer rows only if it has seen something there. grade says how good such a
// cell is.
func (m *Map) adopt(v *view, grade func(i int, sd float64) Source) {
	taken := make([]bool, len(m.Cells))
	for i := range m.Cells {
		x, y := m.center(i)
		sd := v.at(v.SD, x, y)
		supported := v.probed[i] || sd <= inferredSD && (v.inside || m.outer(i/m.Columns))
		if m.Cells[i].Source == Missing && supported {
			m.Cells[i] = Cell{Slot: i + 1, Value: v.at(v.Value, x, y), SD: sd, Source: grade(i, sd)}
			taken[i] = true
		}
	}
	for k := range v.Value {
		if taken[m.cellAt(v.place(k))] {
			m.Field.Value[k], m.Field.SD[k] = v.Value[k], v.SD[k]
		}
	}
}

// center returns the middle of the cell at index i.
func (m *Map) center(i int) (x, y float64) {
	s := layout.Shelf{Columns: m.Columns, Depth: m.Depth}
	return s.Center(i + 1)
}

// cellAt returns the index of the cell at a place.
func (m *Map) cellAt(x, y float64) int {
	return index(y, m.Depth)*m.Columns + index(x, m.Columns)
}

// grade tells Measured from Inferred for the cell at index i, which fresh
// sensors know to sd and whose own SoC is soc.
func (v *view) grade(soc rack.Value, i int, sd float64) Source {
	if v.probed[i] || sd <= measuredSD && soc.Ok() && known(soc) {
		return Measured
	}
	return Inferred
}

// full tells whether every cell has a value.
func (m *Map) full() bool {
	for _, c := range m.Cells {
		if c.Source == Missing {
			return false
		}
	}
	return true
}

// silent tells whether any sensor has a stale value.
func silent(state rack.State) bool {
	for _, p := range state.Probes {
		if p.State == rack.Stale {
			return true
		}
	}
	for _, s := range state.Slots {
		if s.SoC.State == rack.Stale {
			return true
		}
	}
	return false
}
