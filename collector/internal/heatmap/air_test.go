package heatmap_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/rack"
)

// miss returns the root mean square difference between a map's field and warm.
func miss(m *heatmap.Map) float64 {
	var sum float64
	for k, v := range m.Field.Value {
		x := (float64(k%m.Field.NX) + 0.5) / float64(m.Field.NX)
		y := (float64(k/m.Field.NX) + 0.5) / float64(m.Field.NY)
		sum += (v - warm(x, y)) * (v - warm(x, y))
	}
	return math.Sqrt(sum / float64(len(m.Field.Value)))
}

func TestFieldComesCloseToTheAir(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		state rack.State
		most  float64 // K
	}{
		{"twelve probes", warmShelf(false, 0, 0.5, 1), 0.4},
		{"twelve probes and the SoCs", warmShelf(true, 0, 0.5, 1), 0.3},
		{"face probes and the SoCs", warmShelf(true, 0, 1), 0.8},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := miss(mustNew(t, tt.state, heatmap.Air)); !(got < tt.most) {
				t.Errorf("RMSE = %.2f K, want below %.2f", got, tt.most)
			}
		})
	}
}

func TestUncertaintyCoversTheError(t *testing.T) {
	t.Parallel()
	m := mustNew(t, warmShelf(true, 0, 0.5, 1), heatmap.Air)
	within := 0
	for _, c := range m.Cells {
		x, y := shelf(12, 9).Shelf.Center(c.Slot)
		if math.Abs(c.Value-warm(x, y)) < 1.645*c.SD {
			within++
		}
	}
	if within < 86 { // 80 % of 108
		t.Errorf("%d of 108 cells within their 90 %% band, want 86 or more", within)
	}
}

func TestTheMiddleIsMissingWithoutASensorThere(t *testing.T) {
	t.Parallel()
	got := sources(mustNew(t, warmShelf(false, 0, 1), heatmap.Air))
	face := "imiimiimiimi"
	want := face + strings.Repeat(" ------------", 7) + " " + face
	// 0.125 × 12 = 1.5: the probes stand in columns 2, 5, 8 and 11
	if got != want {
		t.Errorf("sources\n got %s\nwant %s", got, want)
	}
}

// supports says what some sensors make of a shelf of 3 by 3.
var supports = []struct {
	name string
	make func(*rack.State)
	want string
}{
	{"nothing", func(*rack.State) {}, "--- --- ---"},
	{"SoCs alone do not know the air", func(s *rack.State) {
		for i := range s.Slots {
			s.Slots[i].SoC = fresh(50)
		}
	}, "--- --- ---"},
	{"one cold probe", func(s *rack.State) { probe(s, "c", 0.5, 0, fresh(21)) }, "-m- --- ---"},
	{"one cold and one hot", func(s *rack.State) {
		probe(s, "c", 0.5, 0, fresh(21))
		probe(s, "h", 0.5, 1, fresh(26))
	}, "imi --- imi"},
	{"with one inside", func(s *rack.State) {
		probe(s, "c", 0.5, 0, fresh(21))
		probe(s, "m", 0.5, 0.5, fresh(24))
		probe(s, "h", 0.5, 1, fresh(26))
	}, "imi imi imi"},
	{"only silent ones", func(s *rack.State) {
		probe(s, "c", 0.5, 0, stale(21))
		probe(s, "m", 0.5, 0.5, stale(24))
		probe(s, "h", 0.5, 1, stale(26))
	}, "sss sss sss"},
	{"silent ones fill what fresh ones leave open", func(s *rack.State) {
		probe(s, "c", 0.5, 0, fresh(21))
		probe(s, "m", 0.5, 0.5, stale(24))
		probe(s, "h", 0.5, 1, fresh(26))
	}, "imi sss imi"},
	{"a missing probe and one that reads NaN", func(s *rack.State) {
		probe(s, "c", 0.5, 0, missing())
		probe(s, "h", 0.5, 1, fresh(math.NaN()))
	}, "--- --- ---"},
}

func TestWhatSupportsACell(t *testing.T) {
	t.Parallel()
	for _, tt := range supports {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			state := shelf(3, 3)
			tt.make(&state)
			m := mustNew(t, state, heatmap.Air)
			if got := sources(m); got != tt.want {
				t.Errorf("sources = %s, want %s", got, tt.want)
			}
			for _, c := range m.Cells {
				if math.IsNaN(c.Value) != (c.Source == heatmap.Missing) {
					t.Errorf("slot %d is %s with value %v", c.Slot, c.Source, c.Value)
				}
			}
		})
	}
}

func TestOneBusyPiDoesNotWarmTheMap(t *testing.T) {
	t.Parallel()
	calm := mustNew(t, warmShelf(true, 0, 0.5, 1), heatmap.Air)
	state := warmShelf(true, 0, 0.5, 1)
	state.Slots[40].SoC = fresh(state.Slots[40].SoC.V + 25)
	busy := mustNew(t, state, heatmap.Air)
	for i := range calm.Cells {
		if d := math.Abs(busy.Cells[i].Value - calm.Cells[i].Value); d > 0.25 {
			t.Errorf("slot %d moved by %.2f K, want 0.25 at most", i+1, d)
		}
	}
}

func TestPowerExplainsWarmPis(t *testing.T) {
	t.Parallel()
	state := warmShelf(true, 0, 1)
	for i := range state.Slots { // the middle works twice as hard
		watts := 3.0
		if row := i / 12; row >= 3 && row < 6 {
			watts = 6
		}
		state.Slots[i].SoC.V += 6 * watts
		state.Slots[i].Power = fresh(watts)
	}
	told := miss(mustNew(t, state, heatmap.Air))
	for i := range state.Slots {
		state.Slots[i].Power = missing()
	}
	untold := miss(mustNew(t, state, heatmap.Air))
	if !(told < 0.3 && told < untold) {
		t.Errorf("RMSE %.2f K with power known, %.2f without; want below 0.3, and less", told, untold)
	}
}

func TestFieldIsAsMissingAsItsCells(t *testing.T) {
	t.Parallel()
	m := mustNew(t, warmShelf(false, 0, 1), heatmap.Air)
	if m.Field.NX != 24 || m.Field.NY != 18 {
		t.Fatalf("field is %d × %d, want 24 × 18", m.Field.NX, m.Field.NY)
	}
	for k, v := range m.Field.Value {
		cell := m.Cells[k/24/2*12+k%24/2]
		if math.IsNaN(v) != (cell.Source == heatmap.Missing) || math.IsNaN(v) != math.IsNaN(m.Field.SD[k]) {
			t.Errorf("point %d is %v in a cell that is %s", k, v, cell.Source)
		}
	}
}

// moved returns the greatest difference between two maps, in K, but for a cell.
func moved(a, b *heatmap.Map, but int) float64 {
	most := 0.0
	for i := range a.Cells {
		if i != but {
			most = max(most, math.Abs(a.Cells[i].Value-b.Cells[i].Value))
		}
	}
	return most
}

func TestAWildProbeIsDoubtedAndPaintsNothing(t *testing.T) {
	t.Parallel()
	for name, socs := range map[string]bool{"with SoCs": true, "with probes alone": false} {
		calm := mustNew(t, warmShelf(socs, 0, 0.5, 1), heatmap.Air)
		for _, wild := range []float64{85, 36, 12} { // a fifth of them at 20 K or so
			for _, at := range []int{0, 5, 10} {
				state := warmShelf(socs, 0, 0.5, 1)
				state.Probes[at].V = wild
				m := mustNew(t, state, heatmap.Air)
				if got := moved(calm, m, -1); !(got < 0.7) {
					t.Errorf("%s: probe %d at %v °C moves a cell by %.2f K, want less than 0.7", name, at, wild, got)
				}
				if diff := cmp.Diff([]string{state.Probes[at].Name}, m.Doubted); diff != "" {
					t.Errorf("%s: probe %d at %v °C: doubted (-want +got)\n%s", name, at, wild, diff)
				}
			}
		}
		if len(calm.Doubted) > 0 {
			t.Errorf("%s: probes %v are doubted on a calm shelf", name, calm.Doubted)
		}
	}
}

func TestADoubtedProbeDoesNotMakeItsCellMeasured(t *testing.T) {
	t.Parallel()
	state := warmShelf(false, 0, 0.5, 1)
	cell := 4*12 + 4 // of the probe at 0.375, 0.5
	if got := mustNew(t, state, heatmap.Air).Cells[cell].Source; got != heatmap.Measured {
		t.Fatalf("cell of a probe is %s, want measured", got)
	}
	state.Probes[5].V = 85
	if got := mustNew(t, state, heatmap.Air).Cells[cell]; got.Source != heatmap.Inferred || got.Value > 30 {
		t.Errorf("cell of the wild probe is %+v, want it inferred, below 30 °C", got)
	}
}

func TestTheDrawingSaysThatAProbeIsDoubted(t *testing.T) {
	t.Parallel()
	state := warmShelf(true, 0, 0.5, 1)
	state.Probes[5].V = 85
	var svg strings.Builder
	if err := heatmap.WriteSVG(&svg, mustNew(t, state, heatmap.Air), heatmap.Look{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1 probe doubted", "probe pf: 85.0 °C"} {
		if !strings.Contains(svg.String(), want) {
			t.Errorf("the drawing does not say %q", want)
		}
	}
}

func TestTwoProbesDoNotDoubtEachOther(t *testing.T) {
	t.Parallel()
	state := shelf(3, 3)
	probe(&state, "c", 0.5, 0, fresh(21))
	probe(&state, "h", 0.5, 1, fresh(85))
	if got := mustNew(t, state, heatmap.Air).Doubted; len(got) > 0 {
		t.Errorf("probes %v are doubted, want none: nothing speaks against them", got)
	}
}

func TestSilentProbesKnowLess(t *testing.T) {
	t.Parallel()
	state := warmShelf(false, 0, 0.5, 1)
	before := mustNew(t, state, heatmap.Air)
	for i := 8; i < 12; i++ { // the hot face
		state.Probes[i].Value = stale(state.Probes[i].V)
	}
	after := mustNew(t, state, heatmap.Air)
	for i := 96; i < 108; i++ {
		a, b := after.Cells[i], before.Cells[i]
		if !(a.SD > 1.5*b.SD) || a.Source == heatmap.Measured {
			t.Errorf("slot %d: %s with sd %.2f K, was %.2f when the hot face was fresh: want half as much again", i+1, a.Source, a.SD, b.SD)
		}
	}
}

func TestFewProbesOnOneFaceMakeAThinPlate(t *testing.T) {
	t.Parallel()
	state := shelf(12, 9)
	for i, p := range [][3]float64{{0.1, 1, 27}, {0.5, 1, 29}, {0.9, 1, 28}, {0.2, 0.75, 26}, {0.8, 0.8, 27.5}} {
		probe(&state, string(rune('a'+i)), p[0], p[1], fresh(p[2]))
	}
	m := mustNew(t, state, heatmap.Air)
	plate := thinPlate(state.Probes)
	for k, v := range m.Field.Value {
		x, y := (float64(k%24)+0.5)/24, (float64(k/24)+0.5)/18
		if y > 0.75 && !(math.Abs(v-plate(x, y)) < 0.3) {
			t.Errorf("at %.2f, %.2f: %.2f °C, want %.2f as a thin plate has it", x, y, v, plate(x, y))
		}
	}
	if got := sources(m)[:12]; got != "------------" {
		t.Errorf("the cold face is %s, want it missing: nothing speaks of it", got)
	}
}

// odd are shelves that are hard to compute.
var odd = []struct {
	name string
	make func() rack.State
	want string // sources, "" for any
}{
	{"all probes on one spot", func() rack.State {
		state := shelf(3, 3)
		for i := range 12 {
			probe(&state, string(rune('a'+i)), 0.5, 0.5, fresh(24))
		}
		return state
	}, ""},
	{"all probes in one line", func() rack.State {
		state := shelf(3, 3)
		for i := range 5 {
			probe(&state, string(rune('a'+i)), 0.5, 0.7+0.05*float64(i), fresh(24))
		}
		return state
	}, ""},
	{"a single column", func() rack.State {
		state := shelf(1, 9)
		for i := range 4 {
			probe(&state, string(rune('a'+i)), 0.5, float64(i)/3, fresh(21+2*float64(i)))
		}
		return state
	}, "m i i m i i m i m"},
	{"a single row", func() rack.State {
		state := shelf(4, 1)
		probe(&state, "c", 0.1, 0, fresh(21))
		probe(&state, "h", 0.1, 1, fresh(25))
		return state
	}, "mii-"},
	{"a single Pi", func() rack.State {
		state := shelf(1, 1)
		state.Slots[0].SoC = fresh(50)
		probe(&state, "c", 0, 0, fresh(21))
		return state
	}, "m"},
	{"numbers that are no temperatures", func() rack.State {
		state := shelf(3, 3)
		for i := range 6 {
			probe(&state, string(rune('a'+i)), 0.2*float64(i), 0.2*float64(i), fresh(math.MaxFloat64))
			state.Slots[i].SoC = fresh(-math.MaxFloat64)
		}
		return state
	}, "--- --- ---"},
}

func TestOddShelves(t *testing.T) {
	t.Parallel()
	for _, tt := range odd {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, layer := range []heatmap.Layer{heatmap.Air, heatmap.Excess} {
				m := mustNew(t, tt.make(), layer)
				if got := sources(m); layer == heatmap.Air && tt.want != "" && got != tt.want {
					t.Errorf("sources = %s, want %s", got, tt.want)
				}
				sound(t, m)
			}
		})
	}
}

// sound fails unless every number of a map is one, where there should be one.
func sound(t *testing.T, m *heatmap.Map) {
	t.Helper()
	for _, c := range m.Cells {
		missing := c.Source == heatmap.Missing
		if math.IsNaN(c.Value) != missing || math.IsNaN(c.SD) != missing || math.IsInf(c.Value, 0) || math.IsInf(c.SD, 0) || c.SD < 0 {
			t.Errorf("cell %+v of layer %s", c, m.Layer)
		}
	}
}

func TestTheLargestShelfIsComputedInBoundedTime(t *testing.T) {
	t.Parallel()
	state := shelf(200, 200)
	for i := range state.Slots {
		state.Slots[i].SoC = fresh(50)
	}
	for i := range 400 {
		probe(&state, "p", float64(i%20)/20, float64(i/20)/20, fresh(22))
	}
	m := mustNew(t, state, heatmap.Air)
	if c := m.Cells[10_100]; c.Source == heatmap.Missing || math.Abs(c.Value-22) > 0.2 {
		t.Errorf("a cell in the middle is %+v, want about 22 °C", c)
	}
	if m.Field.NX > 48 || m.Field.NY > 48 {
		t.Errorf("field is %d × %d, want 48 × 48 at most", m.Field.NX, m.Field.NY)
	}
}
