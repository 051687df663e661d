package store_test

import (
	"math"
	"testing"

	"thermarack/collector/internal/store"
)

func TestRound(t *testing.T) {
	t.Parallel()
	const kelvin = 1.0 / 1024
	tests := []struct {
		name  string
		value float64
		unit  string
		want  float64
	}{
		{"a DS18B20's sixteenths stay", 21.0625, "Cel", 21.0625},
		{"a value goes to the nearest step", 21.3, "Cel", 21811 * kelvin},
		{"half a step goes up", 2.5 * kelvin, "Cel", 3 * kelvin},
		{"half a step below zero goes down", -2.5 * kelvin, "Cel", -3 * kelvin},
		{"almost zero is zero", 0.4 * kelvin, "Cel", 0},
		{"almost zero from below is zero as well", -0.4 * kelvin, "Cel", 0},
		{"humidity has the step of temperature", 45.0001, "%RH", 45},
		{"one watt-step survives where a kelvin-step would not", 1.0 / 65536, "W", 1.0 / 65536},
		{"ten microamperes survive", 10e-6, "A", 10.0 / (1 << 20)},
		{"ADS1115's smallest step survives", 7.8125e-6, "V", 2.0 / (1 << 18)},
		{"pressure", 101325.004, "Pa", 101325 + 1.0/128},
		{"a third of full duty", 1.0 / 3, "/", 21845.0 / 65536},
		{"1201 turns a minute", 1201.0 / 60, "1/s", 20497 * kelvin},
		{"a word of flags stays", 0xF000F, "", 0xF000F},
		{"an odd unit stays", 0.1, "m/s2", 0.1},
		{"what is larger than its own precision stays", 1e300, "Cel", 1e300},
		{"the largest number stays", math.MaxFloat64, "A", math.MaxFloat64},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := store.Round(tt.value, tt.unit)
			if math.Float64bits(got) != math.Float64bits(tt.want) {
				t.Errorf("Round(%v, %q) = %v, want %v", tt.value, tt.unit, got, tt.want)
			}
			if again := store.Round(got, tt.unit); again != got {
				t.Errorf("rounded again: %v, want %v", again, got)
			}
		})
	}
}

func TestEveryStepIsAPowerOfTwo(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"Cel", "%RH", "Pa", "W", "A", "V", "1/s", "/"} {
		if fraction, _ := math.Frexp(store.Step(unit)); fraction != 0.5 {
			t.Errorf("Step(%q) = %v is no power of two", unit, store.Step(unit))
		}
	}
}
