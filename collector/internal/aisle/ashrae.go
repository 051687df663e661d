package aisle

// A band is a span of inlet temperatures in °C.
type band struct{ low, high float64 }

// recommended holds for all of A1 to A4 (ASHRAE TC 9.9, Thermal Guidelines for
// Data Processing Environments, 5th edition).
func recommended() band { return band{18, 27} }

// A namedBand is one of ASHRAE's classes of equipment and the inlet temperatures that
// are allowable for it.
type namedBand struct {
	name string
	band
}

// classes go from the narrowest to the widest; each one lies within the next.
func classes() []namedBand {
	return []namedBand{
		{"H1", band{15, 25}}, // high density
		{"A1", band{15, 32}},
		{"A2", band{10, 35}},
		{"A3", band{5, 40}},
		{"A4", band{5, 45}},
	}
}

// Beyond is the word for inlets that no class allows.
const Beyond = "beyond A4"

// Classes returns the words of Figures.Class, from the narrowest class that allows
// all inlets to Beyond.
func Classes() []string {
	var words []string
	for _, c := range classes() {
		words = append(words, c.name)
	}
	return append(words, Beyond)
}

func class(inlets []float64) string {
	for _, c := range classes() {
		if c.holds(inlets) {
			return c.name
		}
	}
	return Beyond
}

func (b band) holds(inlets []float64) bool {
	for _, t := range inlets {
		if t < b.low || t > b.high {
			return false
		}
	}
	return true
}

// rciClass is the class that the rack cooling index is taken for. Herrlin's paper
// has class 1, which is A1 today.
func rciClass() band { return band{15, 32} }

// excessHigh is by how much an inlet is too warm, in parts of what is allowable.
func excessHigh(t float64) float64 {
	return max(0, t-recommended().high) / (rciClass().high - recommended().high)
}

// excessLow is by how much an inlet is too cold, likewise.
func excessLow(t float64) float64 {
	return max(0, recommended().low-t) / (recommended().low - rciClass().low)
}

// rci is the rack cooling index in %: 100 less the mean excess. It falls below 0
// where most inlets are beyond what is allowable.
func rci(inlets []float64, excess func(float64) float64) float64 {
	var all float64
	for _, t := range inlets {
		all += excess(t)
	}
	return 100 * (1 - all/float64(len(inlets)))
}
