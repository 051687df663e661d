package sensors

import (
	"context"
	"fmt"
	"sync"

	"thermarack/agent/wire"
	"thermarack/hardware/fault"
	"thermarack/hardware/tach"
)

// A Fan is one whose tachometer hangs on a GPIO. Nothing on the board tells that
// there is one, so somebody has to say so.
type Fan struct {
	GPIO   int // Broadcom's number
	Pulses int // a revolution
}

// findTachometers lists the fans on GPIOs. They are numbered before all others,
// so that what the board finds beside them does not rename them.
func (s *Set) findTachometers() []Part {
	var parts []Part
	for _, t := range s.tachometers {
		parts = append(parts, Part{
			Device: t.device, What: "fan tachometer", Bus: "gpio", Address: fmt.Sprintf("GPIO%d", t.fan.GPIO), Sensor: t,
		})
	}
	return parts
}

// A tachometer is one fan on a GPIO. Its line is taken when it is first read.
type tachometer struct {
	fan    Fan
	device string // its name on the wire
	open   func(gpio int) (tach.Pin, error)

	mu  sync.Mutex
	dev *tach.Dev
}

func (s *Set) newTachometers(o Options) []*tachometer {
	var list []*tachometer
	for i, fan := range o.Fans {
		device := s.node.Device(fmt.Sprintf("fan%d", i+1))
		list = append(list, &tachometer{fan: fan, device: device, open: o.OpenPin})
	}
	return list
}

// Name returns the record name of the fan's speed.
func (t *tachometer) Name() string { return t.device + ":" + wire.QuantitySpeed }

// Read measures for a second or more. A fan that may still be starting gives no
// speed yet: a low one would be taken for a fault.
func (t *tachometer) Read(ctx context.Context) ([]wire.Reading, error) {
	dev, err := t.line()
	if err != nil {
		return nil, fault.New(fault.NoDevice, "%v", err)
	}
	s, err := dev.Sense(ctx)
	switch {
	case err != nil:
		return nil, hostFault(err)
	case s.Phase == tach.Starting && s.Speed == 0:
		return nil, nil
	}
	return one(t.device, wire.QuantitySpeed, s.Speed), nil
}

// line takes the GPIO, unless it has it.
func (t *tachometer) line() (*tach.Dev, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dev == nil {
		pin, err := t.open(t.fan.GPIO)
		if err != nil {
			return nil, err
		}
		t.dev = tach.New(pin, tach.Options{Pulses: t.fan.Pulses})
	}
	return t.dev, nil
}
