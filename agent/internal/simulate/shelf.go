package simulate

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"thermarack/agent/wire/layout"
	"thermarack/hardware/sim"
)

// settle is how long a shelf with empty slots runs before it begins: sim begins
// with all slots full.
const settle = 12 * time.Hour

// A shelf is one shelf of the layout and its physics.
type shelf struct {
	*layout.Shelf
	air  *sim.Shelf
	zero time.Time // the instant at which air had run for no time
}

// newShelf returns a shelf that has settled at start. The error names the shelf.
func newShelf(place *layout.Shelf, seed uint64, start time.Time) (*shelf, error) {
	s := &shelf{Shelf: place, zero: start}
	empty := s.empty()
	if len(empty) > 0 {
		s.zero = start.Add(-settle)
	}
	params := sim.Nominal(place.Columns, place.Depth)
	if n := len(place.Fans); n > 0 {
		params.Fans = n
	}
	var err error
	s.air, err = sim.New(sim.Config{
		Params: params, Probes: probes(place),
		Seed: derive(seed, "shelf", place.ID()), Start: s.zero,
	})
	if err != nil {
		return nil, fmt.Errorf("simulate shelf %s: %w", place.ID(), err)
	}
	off := true
	for _, slot := range empty {
		if err := s.air.Apply(sim.Event{Slot: slot, Offline: &off}); err != nil {
			return nil, fmt.Errorf("simulate shelf %s: %w", place.ID(), err)
		}
	}
	s.advanceTo(start)
	return s, nil
}

// probes returns the shelf's probes; each errs by what the layout corrects.
func probes(place *layout.Shelf) []sim.Probe {
	list := make([]sim.Probe, len(place.Probes))
	for i, p := range place.Probes {
		list[i] = sim.Probe{Name: p.Name, X: p.X, Y: p.Y, Offset: -p.Offset}
	}
	return list
}

// filled tells whether the layout puts a Pi into a slot.
func filled(slot layout.Slot) bool { return slot.Node != "" || slot.Switch != "" && slot.Port > 0 }

// empty returns the numbers of the slots without a Pi. A layout that fills none
// means a shelf of Pis that nobody may look into, so that none is empty.
func (s *shelf) empty() []int {
	var empty []int
	for _, slot := range s.Slots {
		if !filled(slot) {
			empty = append(empty, slot.Number)
		}
	}
	if len(empty) == len(s.Slots) {
		return nil
	}
	return empty
}

// advanceTo lets the physics run until an instant.
func (s *shelf) advanceTo(at time.Time) { s.air.AdvanceTo(at.Sub(s.zero)) }

// An event is one entry of the scenario.
type event struct {
	sim.Event
	at    time.Time
	shelf *shelf
}

// derive returns a number for a purpose that is as good as random, and the same
// for the same seed.
func derive(seed uint64, purpose ...string) uint64 {
	text := binary.BigEndian.AppendUint64(nil, seed)
	sum := sha256.Sum256(append(text, strings.Join(purpose, "\x00")...))
	return binary.BigEndian.Uint64(sum[:])
}
