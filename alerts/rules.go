package alerts

import "time"

// Names of the alerts, as in the contract.
const (
	InletTemperature = "InletTemperature"
	HotTemperature   = "HotTemperature"
	SocTemperature   = "SocTemperature"
	FanDegraded      = "FanDegraded"
	FanFailed        = "FanFailed"
	PoEFault         = "PoEFault"
	AgentSilent      = "AgentSilent"
	ShelfSilent      = "ShelfSilent"
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

	Silent       time.Duration // how long an agent may say nothing
	SwitchSilent time.Duration // how long a switch may not answer

	PoEFor   time.Duration // how long a fault lasts before somebody is told
	PoEQuiet time.Duration // how long nothing happens on a port before it counts as well again
	PoEFlaps int           // how often a port may go on or off within PoEQuiet
	PoEUsage float64       // part of a supply's watts that may be in use, 0 to 1, where the switch does not say it
	PoEClear float64       // part of a supply's watts below that at which its alert resolves
}

// DefaultRules bridge one bad sample, and no more: at an interval of 10 s a fan
// is called dead after its third slow sample. An agent is called silent when a
// dozen and a half of its packs are missing, or after a restart of its Pi should
// be over; a switch, which is asked every 30 s, after ten polls. A port that was
// switched off and on twice by hand is no flapping one.
func DefaultRules() Rules {
	return Rules{
		For: time.Minute, Clear: 2, FanFor: 15 * time.Second, FanClear: 1.05,
		Silent: 3 * time.Minute, SwitchSilent: 5 * time.Minute,
		PoEFor: time.Minute, PoEQuiet: 10 * time.Minute, PoEFlaps: 4, PoEUsage: 0.9, PoEClear: 0.03,
	}
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

// Fault returns the threshold of what is 1 while it is wrong and 0 while it is
// well, such as the fault of a port.
func (r Rules) Fault() Threshold {
	return Threshold{Limit: 0.5, Clear: 0.5, For: r.PoEFor, Gap: gap}
}

// Usage returns the threshold of the part of a supply's watts that is in use;
// limit is what the switch says, and none when it is not above 0 and up to 1.
func (r Rules) Usage(limit float64) Threshold {
	if !(limit > 0 && limit <= 1) {
		limit = r.PoEUsage
	}
	return Threshold{Limit: limit, Clear: limit - r.PoEClear, For: r.PoEFor, Gap: gap}
}

// Growth returns the rule of a port's counters.
func (r Rules) Growth() Growth { return Growth{Quiet: r.PoEQuiet} }

// Flapping returns the rule of a port that goes on and off.
func (r Rules) Flapping() Flapping { return Flapping{Changes: r.PoEFlaps, Within: r.PoEQuiet} }

// Agent returns the rule of an agent's silence. One whose broker has noticed by
// itself that it has gone has been silent for longer than it seems, or has been
// stopped: half of the wait is left for a restart of its Pi.
func (r Rules) Agent() Silence { return Silence{For: r.Silent, Gone: r.Silent / 2} }

// Switch returns the rule of a switch that does not answer.
func (r Rules) Switch() Silence { return Silence{For: r.SwitchSilent} }
