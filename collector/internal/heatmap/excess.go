package heatmap

import (
	"math"

	"thermarack/collector/internal/rack"
)

// Conspicuous is from how many standard deviations on the excess of a Pi is
// worth a look: its fan stands, or its heat sink has come off. Of 108 Pis none
// is so far off by chance, but a Pi whose power is not known must be very warm
// for it: its load could be the reason.
const Conspicuous = 5

// excess fills the cells with how much warmer each Pi is than all others, the
// probes and its own watts say, in K. SD is how exactly they say it, which tells
// a Pi that is busy from one that is too warm: see Conspicuous.
//
// It needs some Pis to compare with, and no probe: what all Pis share is nobody's
// excess. What is said of a stale Pi is by fresh ones.
func (m *Map) excess(state rack.State) {
	m.blank()
	var sights []sight
	for _, p := range m.Probes {
		if p.Ok() {
			sights = append(sights, see(p.X, p.Y, p.Value))
		}
	}
	first := len(sights)
	sights = m.proxies(sights, state, rack.Value.Ok)
	if len(sights)-first < socsEnough {
		return
	}
	gp, ok := fit(sights, m.Columns, m.Depth)
	if !ok {
		return
	}
	trust := make(map[int]float64, len(sights)) // by slot
	for i, s := range sights[first:] {
		trust[s.slot] = gp.prior.trust[first+i]
	}
	for _, s := range m.proxies(nil, state, known) {
		celsius, sd := gp.others(&s, trust[s.slot])
		c := Cell{Slot: s.slot, Value: s.celsius - celsius, SD: sd, Source: Measured}
		v := state.Slots[s.slot-1].SoC
		if !v.Ok() {
			c.Source = Stale
		}
		m.Cells[s.slot-1] = c
		m.saw(v)
	}
}

// blank makes all cells missing.
func (m *Map) blank() {
	m.Cells = make([]Cell, m.Columns*m.Depth)
	for i := range m.Cells {
		m.Cells[i] = Cell{Slot: i + 1, Value: math.NaN(), SD: math.NaN(), Source: Missing}
	}
}
