package rack

import (
	"maps"
	"slices"
	"time"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/store"
)

// A Past is a shelf as it stood while nothing of it changed. Who has read what was
// stored then builds its states, as many as it likes, without asking the store
// for each. It is safe for concurrent use.
type Past struct {
	index   *index
	shelf   *layout.Shelf
	ages    ages
	normals Normals
}

// Past returns a shelf, by its id, as a layout has it; ok is false when that has
// no such shelf.
func (m *Model) Past(l *layout.Layout, shelf string) (p Past, ok bool) {
	x := newIndex(l)
	s, ok := x.shelves[shelf]
	return Past{x, s, m.ages, m.normals}, ok
}

// Shelf returns the shelf, which must not be changed.
func (p Past) Shelf() *layout.Shelf { return p.shelf }

// Lookback is the age at which a point counts no more.
func (p Past) Lookback() time.Duration { return p.ages.missing }

// Records returns the names of the records that a State of the shelf is built
// from, sorted.
func (p Past) Records() []string {
	names := map[string]bool{}
	for _, slot := range p.shelf.Slots {
		if slot.Node != "" {
			names[socRecord(slot.Node)] = true
		}
		if record := p.index.powerRecord(slot); record != "" {
			names[record] = true
		}
	}
	for _, probe := range p.shelf.Probes {
		names[probeRecord(probe)] = true
	}
	for _, fan := range p.shelf.Fans {
		names[fan.Speed] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// State returns the shelf at a moment, the same as Model.State does when it stood
// so then. newest returns the newest point of a record at that moment, of which one
// that is as old as Lookback counts for nothing, as does the zero point.
func (p Past) State(at time.Time, newest func(record string) store.Point) State {
	known := func(record string) Known { return Known{Point: newest(record)} }
	return p.index.build(p.shelf, at, recall{newest: known, normals: p.normals}, p.ages)
}
