package rack

import (
	"iter"
	"time"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/aisle"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/store"
)

// A Known is the newest good sample of a record and, when a newer one was
// rejected, why.
type Known struct {
	store.Point
	Fault string
}

// Limits of age. Both are counted on the collector's clock.
type ages struct {
	stale   time.Duration // older is Stale
	missing time.Duration // older is Missing
}

func (a ages) value(at time.Time, k Known, offset float64) Value {
	age := at.Sub(k.Time)
	switch {
	case k.Time.IsZero() || age > a.missing:
		return Value{State: Missing, Fault: k.Fault}
	case age > a.stale || age < -ingest.MaxAhead || k.Fault != "":
		return Value{V: k.Value + offset, Time: k.Time, State: Stale, Fault: k.Fault}
	}
	return Value{V: k.Value + offset, Time: k.Time, State: Fresh}
}

// A recall is what is known at one moment.
type recall struct {
	newest func(record string) Known

	// earlier returns a sample from aisle.RiseOver before; nil: none is known.
	earlier func(record string) (float64, bool)

	normals Normals // nil: none are known
}

// build makes the state of one shelf at one moment from what is known then.
func (x *index) build(shelf *layout.Shelf, at time.Time, from recall, age ages) State {
	known := from.newest
	s := State{Shelf: shelf, At: at, Slots: make([]Slot, 0, len(shelf.Slots))}
	for _, slot := range shelf.Slots {
		one := Slot{Slot: slot, SoC: Value{State: Missing}, Power: Value{State: Missing}}
		if slot.Node != "" {
			one.SoC = age.value(at, known(socRecord(slot.Node)), 0)
		}
		if record := x.powerRecord(slot); record != "" {
			one.Power = age.value(at, known(record), 0)
		}
		one.Seen = latest(one.SoC.Time, one.Power.Time)
		s.Slots = append(s.Slots, one)
	}
	for _, p := range shelf.Probes {
		k := known(probeRecord(p))
		s.Probes = append(s.Probes, Probe{p, age.value(at, k, p.Offset)})
	}
	for _, f := range shelf.Fans {
		s.Fans = append(s.Fans, Fan{f, age.value(at, known(f.Speed), 0)})
	}
	s.Figures = figures(s, from.rises(s.Probes))
	for i := range s.Slots {
		s.Slots[i].Normal = from.normal(s.Slots[i], s.Figures.Inlet)
	}
	return s
}

// normal returns what the SoC of a slot has as a rule when the inlets are as they
// are.
func (r recall) normal(slot Slot, inlet Figure) Figure {
	if slot.Node == "" || r.normals == nil {
		return Figure{Why: "no Pi is known here"}
	}
	if !inlet.Ok() {
		return inlet
	}
	rise, _, ok := r.normals.Normal(socRecord(slot.Node))
	if !ok {
		return Figure{Why: "not watched for long enough"}
	}
	return Figure{V: inlet.V + rise, Inputs: inlet.Inputs}
}

// Temperatures returns the record names and values of a shelf's probes and SoCs.
func Temperatures(s State) iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for _, p := range s.Probes {
			if !yield(probeRecord(p.Probe), p.Value) {
				return
			}
		}
		for _, slot := range s.Slots {
			if slot.Node != "" && !yield(socRecord(slot.Node), slot.SoC) {
				return
			}
		}
	}
}

// rises returns by how much the inlets have warmed, in K.
func (r recall) rises(probes []Probe) (rises []float64) {
	for _, p := range probes {
		if r.earlier == nil || p.Face != layout.Cold || !p.Ok() {
			continue
		}
		if before, ok := r.earlier(probeRecord(p.Probe)); ok {
			rises = append(rises, p.V-p.Offset-before)
		}
	}
	return rises
}

func probeRecord(p layout.Probe) string { return p.Sensor + ":" + wire.QuantityTemperature }

func socRecord(node wire.Node) string {
	return node.Device("soc") + ":" + wire.QuantityTemperature
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// figures computes what the shelf comes to as a whole; rises may be nil.
func figures(s State, rises []float64) aisle.Figures {
	in := aisle.Input{Rises: rises}
	for _, p := range s.Probes {
		switch p.Face {
		case layout.Cold:
			note(&in.Inlets, p.Value)
		case layout.Hot:
			note(&in.Outlets, p.Value)
		}
	}
	for _, slot := range s.Slots {
		if slot.Switch != "" {
			note(&in.Watts, slot.Power)
		}
	}
	return aisle.Compute(in)
}

func note(s *aisle.Sensors, v Value) {
	s.All++
	if v.Ok() {
		s.Fresh = append(s.Fresh, v.V)
	}
}
