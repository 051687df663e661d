package sensors

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

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
			Note: s.cloneNote(slave),
		})
		masters[slave.Master] = true
	}
	if err != nil {
		parts = append(parts, Part{What: "1-Wire", Bus: "w1", Address: w1Devices, Note: err.Error()})
	}
	return append(parts, s.findOthers(masters)...)
}

// cloneNote says what to know of a probe that only calls itself a DS18B20.
func (s *Set) cloneNote(slave onewire.Slave) string {
	clone, ok := s.oneWire.Clone(slave)
	if !ok {
		return ""
	}
	return "probably a clone: " + clone.Effect
}

// findOthers lists parts that are no thermometers, and what to do about buses.
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
			if note := s.busNote(e.Name(), used); note != "" {
				parts = append(parts, Part{What: "1-Wire bus", Bus: e.Name(), Address: e.Name(), Note: note})
			}
		}
	}
	if !found {
		parts = append(parts, Part{What: "1-Wire bus", Bus: "w1", Address: w1Devices,
			Note: "no 1-Wire master: add dtoverlay=w1-gpio to config.txt and restart, if this Pi has probes"})
	}
	return parts
}

// busNote says what to do about a bus; "" if nothing. What the kernel does not
// offer, nobody can mend, so that is no note.
func (s *Set) busNote(master string, used map[string]bool) string {
	if !used[master] && !used[""] {
		return "no probe answers: check the data wire and its 4.7 kΩ pull-up to 3.3 V"
	}
	if err := s.oneWire.Bulk(master); errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return "each probe converts by itself: bulk conversion needs root or a udev rule for therm_bulk_read"
	}
	return ""
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
