package store

import "math"

// Round returns value on the binary grid of its unit: the multiple of Step that
// is nearest, halves away from zero. It is never -0.
//
// A part's own step, such as 0.0125 or 1/65535 of a span, has no short binary
// form: its values differ in all bits, and compress to 3.4 bytes instead of 1.
// Values without a grid, and those so large that their own precision is
// coarser, come back as they are.
func Round(value float64, unit string) float64 {
	step := Step(unit)
	if step == 0 || math.Abs(value) >= step*(1<<52) {
		return value
	}
	if rounded := math.Round(value/step) * step; rounded != 0 {
		return rounded
	}
	return 0
}

// Step returns the grid of a SenML unit, a power of two, in that unit; 0 for
// units that are stored as they come, which counts and unknown units are. Each
// step is finer than the finest part that is read in the unit.
func Step(unit string) float64 {
	switch unit {
	case "Cel":
		return 1.0 / (1 << 10) // 0.98 m°C; SHT4x 2.7 m°C, thermal zones 1 m°C
	case "%RH":
		return 1.0 / (1 << 10) // SHT4x 0.0019 %RH
	case "Pa":
		return 1.0 / (1 << 7) // 7.8 mPa; BME280 0.18 Pa, BMP390 16 mPa
	case "1/s":
		return 1.0 / (1 << 10) // a tachometer's whole turns a minute are 1/60
	case "/":
		return 1.0 / (1 << 16) // 8-bit PWM is 1/255, the finest in use 1/10000
	case "V":
		return 1.0 / (1 << 18) // 3.8 µV; ADS1115 7.8 µV in its smallest range
	case "A":
		return 1.0 / (1 << 20) // 0.95 µA; INA219 10 µA at its finest calibration
	case "W":
		return 1.0 / (1 << 16) // 15 µW; INA219 0.2 mW at that calibration
	}
	return 0
}
