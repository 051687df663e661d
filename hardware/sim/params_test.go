package sim_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"thermarack/hardware/sim"
)

func TestNewNamesTheParameterThatIsWrong(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		wreck func(*sim.Config)
		want  string
	}{
		{"no columns", func(c *sim.Config) { c.Params.Columns = 0 }, "0 columns by 9 deep"},
		{"a size that overflows", func(c *sim.Config) { c.Params.Columns, c.Params.Depth = math.MaxInt, math.MaxInt }, "at most 10000 boards"},
		{"no fan", func(c *sim.Config) { c.Params.Fans = 0 }, "0 fans on 12 columns"},
		{"more fans than columns", func(c *sim.Config) { c.Params.Fans = 13 }, "13 fans on 12 columns"},
		{"negative power", func(c *sim.Config) { c.Params.PiPower = -4 }, "PiPower is -4"},
		{"no number", func(c *sim.Config) { c.Params.Airflow = math.NaN() }, "Airflow is NaN"},
		{"half the fans move more than all", func(c *sim.Config) { c.Params.HalfFlow = 1.1 }, "HalfFlow is 1.1: need 0.5 to 0.75"},
		{"a share of two columns", func(c *sim.Config) { c.Params.Open = []float64{1, 0.5} }, "Open is of 2 columns: need none or all 12"},
		{"a column without a passage", func(c *sim.Config) { c.Params.Open = make([]float64, 12) }, "Open[0] is 0: need 0.01 to 1"},
		{"range upside down", func(c *sim.Config) { c.Params.ProbeNoise = [2]float64{0.2, 0.1} }, "ProbeNoise[1] is 0.1: need 0.2"},
		{"boards of paper", func(c *sim.Config) { c.Params.BoardHeat = 1 }, "BoardHeat is too small"},
		{"metal of paper", func(c *sim.Config) { c.Params.MetalHeat = 1000 }, "MetalHeat is too small"},
		{"no memory", func(c *sim.Config) { c.Params.RoomNoiseTime = time.Second }, "RoomNoiseTime is 1: need 10"},
		{"probe without a name", func(c *sim.Config) { c.Probes[2].Name = "" }, "probe 2 has no name"},
		{"two probes of one name", func(c *sim.Config) { c.Probes[2].Name = "c1" }, `probe "c1" is there twice`},
		{"probe outside the shelf", func(c *sim.Config) { c.Probes[0].X = 1.5 }, `probe "c1" is at x 1.5, y 0`},
		{"probe nowhere", func(c *sim.Config) { c.Probes[0].Y = math.NaN() }, `probe "c1" is at x 0.1, y NaN`},
		{"endless offset", func(c *sim.Config) { c.Probes[0].Offset = math.Inf(-1) }, `probe "c1": offset -Inf`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg := nominal(1)
			tt.wreck(&cfg)
			if _, err := sim.New(cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestNominalScalesWithTheNumberOfPis(t *testing.T) {
	t.Parallel()
	whole, third := sim.Nominal(12, 9), sim.Nominal(4, 9)
	if !within(third.Airflow*3, whole.Airflow, 1e-12) || !within(third.StructureHeat*3, whole.StructureHeat, 1e-12) {
		t.Errorf("a third of the Pis has airflow %v and structure %v, want a third of %v and %v",
			third.Airflow, third.StructureHeat, whole.Airflow, whole.StructureHeat)
	}
	if third.BoardHeat != whole.BoardHeat || third.PiPower != whole.PiPower {
		t.Error("a single Pi depends on the size of its shelf")
	}
}

func TestQuietShelvesDoNotDependOnTheSeed(t *testing.T) {
	t.Parallel()
	one, two := quiet(), quiet()
	two.Seed = 2
	a, b := newShelf(t, one), newShelf(t, two)
	a.AdvanceTo(2 * time.Hour)
	b.AdvanceTo(2 * time.Hour)
	if got, want := b.Truth().HotAir, a.Truth().HotAir; got != want {
		t.Errorf("hot air %v °C with another seed, want %v", got, want)
	}
	if got := a.Truth().Power; !near(got, 432, 1e-9) {
		t.Errorf("a quiet shelf draws %v W, want 432", got)
	}
}
