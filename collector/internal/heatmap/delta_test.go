package heatmap_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/rack"
)

// learned is small with Pis that have a normal; some are warmer than it, one is
// colder, and of one it is not known.
func learned() rack.State {
	state := small()
	for i := range state.Slots {
		off := 0.4 * math.Sin(float64(i))
		state.Slots[i].Normal = rack.Figure{V: state.Slots[i].SoC.V - off, Inputs: "2 of 2 inlets"}
	}
	state.Slots[1].Normal.V -= 6.5
	state.Slots[6].Normal.V += 4
	state.Slots[7].SoC = stale(57)
	state.Slots[10].Normal = rack.Figure{Why: "not watched for long enough"}
	return state
}

func TestDeltaIsTheSoCLessItsNormal(t *testing.T) {
	t.Parallel()
	state := shelf(4, 2)
	set := func(slot int, soc rack.Value, normal rack.Figure) {
		state.Slots[slot-1].SoC, state.Slots[slot-1].Normal = soc, normal
	}
	set(1, fresh(58), rack.Figure{V: 55.5})
	set(2, stale(50), rack.Figure{V: 53})
	set(3, missing(), rack.Figure{V: 50})
	set(4, fresh(58), rack.Figure{Why: "not watched for long enough"})
	set(5, fresh(math.Inf(1)), rack.Figure{V: 50})
	set(6, fresh(50), rack.Figure{V: math.NaN()})
	set(7, fresh(50), rack.Figure{V: math.Inf(-1)})
	set(8, fresh(50), rack.Figure{V: 50})
	none := heatmap.Cell{Value: math.NaN(), SD: math.NaN(), Source: heatmap.Missing}
	want := []heatmap.Cell{
		{Value: 2.5, Source: heatmap.Measured}, {Value: -3, Source: heatmap.Stale},
		none, none, none, none, none, {Source: heatmap.Measured},
	}
	for i := range want {
		want[i].Slot = i + 1
	}
	m := mustNew(t, state, heatmap.Delta)
	if diff := cmp.Diff(want, m.Cells, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if !m.Newest.Equal(state.Slots[0].SoC.Time) || m.Field != nil {
		t.Errorf("newest %v, field %v", m.Newest, m.Field)
	}
}
