package aisle

// A Described is a figure with all that a person needs to judge it.
type Described struct {
	Key     string // "delta_t"
	Name    string // "ΔT, cold to hot"
	Unit    string // a SenML unit where there is one: "Cel", "K", "W", "W/K", "%", "/"; "" for a word
	Formula string // one line
	Source  string // where it is defined
	Figure
}

// Described returns all figures in the order in which they are shown.
func (f Figures) Described() []Described {
	const (
		own     = "plain mean"
		herrlin = "M. K. Herrlin, ASHRAE Transactions 111(2), 2005"
		sharma  = "R. K. Sharma, C. E. Bash, C. D. Patel, AIAA 2002-3091"
		tc99    = "ASHRAE TC 9.9, Thermal Guidelines, 5th edition"
	)
	return []Described{
		{"inlet", "Inlet", "Cel", "mean of the fresh probes at the cold face; half of them are needed", own, f.Inlet},
		{"hot_air", "Hot air", "Cel", "mean of the fresh probes at the hot face; half of them are needed", own, f.HotAir},
		{"delta_t", "ΔT, cold to hot", "K", "hot air - inlet", "first law of thermodynamics", f.DeltaT},
		{"power", "Power", "W", "sum over the slots with a switch port; nine of ten are needed, the others count as their mean", "watts of the PoE switch", f.Power},
		{"air_flow", "Air flow", "W/K", "power / ΔT, the heat that the air carries away a kelvin", "first law of thermodynamics", f.AirFlow},
		{"rci_high", "RCI high", "%", "100 (1 - Σ max(0, inlet - 27 °C) / (n (32 - 27) K)); 96 and more is good, 90 and less is poor", herrlin, f.RCIHigh},
		{"rci_low", "RCI low", "%", "100 (1 - Σ max(0, 18 °C - inlet) / (n (18 - 15) K)); 96 and more is good, 90 and less is poor", herrlin, f.RCILow},
		{"rti", "RTI", "%", "100 (hot air - supply) / ΔT with the coldest inlet for the supply; above 100 air comes back. Bypass shows only at the room's return", "M. K. Herrlin, 2008", f.RTI},
		{"shi", "SHI", "/", "Σ (inlet - supply) / Σ (hot air - supply) with the coldest inlet for the supply; good below 0.2", sharma, f.SHI},
		{"rhi", "RHI", "/", "1 - SHI; good above 0.8", sharma, f.RHI},
		{"class", "Inlets within", "", "narrowest class that allows every inlet: H1 15-25, A1 15-32, A2 10-35, A3 5-40, A4 5-45 °C", tc99, f.Class},
		{"rise", "Rate of change", "K", "largest change of an inlet in 15 minutes; 5 K at most is allowed", tc99, f.Rise},
	}
}
