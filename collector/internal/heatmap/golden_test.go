package heatmap_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/rack"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file in testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got); run go test -update and look at the picture\n%s", path, diff)
	}
}

// small is a shelf of 4 by 3 on a normal day, of which everything is known.
func small() rack.State {
	state := shelf(4, 3)
	for i, x := range []float64{0.25, 0.75} {
		probe(&state, "c"+string(rune('1'+i)), x, 0, fresh(21+0.4*x))
		probe(&state, "m"+string(rune('1'+i)), x, 0.5, fresh(24.5+x))
		probe(&state, "h"+string(rune('1'+i)), x, 1, fresh(26.8+2*x))
	}
	for i := range state.Slots {
		state.Slots[i].SoC = fresh(46 + float64(i*i%17))
		state.Slots[i].Power = fresh(3 + float64(i%5)/2)
	}
	fan(&state, "left", fresh(50.2))
	fan(&state, "right", fresh(49.5))
	state.Figures = rack.Figures{
		Inlet: rack.Figure{V: 21.2}, HotAir: rack.Figure{V: 27.8}, DeltaT: rack.Figure{V: 6.6},
		Power: rack.Figure{V: 47}, AirFlow: rack.Figure{V: 7.12},
	}
	return state
}

// broken is the same shelf with a bit of everything that can go wrong.
func broken() rack.State {
	state := small()
	for i := range state.Slots {
		state.Slots[i].SoC = missing()
	}
	state.Slots[2].SoC, state.Slots[7].SoC, state.Slots[8].SoC = fresh(71.5), stale(52.2), fresh(86)
	for i := range state.Probes {
		switch state.Probes[i].Name {
		case "m1", "m2":
			state.Probes[i].Value = stale(state.Probes[i].V)
		case "c1":
			state.Probes[i].Value = missing()
		case "h2":
			state.Probes[i].Value = fresh(46.3)
		}
	}
	state.Fans[0].Value = fresh(0)
	state.Fans[1].Value = fresh(31)
	state.Figures = rack.Figures{
		Inlet: rack.Figure{Why: "1 of 2 inlets missing"}, HotAir: rack.Figure{V: 36.8},
		DeltaT: rack.Figure{Why: "inlet unknown"}, Power: rack.Figure{V: 47}, AirFlow: rack.Figure{Why: "inlet unknown"},
	}
	return state
}

func alarms() []heatmap.Alarm {
	return []heatmap.Alarm{
		{Slot: 9, Severity: "critical"}, {Slot: 3, Severity: "warning", Pending: true},
		{Probe: "h2", Severity: "critical"}, {Fans: []string{"left"}, Severity: "warning"}, {Severity: "warning"},
	}
}

// unknownMiddle is a shelf with probes at its faces only.
func unknownMiddle() rack.State {
	state := shelf(3, 4)
	probe(&state, "c1", 0.5, 0, fresh(21))
	probe(&state, "h1", 0.5, 1, fresh(26))
	fan(&state, "only", missing())
	return state
}

func TestWriteSVG(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string // also the golden file
		state rack.State
		layer heatmap.Layer
		look  heatmap.Look
	}{
		{"air", small(), heatmap.Air, heatmap.Look{}},
		{"air-numbers-dark-inferno", small(), heatmap.Air, heatmap.Look{Dark: true, Numbers: true, Palette: heatmap.Inferno}},
		{"air-broken", broken(), heatmap.Air, heatmap.Look{Alarms: alarms()}},
		{"air-middle-unknown", unknownMiddle(), heatmap.Air, heatmap.Look{Width: 360}},
		{"soc", small(), heatmap.SoC, heatmap.Look{Palette: heatmap.Viridis}},
		{"soc-broken-dark", broken(), heatmap.SoC, heatmap.Look{Dark: true, Alarms: alarms()}},
		{"poe", small(), heatmap.PoE, heatmap.Look{}},
		{"delta", learned(), heatmap.Delta, heatmap.Look{Alarms: []heatmap.Alarm{{Slot: 2, Severity: "warning"}}}},
		{"excess", warmed(small(), 7, 12), heatmap.Excess, heatmap.Look{Palette: heatmap.Viridis}},
		{"nothing", shelf(3, 2), heatmap.Air, heatmap.Look{Width: 200}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := mustNew(t, tt.state, tt.layer)
			var got, again bytes.Buffer
			if err := heatmap.WriteSVG(&got, m, tt.look); err != nil {
				t.Fatal(err)
			}
			if err := heatmap.WriteSVG(&again, m, tt.look); err != nil || !bytes.Equal(got.Bytes(), again.Bytes()) {
				t.Errorf("the second drawing differs, err = %v", err)
			}
			checkSVG(t, got.Bytes())
			golden(t, tt.name+".svg", got.Bytes())
		})
	}
}

func TestWriteJSON(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string // also the golden file
		state rack.State
		layer heatmap.Layer
	}{
		{"air", small(), heatmap.Air},
		{"air-middle-unknown", unknownMiddle(), heatmap.Air},
		{"soc-broken", broken(), heatmap.SoC},
		{"delta", learned(), heatmap.Delta},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got bytes.Buffer
			if err := mustNew(t, tt.state, tt.layer).WriteJSON(&got); err != nil {
				t.Fatal(err)
			}
			golden(t, tt.name+".json", got.Bytes())
		})
	}
}
