package sim

import (
	"slices"
	"time"
)

// A Truth is what really goes on in a shelf, without sensors in between.
type Truth struct {
	FansRunning int

	// Field is the air temperature in °C: NY rows of NX, rows from the cold
	// edge backwards, left to right. NX is the number of columns and each value
	// stands at the middle of one; NY is the depth plus 1: row 0 is the inlet
	// at y = 0, row j the air behind the j-th board at y = j / depth.
	NX, NY int
	Field  []float64

	HotAir     float64 // °C, exhaust: mean over the columns weighted by flow
	Inlet      float64 // °C
	DeltaT     float64 // K, HotAir − Inlet
	HottestSoC float64 // °C, of the Pis that are online; 0 without any
	Power      float64 // W, all Pis
	Airflow    float64 // W/K, mass flow times heat capacity
	Losses     float64 // W, from metal and structure to the room
}

// Truth returns the present state of the shelf. The caller may keep it.
func (s *Shelf) Truth() Truth {
	t := Truth{
		NX: s.p.Columns, NY: s.p.Depth + 1,
		Field:  slices.Clone(s.air),
		HotAir: s.hotAir(),
		Inlet:  s.room.inlet,
		Losses: s.p.StructureRoom * (s.rear - s.room.celsius),
	}
	t.DeltaT = t.HotAir - t.Inlet
	for _, f := range s.fans {
		if !f.stopped {
			t.FansRunning++
		}
	}
	for _, c := range s.columns {
		t.Airflow += c.flow
		t.Losses += float64(s.p.MetalRoom / float64(s.p.Columns) * (c.metal - s.room.celsius))
	}
	for i, watts := range s.load.watts {
		t.Power += watts
		if !s.load.offline[i] {
			t.HottestSoC = max(t.HottestSoC, s.soc(i))
		}
	}
	return t
}

// soc returns the true temperature of the SoC at index i.
func (s *Shelf) soc(i int) float64 {
	return s.boards[i] + float64(s.load.watts[i]*s.p.ResistanceSoC)
}

// A future is a shelf run ahead of another in search of a temperature.
type future struct {
	shelf    *Shelf
	critical float64 // °C
}

// MinutesToCritical returns how long from now the hot air takes to reach
// critical °C if nothing happens to the shelf but what chance has in store; 0
// if it is there already. ok is false if it does not get there within horizon.
//
// It runs a clone ahead, and so is exact to one step of 10 s. The clone is kept
// until the next event: asking again every minute costs a minute of simulation,
// not the whole horizon. The shelf itself is not disturbed.
func (s *Shelf) MinutesToCritical(critical float64, horizon time.Duration) (minutes float64, ok bool) {
	f := s.future
	if f == nil || f.critical != critical || f.shelf.steps < s.steps {
		f = &future{shelf: s.Clone(), critical: critical}
		s.future = f
	}
	last := s.steps + int64(horizon/step)
	reached := f.shelf.hotAir() >= critical
	for !reached && f.shelf.steps < last {
		f.shelf.advance()
		reached = f.shelf.hotAir() >= critical
	}
	if !reached || f.shelf.steps > last {
		return 0, false
	}
	return float64(f.shelf.steps-s.steps) * step.Minutes(), true
}
