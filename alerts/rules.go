package alerts

import "time"

// Names of the alerts, as in the contract.
const (
	InletTemperature = "InletTemperature"
	HotTemperature   = "HotTemperature"
	SocTemperature   = "SocTemperature"
	FanDegraded      = "FanDegraded"
	FanFailed        = "FanFailed"
)

// Severities.
const (
	Warning  = "warning"
	Critical = "critical"
)

// Rules are the tunable parts of what is watched. Limits themselves belong to a
// shelf.
type Rules struct {
	For      time.Duration // how long a temperature is above its limit before somebody is told
	Clear    float64       // K below the limit at which a temperature alert resolves
	FanFor   time.Duration // how long a fan is too slow before it counts as failing
	FanClear float64       // part of its healthy speed, above 1, at which a failing fan counts as well again
}

// DefaultRules bridge one bad sample, and no more: at an interval of 10 s a fan
// is called dead after its third slow sample.
func DefaultRules() Rules {
	return Rules{For: time.Minute, Clear: 2, FanFor: 15 * time.Second, FanClear: 1.05}
}

// gap is the silence after which nothing is known of what was between: an agent
// samples once an hour at the least.
const gap = time.Hour

// Temperature returns the threshold of a temperature limit in °C.
func (r Rules) Temperature(limit float64) Threshold {
	return Threshold{Limit: limit, Clear: limit - r.Clear, For: r.For, Gap: gap}
}

// Fan returns the threshold of a fan that is healthy from so many 1/s.
func (r Rules) Fan(healthy float64) Threshold {
	return Threshold{Limit: healthy, Clear: healthy * r.FanClear, For: r.FanFor, Gap: gap, Below: true}
}
