package web

import (
	"net/http"
	"strconv"
	"strings"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
)

// A source is what a sensor parameter names: one record, or those of all
// probes of a face.
type source struct {
	records []record
	unit    string // of the quantity; "" when each record has its own
}

type record struct {
	name   string
	offset float64 // added to its values, as the map does
}

// maxSensor is the longest sensor parameter in bytes.
const maxSensor = 512

// source reads the sensor parameter: a record name, or a place in the layout,
// which means what stands there now.
//
//	urn:dev:ow:28f6fb1e0d0000c5:temperature
//	place:hex/a1/s3/slot/17:temperature         the Pi's processor; power: its switch port
//	place:hex/a1/s3/probe/h1:temperature        with the probe's offset applied
//	place:hex/a1/s3/fan/left:speed
//	place:hex/a1/s3/face/hot:temperature        all probes of the face
func (s *Server) source(text string) (source, error) {
	if text == "" || len(text) > maxSensor {
		return source{}, badParameter("sensor", "want a record name, or a place such as place:hex/a1/s3/slot/17:temperature")
	}
	device, quantity, ok := wire.SplitName(text)
	if !ok {
		return source{}, badParameter("sensor", "has no quantity behind its last colon")
	}
	place, ok := strings.CutPrefix(device, "place:")
	if !ok {
		return source{[]record{{name: text}}, wire.UnitOf(quantity)}, nil
	}
	levels := strings.SplitN(place, "/", 5)
	if len(levels) != 5 {
		return source{}, badParameter("sensor", "a place is SITE/RACK/SHELF and slot, probe, fan or face with a name")
	}
	l := s.opt.Racks.Layout()
	id := strings.Join(levels[:3], "/")
	shelf, ok := l.Shelf(id)
	if !ok {
		return source{}, noShelf(id)
	}
	records, err := standing{l, shelf, quantity}.find(levels[3], levels[4])
	return source{records, wire.UnitOf(quantity)}, err
}

// standing finds what stands in a shelf and measures a quantity.
type standing struct {
	layout   *layout.Layout
	shelf    *layout.Shelf
	quantity string
}

func (s standing) find(kind, name string) ([]record, error) {
	var records []record
	switch kind {
	case "slot":
		records = s.slot(name)
	case "fan":
		records = s.fan(name)
	case "probe":
		records = s.probes(func(p layout.Probe) bool { return p.Name == name })
	case "face":
		records = s.probes(func(p layout.Probe) bool { return string(p.Face) == name })
	default:
		return nil, badParameter("sensor", "a place ends in slot, probe, fan or face with a name")
	}
	if len(records) == 0 {
		return nil, problem{http.StatusNotFound, "nothing measures " + strconv.Quote(s.quantity) + " at " + s.shelf.ID() + " " + kind + " " + strconv.Quote(name)}
	}
	return records, nil
}

func (s standing) slot(number string) []record {
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > len(s.shelf.Slots) {
		return nil
	}
	slot := s.shelf.Slots[n-1]
	if s.quantity == wire.QuantityPower {
		feeder, ok := s.layout.Switch(slot.Switch)
		if !ok || feeder.MAC == "" || slot.Port == 0 {
			return nil
		}
		return []record{{name: feeder.PortPower(slot.Port)}}
	}
	if slot.Node == "" {
		return nil
	}
	return []record{{name: slot.Node.Device("soc") + ":" + s.quantity}}
}

func (s standing) fan(name string) []record {
	for _, f := range s.shelf.Fans {
		if _, quantity, _ := wire.SplitName(f.Speed); f.Name == name && quantity == s.quantity {
			return []record{{name: f.Speed}}
		}
	}
	return nil
}

func (s standing) probes(wanted func(layout.Probe) bool) []record {
	var records []record
	for _, p := range s.shelf.Probes {
		if !wanted(p) {
			continue
		}
		r := record{name: p.Sensor + ":" + s.quantity}
		if s.quantity == wire.QuantityTemperature {
			r.offset = p.Offset
		}
		records = append(records, r)
	}
	return records
}
