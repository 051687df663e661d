package heatmap

import (
	"math"

	"thermarack/collector/internal/rack"
)

// delta fills the cells with how much warmer each Pi is than it is as a rule at
// such inlets, in K. A Pi that has not been watched for long enough has no normal,
// and no Pi has one while the inlets are not known: those cells are missing.
func (m *Map) delta(slots []rack.Slot) {
	m.read(slots, func(s rack.Slot) rack.Value {
		v := s.SoC
		if !s.Normal.Ok() || math.IsNaN(s.Normal.V) || math.IsInf(s.Normal.V, 0) {
			return rack.Value{State: rack.Missing, Fault: v.Fault}
		}
		v.V -= s.Normal.V
		return v
	})
}
