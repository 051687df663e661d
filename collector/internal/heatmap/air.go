package heatmap

import (
	"math"
	"slices"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/rack"
)

// What makes a sensor worth less than others of its kind, as standard deviations
// in K.
const (
	staleError = 1.0 // it has fallen silent
	untold     = 4.0 // a SoC whose Pi's power is not known, where that of others is
)

// When a cell's air counts as known, by its standard deviation in K.
const (
	inferredSD = 2.5 // above it a guess would be shown as air: missing
	measuredSD = 0.8 // up to it, measured if the cell's own SoC is fresh; a fresh probe in the cell makes it so anyway
)

// mostPoints bounds the field's points along one side.
const mostPoints = 48

// air fills cells and field with the air temperature.
//
// Fresh sensors decide first. What they leave open is asked again with the
// silent ones; what that supports is Stale. Without any probe there is no air:
// a SoC tells differences but not the level.
func (m *Map) air(state rack.State) {
	m.blank()
	nx, ny := points(m.Columns), points(m.Depth)
	m.Field = newField(nx, ny)
	for k := range m.Field.Value {
		m.Field.Value[k], m.Field.SD[k] = math.NaN(), math.NaN()
	}
	m.sawAir(state)
	if fresh := m.reconstruct(state, rack.Value.Ok); fresh != nil {
		m.Doubted = fresh.doubted
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
	inside  bool     // some of them see between the outer rows
	probed  []bool   // by cell: one of the probes is in it, and agrees
	doubted []string // probes that do not agree with the rest
}

// socsEnough is how many SoCs can be told from one another.
const socsEnough = 6

// enough tells whether sensors tell the shapes of a shelf apart: three that
// measure both faces, and with them the rise, or some SoCs, which stand at every
// depth. Of fewer the probes are taken as they are.
func enough(sights []sight) bool {
	const least = 3
	faces, proxies := [2]int{}, 0
	for _, s := range sights {
		switch {
		case s.proxy:
			proxies++
		case s.y < coldThird:
			faces[0]++
		case s.y > hotThird:
			faces[1]++
		}
	}
	return proxies >= socsEnough || len(sights) >= least && faces[0] > 0 && faces[1] > 0
}

// reconstruct computes the field from the values that use accepts, or returns
// nil if there is no probe among them.
func (m *Map) reconstruct(state rack.State, use func(rack.Value) bool) *view {
	sights := make([]sight, 0, len(m.Probes)+len(state.Slots))
	var names []string // of the probes, which come first
	for _, p := range m.Probes {
		if use(p.Value) && known(p.Value) {
			sights = append(sights, see(p.X, p.Y, p.Value))
			names = append(names, p.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	v := &view{probed: make([]bool, len(m.Cells))}
	doubted := func(int) bool { return false }
	if all := m.proxies(sights, state, use); enough(all) {
		gp, ok := fit(all, m.Columns, m.Depth)
		if !ok {
			return nil
		}
		sights, doubted = all, func(i int) bool { return gp.doubts(&all[i], i) }
		v.Field = gp.field(m.Field.NX, m.Field.NY)
	} else {
		s, ok := newSpline(sights)
		if !ok {
			return nil
		}
		v.Field = s.field(m.Field.NX, m.Field.NY)
	}
	for i, name := range names {
		if doubted(i) {
			v.doubted = append(v.doubted, name)
			continue
		}
		v.probed[m.cellAt(sights[i].x, sights[i].y)] = true
	}
	v.inside = slices.ContainsFunc(sights, m.sees)
	return v
}

// sees tells whether s knows something of the middle of the shelf: any SoC, or a
// probe that stands in neither the first row nor the last.
func (m *Map) sees(s sight) bool {
	return s.proxy || !m.outer(index(s.y, m.Depth))
}

// outer tells whether a row is the first or the last.
func (m *Map) outer(row int) bool { return row == 0 || row == m.Depth-1 }

// proxies appends the SoCs whose value use accepts. What the switch says about a
// Pi's power explains most of how it differs from the others.
func (m *Map) proxies(to []sight, state rack.State, use func(rack.Value) bool) []sight {
	mean, fed := meanPower(state.Slots)
	for i, slot := range state.Slots {
		if !use(slot.SoC) || !known(slot.SoC) {
			continue
		}
		x, y := m.center(i)
		y += 0.5 / float64(m.Depth) // a Pi sits in the air that leaves its slot
		s := see(x, y, slot.SoC)
		s.proxy, s.slot = true, i+1
		switch p := slot.Power; {
		case !fed:
		case p.Ok() && known(p):
			s.watts = p.V - mean
		default:
			s.extra += untold * untold
		}
		to = append(to, s)
	}
	return to
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
func see(x, y float64, v rack.Value) sight {
	s := sight{spot: spotAt(x, y), celsius: v.V}
	if !v.Ok() {
		s.extra = staleError * staleError
	}
	return s
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
