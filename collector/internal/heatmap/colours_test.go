package heatmap_test

import (
	"regexp"
	"testing"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/heatmap"
)

func TestColoursCoverTheScaleOfTheLayer(t *testing.T) {
	t.Parallel()
	limits := layout.Limits{Inlet: 32, Hot: 45, SoC: 80, Critical: 48}
	for _, tt := range []struct {
		layer     heatmap.Layer
		low, high float64
		unit      string
		bands     int
	}{
		{heatmap.Air, 15, 50, "°C", 70},
		{heatmap.SoC, 30, 90, "°C", 60},
		{heatmap.PoE, 0, 8, "W", 32},
	} {
		got := heatmap.ColoursOf(tt.layer, limits, heatmap.Cividis)
		if got.Low != tt.low || got.High != tt.high || got.Unit != tt.unit || len(got.RGB) != tt.bands {
			t.Errorf("%s: %v to %v %s in %d bands, want %v to %v %s in %d", tt.layer, got.Low, got.High, got.Unit, len(got.RGB), tt.low, tt.high, tt.unit, tt.bands)
		}
		seen := map[string]bool{}
		for _, rgb := range got.RGB {
			if !regexp.MustCompile(`^#[0-9a-f]{6}$`).MatchString(rgb) {
				t.Errorf("%s: %q is no colour", tt.layer, rgb)
			}
			seen[rgb] = true
		}
		if len(seen) < tt.bands*3/4 {
			t.Errorf("%s: only %d of %d colours differ", tt.layer, len(seen), tt.bands)
		}
	}
	cividis, inferno := heatmap.ColoursOf(heatmap.Air, limits, heatmap.Cividis), heatmap.ColoursOf(heatmap.Air, limits, heatmap.Inferno)
	if cividis.RGB[0] == inferno.RGB[0] {
		t.Error("two palettes have the same colours")
	}
}
