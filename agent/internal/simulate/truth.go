package simulate

import (
	"encoding/json"
	"fmt"
	"time"
)

const (
	// horizon is how far ahead a critical temperature is looked for.
	horizon = 48 * time.Hour
	// stride is the time step of the physics, between which nothing changes.
	stride = 10 * time.Second
)

// A moment is one line of the truth: one shelf at one full minute, without
// sensors in between.
type moment struct {
	T           float64   `json:"t"` // Unix seconds
	Shelf       string    `json:"shelf"`
	FansRunning int       `json:"fans_running"`
	NX          int       `json:"nx"`
	NY          int       `json:"ny"`
	Field       []float64 `json:"field"` // °C, NY rows of NX from the cold edge backwards, left to right
	Inlet       float64   `json:"inlet"`
	HotAir      float64   `json:"hot_air"` // °C, fused
	DeltaT      float64   `json:"delta_t"` // K
	Power       float64   `json:"power"`   // W, all Pis
	HottestSoC  float64   `json:"hottest_soc"`

	// MinutesToCritical is when the hot air will reach the shelf's critical
	// limit in this run, scenario included; 0 at or above it, null if it does
	// not within the horizon.
	MinutesToCritical *float64 `json:"minutes_to_critical"`
}

// A truth writes the moments of a fleet.
type truth struct {
	out     *output
	shelves []*shelf
	scouts  []*scout
}

// newTruth returns the truth of a fleet that has not begun yet.
func newTruth(f *fleet, out *output) *truth {
	t := &truth{out: out, shelves: f.shelves}
	for _, s := range f.shelves {
		t.scouts = append(t.scouts, newScout(s, f.events))
	}
	return t
}

// tell writes one line a shelf. The fleet must be at the instant at.
func (t *truth) tell(at time.Time) error {
	for i, s := range t.shelves {
		m := momentOf(s, at)
		minutes, ok, err := t.scouts[i].minutes(at)
		if err != nil {
			return err
		}
		if ok {
			minutes = round(minutes, 100)
			m.MinutesToCritical = &minutes
		}
		line, err := json.Marshal(m)
		if err != nil {
			return fmt.Errorf("encode truth of %s: %w", s.ID(), err)
		}
		if _, err := t.out.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("write truth: %w", err)
		}
	}
	return t.out.Flush()
}

func momentOf(s *shelf, at time.Time) moment {
	now := s.air.Truth()
	for i, celsius := range now.Field {
		now.Field[i] = round(celsius, 100)
	}
	return moment{
		T: seconds(at), Shelf: s.ID(), FansRunning: now.FansRunning,
		NX: now.NX, NY: now.NY, Field: now.Field,
		Inlet: round(now.Inlet, 100), HotAir: round(now.HotAir, 100), DeltaT: round(now.DeltaT, 100),
		Power: round(now.Power, 100), HottestSoC: round(now.HottestSoC, 100),
	}
}

// A scout is a copy of a shelf that lives through the same scenario ahead of it,
// in search of its critical temperature. Physics does not depend on who reads
// sensors, so that what it finds is what will be.
type scout struct {
	shelf  shelf
	events []event // of this shelf, to come
	now    time.Time
	found  bool // the air is critical now, at the earliest since it was last asked
}

func newScout(s *shelf, events []event) *scout {
	c := &scout{shelf: *s}
	c.shelf.air = s.air.Clone()
	c.now = s.zero.Add(s.air.Elapsed())
	for _, e := range events {
		if e.shelf == s {
			c.events = append(c.events, e)
		}
	}
	return c
}

// minutes returns how long it takes from an instant until the hot air reaches
// the critical limit; ok is false if it takes longer than the horizon. Each call
// must be later than the one before, and then costs no more than the time
// between them.
func (c *scout) minutes(from time.Time) (minutes float64, ok bool, err error) {
	if c.found && !c.now.Before(from) {
		return c.now.Sub(from).Minutes(), true, nil
	}
	c.found = false
	if c.now.Before(from) {
		err = c.advanceTo(from)
	}
	for err == nil {
		if c.shelf.air.Truth().HotAir >= c.shelf.Limits.Critical {
			c.found = true
			return c.now.Sub(from).Minutes(), true, nil
		}
		if c.now.Sub(from) >= horizon {
			return 0, false, nil
		}
		err = c.advanceTo(c.now.Add(stride))
	}
	return 0, false, err
}

func (c *scout) advanceTo(at time.Time) error {
	for len(c.events) > 0 && !c.events[0].at.After(at) {
		if err := c.events[0].happen(&c.shelf); err != nil {
			return err
		}
		c.events = c.events[1:]
	}
	c.shelf.advanceTo(at)
	c.now = at
	return nil
}
