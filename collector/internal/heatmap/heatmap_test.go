package heatmap_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/rack"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// fresh and stale are values of a minute and of a quarter of an hour ago.
func fresh(v float64) rack.Value {
	return rack.Value{V: v, Time: noon.Add(-time.Minute), State: rack.Fresh}
}

func stale(v float64) rack.Value {
	return rack.Value{V: v, Time: noon.Add(-15 * time.Minute), State: rack.Stale}
}

func missing() rack.Value { return rack.Value{State: rack.Missing} }

// shelf returns the state of an otherwise silent shelf.
func shelf(columns, depth int) rack.State {
	s := &layout.Shelf{
		Site: "hex", Rack: "a1", Name: "s3", Columns: columns, Depth: depth,
		Limits: layout.DefaultLimits(), Slots: make([]layout.Slot, columns*depth),
	}
	state := rack.State{Shelf: s, At: noon}
	for i := range s.Slots {
		s.Slots[i].Number = i + 1
		s.Slots[i].Node = "b827eb000001"
		state.Slots = append(state.Slots, rack.Slot{
			Slot: s.Slots[i], SoC: missing(), Power: missing(), Normal: rack.Figure{Why: "not watched for long enough"},
		})
	}
	quiet := rack.Figure{Why: "no readings"}
	state.Figures = rack.Figures{Inlet: quiet, HotAir: quiet, DeltaT: quiet, Power: quiet, AirFlow: quiet}
	return state
}

// probe adds a probe to a state.
func probe(state *rack.State, name string, x, y float64, v rack.Value) {
	face := layout.Inside
	switch y {
	case 0:
		face = layout.Cold
	case 1:
		face = layout.Hot
	}
	p := layout.Probe{Name: name, X: x, Y: y, Face: face}
	state.Shelf.Probes = append(state.Shelf.Probes, p)
	state.Probes = append(state.Probes, rack.Probe{Probe: p, Value: v})
}

// fan adds a fan that should turn at 40/s.
func fan(state *rack.State, name string, v rack.Value) {
	f := layout.Fan{Name: name, Healthy: 40}
	state.Shelf.Fans = append(state.Shelf.Fans, f)
	state.Fans = append(state.Fans, rack.Fan{Fan: f, Value: v})
}

// warm is a plausible air: it rises towards the hot side, the more the further
// to the right, and slows down on the way.
func warm(x, y float64) float64 { return 21 + (6+2*x)*(1-math.Exp(-2*y)) }

// warmShelf has four probes at each depth of ys and, with socs, a SoC in every
// slot that is 24 K warmer than the air behind it, give or take 2 K.
func warmShelf(socs bool, ys ...float64) rack.State {
	state := shelf(12, 9)
	for _, y := range ys {
		for i := range 4 {
			x := 0.125 + 0.25*float64(i)
			probe(&state, "p"+string(rune('a'+len(state.Probes))), x, y, fresh(warm(x, y)))
		}
	}
	chance := rand.New(rand.NewPCG(1, 2))
	for i := range state.Slots {
		x, y := state.Shelf.Center(i + 1)
		if noise := 2 * chance.NormFloat64(); socs {
			state.Slots[i].SoC = fresh(warm(x, y+0.5/9) + 24 + noise)
		}
	}
	return state
}

func mustNew(t testing.TB, state rack.State, layer heatmap.Layer) *heatmap.Map {
	t.Helper()
	m, err := heatmap.New(state, layer)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// sources writes the first letter of each cell's source, rows from the cold
// edge on.
func sources(m *heatmap.Map) string {
	var b strings.Builder
	for i, c := range m.Cells {
		if i > 0 && i%m.Columns == 0 {
			b.WriteByte(' ')
		}
		letter := "-"
		if c.Source != heatmap.Missing {
			letter = string(c.Source[:1])
		}
		b.WriteString(letter)
	}
	return b.String()
}

func TestParseLayer(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]heatmap.Layer{"": heatmap.Air, "air": heatmap.Air, "soc": heatmap.SoC, "poe": heatmap.PoE, "delta": heatmap.Delta, "excess": heatmap.Excess} {
		if got, err := heatmap.ParseLayer(name); got != want || err != nil {
			t.Errorf("ParseLayer(%q) = %q, %v, want %q", name, got, err, want)
		}
	}
	_, err := heatmap.ParseLayer("AIR")
	if err == nil || !strings.Contains(err.Error(), "air, soc, poe, delta or excess") {
		t.Errorf("err = %v, want one that names the layers", err)
	}
}

func TestParsePalette(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]heatmap.Palette{"": heatmap.Cividis, "cividis": heatmap.Cividis, "inferno": heatmap.Inferno, "viridis": heatmap.Viridis} {
		if got, err := heatmap.ParsePalette(name); got != want || err != nil {
			t.Errorf("ParsePalette(%q) = %d, %v, want %d", name, got, err, want)
		}
	}
	_, err := heatmap.ParsePalette("turbo")
	if err == nil || !strings.Contains(err.Error(), "cividis, inferno or viridis") {
		t.Errorf("err = %v, want one that names the palettes", err)
	}
}

func TestNewRefusesWhatItCannotCompute(t *testing.T) {
	t.Parallel()
	if _, err := heatmap.New(shelf(2, 2), "rainbow"); err == nil {
		t.Error("an unknown layer was accepted")
	}
	if _, err := heatmap.New(rack.State{}, heatmap.Air); err == nil {
		t.Error("a state without a shelf was accepted")
	}
	short := shelf(2, 2)
	short.Slots = short.Slots[:3]
	if _, err := heatmap.New(short, heatmap.Air); err == nil {
		t.Error("a state with a slot too few was accepted")
	}
}

func TestSoCAndPowerAreShownAsTheyWereRead(t *testing.T) {
	t.Parallel()
	state := shelf(4, 1)
	state.Slots[0].SoC, state.Slots[1].SoC, state.Slots[3].SoC = fresh(48.3), stale(52), fresh(math.NaN())
	state.Slots[2].Power = fresh(4.25)

	soc := mustNew(t, state, heatmap.SoC)
	if got := sources(soc); got != "ms--" {
		t.Errorf("SoC sources = %s, want ms--", got)
	}
	if c := soc.Cells[0]; c.Slot != 1 || c.Value != 48.3 || c.SD != 0 {
		t.Errorf("slot 1 = %+v, want 48.3 °C as read", c)
	}
	if soc.Field != nil {
		t.Error("the SoC layer has a field")
	}
	if want := noon.Add(-time.Minute); !soc.Newest.Equal(want) {
		t.Errorf("newest = %v, want %v", soc.Newest, want)
	}
	poe := mustNew(t, state, heatmap.PoE)
	if got := sources(poe); got != "--m-" || poe.Cells[2].Value != 4.25 {
		t.Errorf("PoE sources = %s with %v W, want --m- with 4.25", got, poe.Cells[2].Value)
	}
}
