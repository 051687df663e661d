package sensors

import (
	"context"
	"path"
	"sync"
	"sync/atomic"

	"thermarack/agent/wire"
	"thermarack/hardware/sysfs"
)

// What a PoE+ HAT tells beside its current.
const (
	quantityLimit    = "limit"    // A that the switch grants
	quantityOverload = "overload" // 1 if the HAT saw too much current since the last pack, else 0
)

// findPoE lists the power supply of a PoE+ HAT.
func (s *Set) findPoE() []Part {
	supply, ok, err := sysfs.FindPoE(s.root)
	switch {
	case err != nil:
		return []Part{{What: "PoE+ HAT", Bus: "power_supply", Address: "sys/class/power_supply", Note: err.Error()}}
	case !ok:
		return nil
	}
	device := s.node.Device("poe")
	p := Part{
		Device: device, What: "PoE+ HAT", Bus: "power_supply", Address: path.Base(supply.Dir),
		Sensor: poe{set: s, supply: supply, device: device},
	}
	if !s.overload.owned.Load() {
		p.Note = "its flag of an overload is left to the agent that runs, for reading clears it"
	}
	return []Part{p}
}

// An overload is the flag of a PoE+ HAT, which is cleared by reading it. One
// reader alone may do that: the program that publishes all the time. What it
// learned stays until a pack has taken it.
type overload struct {
	owned atomic.Bool // this program reads it

	mu   sync.Mutex
	seen bool // since the last that was delivered
}

// A poe is the supply of a PoE+ HAT. It publishes no power, because no voltage
// is measured.
type poe struct {
	set    *Set
	supply sysfs.Supply // as it was listed
	device string
}

func (p poe) Name() string { return p.device + ":" + wire.QuantityCurrent }

// Read returns current and limit, and the overload where this program owns the
// flag.
func (p poe) Read(ctx context.Context) ([]wire.Reading, error) {
	now, err := p.supply.Read(p.set.root)
	if err != nil {
		return nil, hostFault(err)
	}
	readings := []wire.Reading{
		{Device: p.device, Quantity: wire.QuantityCurrent, Unit: "A", Value: now.Current},
		{Device: p.device, Quantity: quantityLimit, Unit: "A", Value: now.Limit},
	}
	flag := &p.set.overload
	if !flag.owned.Load() {
		return readings, nil
	}
	flag.mu.Lock()
	defer flag.mu.Unlock()
	over, err := p.supply.TakeOverload(p.set.root)
	flag.seen = flag.seen || over
	switch {
	case err != nil:
		return readings, hostFault(err)
	case ctx.Err() != nil:
		return nil, ctx.Err() // the pack has left: kept for the next one
	}
	value := 0.0
	if flag.seen {
		value = 1
	}
	flag.seen = false
	return append(readings, wire.Reading{Device: p.device, Quantity: quantityOverload, Value: value}), nil
}
