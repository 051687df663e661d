package sim

import "math"

// The converter of a BCM2837 counts down from 412 °C in steps of 0.538 °C, and
// Linux reports whole thousandths: "coefficients" in its bcm2837.dtsi, and
// drivers/thermal/broadcom/bcm2835_thermal.c.
const (
	socOffset = 412_000 // m°C
	socStep   = 538     // m°C
)

// SoC returns what the sensor in the SoC of a slot reports in °C, with noise and
// in its steps of 0.538 °C; ok is false if the slot is offline or does not
// exist.
func (s *Shelf) SoC(slot int) (celsius float64, ok bool) {
	i := slot - 1
	if i < 0 || i >= len(s.boards) || s.load.offline[i] {
		return 0, false
	}
	value := s.soc(i) + float64(s.p.NoiseSoC*normalAt(s.seed, socReading, i, s.steps))
	count := math.RoundToEven((socOffset - float64(value*1000)) / socStep)
	return (socOffset - float64(socStep*count)) / 1000, true
}

// Throttled reports whether the Pi in a slot slows itself down because its SoC
// is above 80 °C; false if the slot is offline or does not exist.
func (s *Shelf) Throttled(slot int) bool {
	i := slot - 1
	return i >= 0 && i < len(s.boards) && !s.load.offline[i] && s.soc(i) > throttleFrom
}

// Power returns what the switch port of a slot delivers in W; 0 if the slot is
// offline or does not exist.
func (s *Shelf) Power(slot int) float64 {
	if slot < 1 || slot > len(s.load.watts) {
		return 0
	}
	return s.load.watts[slot-1]
}

// FanSpeed returns what the tachometer of a fan reports in 1/s, with a small
// noise; 0 once it stands, and if it does not exist.
func (s *Shelf) FanSpeed(fan int) float64 {
	if fan < 1 || fan > len(s.fans) || s.fans[fan-1].spin == 0 {
		return 0
	}
	jitter := float64(s.p.FanJitter * normalAt(s.seed, fanReading, fan, s.steps))
	return s.fans[fan-1].spin * (s.p.FanSpeed + jitter)
}

// FanRunning reports whether a fan is driven. One that was stopped is not,
// though it may still be turning.
func (s *Shelf) FanRunning(fan int) bool {
	return fan >= 1 && fan <= len(s.fans) && !s.fans[fan-1].stopped
}
