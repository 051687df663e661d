package heatmap_test

import (
	"math"
	"slices"
	"testing"

	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/rack"
)

// conspicuous returns the slots whose excess is worth a look.
func conspicuous(m *heatmap.Map) (slots []int) {
	for _, c := range m.Cells {
		if c.Value > heatmap.Conspicuous*c.SD {
			slots = append(slots, c.Slot)
		}
	}
	return slots
}

// warmed returns a state in which one SoC is warmer.
func warmed(state rack.State, slot int, by float64) rack.State {
	state.Slots = slices.Clone(state.Slots)
	state.Slots[slot-1].SoC.V += by
	return state
}

func TestBadContactIsFoundAndNobodyElse(t *testing.T) {
	t.Parallel()
	for i, all := range scenes() {
		healthy := all[0].fed
		if got := conspicuous(mustNew(t, healthy, heatmap.Excess)); len(got) > 0 {
			t.Errorf("shelf %d: slots %v are conspicuous, want none", i, got)
		}
		slot := 1 + (37*i+5)%108
		m := mustNew(t, warmed(healthy, slot, 8), heatmap.Excess)
		if got := conspicuous(m); !slices.Equal(got, []int{slot}) {
			t.Errorf("shelf %d: slots %v are conspicuous, want %d", i, got, slot)
		}
		if got := m.Cells[slot-1].Value; math.Abs(got-8) > 3 {
			t.Errorf("shelf %d: excess of slot %d is %.1f K, want about 8", i, slot, got)
		}
	}
}

func TestWithoutPowerABusyPiIsNotTakenForAWarmOne(t *testing.T) {
	t.Parallel()
	for condition, name := range conditions {
		for i, all := range scenes() {
			if got := conspicuous(mustNew(t, all[condition].state, heatmap.Excess)); len(got) > 0 {
				t.Errorf("shelf %d, %s: slots %v are conspicuous, want none", i, name, got)
			}
		}
	}
}

func TestTheSDOfAnExcessIsThatOfHealthyPis(t *testing.T) {
	t.Parallel()
	for condition, name := range conditions {
		within, n := 0, 0
		for _, all := range scenes() {
			for _, c := range mustNew(t, all[condition].state, heatmap.Excess).Cells {
				n++
				if math.Abs(c.Value) <= 1.645*c.SD {
					within++
				}
			}
		}
		if share := 100 * float64(within) / float64(n); share < 80 || share > 97 {
			t.Errorf("%s: %.0f %% of the Pis are within 1.645 sd, want 80 to 97", name, share)
		}
	}
}

func TestAnExcessNeedsSomeToCompareWith(t *testing.T) {
	t.Parallel()
	state := shelf(3, 3)
	for i := range 5 {
		state.Slots[i].SoC = fresh(50)
	}
	if got := sources(mustNew(t, state, heatmap.Excess)); got != "--- --- ---" {
		t.Errorf("five Pis: sources = %s, want none", got)
	}
	state.Slots[5].SoC, state.Slots[6].SoC = fresh(50), stale(58)
	state.Slots[7].SoC = fresh(math.NaN())
	m := mustNew(t, state, heatmap.Excess)
	if got := sources(m); got != "mmm mmm s--" {
		t.Errorf("six and a silent one: sources = %s, want mmm mmm s--", got)
	}
	if got := m.Cells[6].Value; math.Abs(got-8) > 1 {
		t.Errorf("excess of the silent one = %.1f K, want about 8", got)
	}
	if m.Field != nil || !m.Newest.Equal(state.Slots[0].SoC.Time) {
		t.Errorf("field %v, newest %v: want none, and the fresh ones' time", m.Field, m.Newest)
	}
}
