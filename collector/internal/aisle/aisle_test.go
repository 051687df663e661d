package aisle_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"thermarack/collector/internal/aisle"
)

func all(values ...float64) aisle.Sensors {
	return aisle.Sensors{Fresh: values, All: len(values)}
}

// usual is a shelf that does well.
func usual() aisle.Input {
	return aisle.Input{Inlets: all(22, 22, 23, 23), Outlets: all(27, 28, 27, 28), Watts: all(100, 150, 250), Rises: []float64{0.5, -1.5, 1}}
}

func TestAShelfThatDoesWell(t *testing.T) {
	got := aisle.Compute(usual())
	number := func(v float64, inputs string) aisle.Figure { return aisle.Figure{V: v, Inputs: inputs} }
	in, faces := "4 of 4 inlets", "4 of 4 outlets, 4 of 4 inlets"
	want := aisle.Figures{
		Inlet: number(22.5, in), HotAir: number(27.5, "4 of 4 outlets"), DeltaT: number(5, faces),
		Power: number(500, "watts of 3 of 3 ports"), AirFlow: number(100, faces+", watts of 3 of 3 ports"),
		RCIHigh: number(100, in), RCILow: number(100, in),
		// 2 K of inlet above the coldest, 22 K of hot air
		SHI: number(2.0/22, "4 of 4 inlets, 4 of 4 outlets"), RHI: number(20.0/22, "4 of 4 inlets, 4 of 4 outlets"),
		RTI:   number(110, "4 of 4 inlets, 4 of 4 outlets"),
		Class: aisle.Figure{Text: "H1", Inputs: in},
		Rise:  number(-1.5, "3 inlets now and 15 minutes ago"),
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestInletsAgainstASHRAE(t *testing.T) {
	for _, c := range []struct {
		name      string
		inlets    []float64
		high, low float64
		class     string
	}{
		{"all recommended, cool", []float64{18, 20, 22}, 100, 100, "H1"},
		{"all recommended, warm", []float64{27, 26, 25.1}, 100, 100, "A1"},
		{"one of four halfway to what is allowable", []float64{29.5, 20, 20, 20}, 87.5, 100, "A1"},
		{"all as warm as is allowable", []float64{32, 32}, 0, 100, "A1"},
		{"too warm for A1", []float64{34, 30}, 0, 100, "A2"},
		{"too warm for A2", []float64{36, 20}, 10, 100, "A3"},
		{"too warm for A3", []float64{45}, -260, 100, "A4"},
		{"too warm for all", []float64{45.1}, -262, 100, aisle.Beyond},
		{"a cold one", []float64{15, 21}, 100, 50, "H1"},
		{"too cold for A1", []float64{12, 21}, 100, 0, "A2"},
		{"frost", []float64{-2, 21}, 100, -233.333333, aisle.Beyond},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := aisle.Compute(aisle.Input{Inlets: all(c.inlets...)})
			if math.Abs(got.RCIHigh.V-c.high) > 1e-6 || math.Abs(got.RCILow.V-c.low) > 1e-6 || got.Class.Text != c.class {
				t.Errorf("RCI %v and %v, class %q; want %v, %v, %q", got.RCIHigh.V, got.RCILow.V, got.Class.Text, c.high, c.low, c.class)
			}
		})
	}
}

// TestWhatCannotBeComputedSaysWhy changes one thing about a shelf that does well.
func TestWhatCannotBeComputedSaysWhy(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*aisle.Input)
		why    map[string]string // by key; all others can be computed
	}{
		{"no inlet has a probe", func(in *aisle.Input) { in.Inlets = aisle.Sensors{} },
			every("no inlet has a probe", "inlet", "delta_t", "air_flow", "rci_high", "rci_low", "rti", "shi", "rhi", "class")},
		{"one inlet of four is silent", func(in *aisle.Input) { in.Inlets.All = 5 },
			every("1 of 5 inlets missing", "rci_high", "rci_low", "rti", "shi", "rhi", "class")},
		{"most inlets are silent", func(in *aisle.Input) { in.Inlets.All = 9 },
			every("5 of 9 inlets missing", "inlet", "delta_t", "air_flow", "rci_high", "rci_low", "rti", "shi", "rhi", "class")},
		{"most outlets are silent", func(in *aisle.Input) { in.Outlets.All = 9 },
			every("5 of 9 outlets missing", "hot_air", "delta_t", "air_flow", "rti", "shi", "rhi")},
		{"no slot has a port", func(in *aisle.Input) { in.Watts = aisle.Sensors{} },
			every("no slot has a switch port in the layout", "power", "air_flow")},
		{"a switch is silent", func(in *aisle.Input) { in.Watts.All = 4 },
			every("watts of 1 of 4 ports missing", "power", "air_flow")},
		{"nothing is warmed", func(in *aisle.Input) { in.Outlets = all(23, 23.1) },
			every("ΔT is below 1 K", "air_flow", "rti", "shi", "rhi")},
		{"the collector has just begun", func(in *aisle.Input) { in.Rises = nil },
			every("no inlet is known from 15 minutes ago", "rise")},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := usual()
			c.change(&in)
			got := map[string]string{}
			for _, d := range aisle.Compute(in).Described() {
				if !d.Ok() {
					got[d.Key] = d.Why
				}
				if d.Ok() == (d.Inputs == "") || !d.Ok() && (d.V != 0 || d.Text != "") {
					t.Errorf("%s: inputs %q, value %v %q, why %q", d.Key, d.Inputs, d.V, d.Text, d.Why)
				}
			}
			if diff := cmp.Diff(c.why, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func every(why string, keys ...string) map[string]string {
	m := map[string]string{}
	for _, k := range keys {
		m[k] = why
	}
	return m
}

func TestAFewSilentPortsCountAsTheOthersDo(t *testing.T) {
	in := usual()
	in.Watts = all(4, 4, 4, 4, 4, 4, 4, 4, 4)
	in.Watts.All = 10
	if got := aisle.Compute(in).Power; got.V != 40 || got.Inputs != "watts of 9 of 10 ports" {
		t.Errorf("power %+v, want 40 W of 9 of 10 ports", got)
	}
}

func FuzzCompute(f *testing.F) {
	f.Add(22.0, 22.5, 28.0, 100.0, uint8(2), uint8(1))
	f.Fuzz(func(t *testing.T, a, b, hot, watts float64, inlets, outlets uint8) {
		for _, v := range []float64{a, b, hot, watts} {
			if math.IsNaN(v) || math.Abs(v) > 1e6 {
				t.Skip()
			}
		}
		in := aisle.Input{
			Inlets:  aisle.Sensors{Fresh: []float64{a, b}, All: 2 + int(inlets)},
			Outlets: aisle.Sensors{Fresh: []float64{hot}, All: 1 + int(outlets)},
			Watts:   all(watts), Rises: []float64{b - a},
		}
		for _, d := range aisle.Compute(in).Described() {
			if math.IsNaN(d.V) || math.IsInf(d.V, 0) {
				t.Errorf("%s = %v of %+v", d.Key, d.V, in)
			}
		}
	})
}
