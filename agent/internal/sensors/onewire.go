package sensors

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"thermarack/agent/wire"
	"thermarack/hardware/onewire"
)

const w1Devices = "sys/bus/w1/devices"

// findOneWire lists the thermometers, then what else hangs on the buses, and
// says what to do if there is no bus or nothing on one.
func (s *Set) findOneWire() []Part {
	slaves, err := onewire.Slaves(s.root)
	var parts []Part
	masters := map[string]bool{} // whether a part hangs on it
	for _, slave := range slaves {
		sensor := probe{s.oneWire, slave}
		device := wire.OneWireDevice(slave.ROM)
		parts = append(parts, Part{
			Device: device, What: slave.ROM.Part(), Bus: orElse(slave.Master, "w1"), Address: slave.ROM.String(), Sensor: sensor,
		})
		masters[slave.Master] = true
	}
	if err != nil {
		parts = append(parts, Part{What: "1-Wire", Bus: "w1", Address: w1Devices, Note: err.Error()})
	}
	return append(parts, s.findOthers(masters)...)
}

// findOthers lists parts that are no thermometers, and buses without any part.
func (s *Set) findOthers(used map[string]bool) []Part {
	entries, err := fs.ReadDir(s.root, w1Devices)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil // findOneWire has said so
	}
	var parts []Part
	found := false
	for _, e := range entries {
		rom, err := onewire.ParseSlave(e.Name())
		switch {
		case err == nil && rom.Part() == "":
			parts = append(parts, Part{What: "1-Wire part", Bus: "w1", Address: rom.String(),
				Note: fmt.Sprintf("family %02x is no thermometer that we know", rom.Family())})
		case err == nil:
			found = true
		case strings.HasPrefix(e.Name(), "w1_bus_master"):
			found = true
			if !used[e.Name()] && !used[""] {
				parts = append(parts, Part{What: "1-Wire bus", Bus: e.Name(), Address: e.Name(),
					Note: "no probe answers: check the data wire and its 4.7 kΩ pull-up to 3.3 V"})
			}
		}
	}
	if !found {
		parts = append(parts, Part{What: "1-Wire bus", Bus: "w1", Address: w1Devices,
			Note: "no 1-Wire master: add dtoverlay=w1-gpio to config.txt and restart, if this Pi has probes"})
	}
	return parts
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// A probe is one 1-Wire thermometer.
type probe struct {
	reader *onewire.Reader
	slave  onewire.Slave
}

func (p probe) device() string { return wire.OneWireDevice(p.slave.ROM) }

func (p probe) Name() string { return p.device() + ":" + wire.QuantityTemperature }

func (p probe) Read(ctx context.Context) ([]wire.Reading, error) {
	celsius, err := p.reader.Read(ctx, p.slave)
	if err != nil {
		return nil, hostFault(err)
	}
	return one(p.device(), wire.QuantityTemperature, celsius), nil
}

// one is a slice of one reading in the quantity's own unit.
func one(device, quantity string, value float64) []wire.Reading {
	return []wire.Reading{{Device: device, Quantity: quantity, Unit: wire.UnitOf(quantity), Value: value}}
}
