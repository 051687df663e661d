package sensors

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strconv"

	"thermarack/agent/wire"
	"thermarack/hardware/fault"
	"thermarack/hardware/sysfs"
)

// A channel is one channel of one chip.
type channel struct {
	set     *Set
	chip    sysfs.Chip // as it was listed, without values
	channel sysfs.Channel
	device  string // "" if not published
	liar    bool   // its tachometer says 0 now and then while the fan turns
}

func (c channel) Name() string { return c.device + ":" + quantityOf(c.channel.Kind) }

// quantityOf returns the wire's word for a kind of channel. Kinds that the wire
// has no word for keep theirs.
func quantityOf(kind string) string {
	switch kind {
	case "temp":
		return wire.QuantityTemperature
	case "fan":
		return wire.QuantitySpeed
	case "pwm":
		return wire.QuantityDuty
	case "in":
		return wire.QuantityVoltage
	case "curr":
		return wire.QuantityCurrent
	}
	return kind // power and humidity are the wire's own words
}

// Read reads the channel. If its chip is not where it was, because parts came or
// went, it is looked for by its name.
func (c channel) Read(context.Context) ([]wire.Reading, error) {
	value, err := c.value()
	if errors.Is(err, fs.ErrNotExist) {
		if other, ok := c.elsewhere(); ok {
			value, err = other.value()
		}
	}
	if err != nil {
		return nil, hostFault(err)
	}
	return one(c.device, quantityOf(c.channel.Kind), value), nil
}

// address returns "temp1".
func (c channel) address() string { return c.channel.Kind + strconv.Itoa(c.channel.Index) }

// elsewhere returns what has the channel's name now.
func (c channel) elsewhere() (channel, bool) {
	if c.device == "" {
		return channel{}, false
	}
	for _, p := range c.set.findHwmon() {
		other, ok := p.Sensor.(channel)
		if ok && other.Name() == c.Name() && other.chip.Dir != c.chip.Dir {
			return other, true
		}
	}
	return channel{}, false
}

// value returns the present value in the unit of the wire.
func (c channel) value() (float64, error) {
	if !c.chip.Same(c.set.root) {
		return 0, gone(path.Join(c.chip.Dir, c.address()))
	}
	now := c.channel.Read(c.set.root)
	switch {
	case now.Err != nil:
		return 0, now.Err
	case c.channel.Kind == "fan":
		return c.speed(now)
	case now.Fault:
		return 0, fault.New(fault.NoDevice, "%s/%s_fault: the chip says that the sensor is broken or not connected", c.chip.Dir, c.address())
	}
	return now.Value, nil
}

// speed returns how fast a fan turns. The fault of a fan means that it should
// turn and does not, so it is a true 0 and no missing value; an alarm says only
// that it turns slower than some limit. A 0 of a liar is true when nothing
// drives the fan, and otherwise says nothing.
func (c channel) speed(now sysfs.Channel) (float64, error) {
	if now.Fault {
		return 0, nil
	}
	if now.Value > 0 || !c.liar {
		return now.Value, nil
	}
	duty := sysfs.Channel{Dir: now.Dir, Kind: "pwm", Index: now.Index}.Read(c.set.root)
	if duty.Err == nil && duty.Value == 0 {
		return 0, nil
	}
	return 0, fault.New(fault.Range, "%s/%s_input: 0 while the fan is driven, which this board's tachometer says of fans that turn: see raspberrypi/linux#7556",
		c.chip.Dir, c.address())
}
