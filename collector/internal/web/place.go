package web

import (
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/places"
)

// A source is what a sensor parameter names: one record, what stood in a place,
// or what stood in each place of a face.
type source struct {
	strands []strand
	unit    string // of the quantity; "" when each record has its own
}

// A strand is what is measured in one place, in time order: another record from
// the moment on when the layout says so.
type strand []segment

type segment struct {
	record   string
	offset   float64 // added to its values, as the map does
	from, to time.Time
}

// maxSensor is the longest sensor parameter in bytes.
const maxSensor = 512

// source reads the sensor parameter: a record name, or a place, which means what
// stood there at each moment of the span.
//
//	urn:dev:ow:28f6fb1e0d0000c5:temperature
//	place:hex/a1/s3/slot/17:temperature         the Pi's processor; power: its switch port
//	place:hex/a1/s3/probe/h1:temperature        with the probe's offset applied
//	place:hex/a1/s3/fan/left:speed
//	place:hex/a1/s3/face/hot:temperature        all probes of the face
func (s *Server) source(text string, span span) (source, error) {
	if text == "" || len(text) > maxSensor {
		return source{}, badParameter("sensor", "want a record name, or a place such as place:hex/a1/s3/slot/17:temperature")
	}
	device, quantity, ok := wire.SplitName(text)
	if !ok {
		return source{}, badParameter("sensor", "has no quantity behind its last colon")
	}
	unit := wire.UnitOf(quantity)
	name, ok := strings.CutPrefix(device, "place:")
	if !ok {
		return source{[]strand{{{record: text, from: span.from, to: span.to}}}, unit}, nil
	}
	at, err := parsePlace(name, quantity)
	if err != nil {
		return source{}, err
	}
	strands, err := at.over(s.periods(at.shelf, span))
	return source{strands, unit}, err
}

// periods yields what a shelf was over a span. Without a layout file the
// provisional one is all there is, for the past too.
func (s *Server) periods(shelf string, span span) iter.Seq[places.Period] {
	return func(yield func(places.Period) bool) {
		known := false
		if s.opt.Layouts != nil && !s.opt.Racks.Provisional() {
			for p := range s.opt.Layouts.Periods(shelf, span.from, span.to) {
				known = true
				if !yield(p) {
					return
				}
			}
		}
		if !known {
			yield(places.Period{From: span.from, To: span.to, Layout: s.opt.Racks.Layout()})
		}
	}
}

// A place is a part of a shelf where a quantity is measured.
type place struct {
	shelf, kind, name string
	quantity          string
}

func parsePlace(text, quantity string) (place, error) {
	levels := strings.SplitN(text, "/", 5)
	if len(levels) != 5 {
		return place{}, badParameter("sensor", "a place is SITE/RACK/SHELF and slot, probe, fan or face with a name")
	}
	p := place{strings.Join(levels[:3], "/"), levels[3], levels[4], quantity}
	if !slices.Contains([]string{"slot", "probe", "fan", "face"}, p.kind) {
		return place{}, badParameter("sensor", "a place ends in slot, probe, fan or face with a name")
	}
	return p, nil
}

// over returns what stood there, a strand a probe of a face. The error says what
// there never was.
func (p place) over(periods iter.Seq[places.Period]) ([]strand, error) {
	var names []string
	strands := map[string]strand{}
	known := false
	for period := range periods {
		shelf, ok := period.Layout.Shelf(p.shelf)
		known = known || ok
		if !ok {
			continue
		}
		for _, one := range (standing{period.Layout, shelf, p.quantity}).find(p.kind, p.name) {
			if strands[one.name] == nil {
				names = append(names, one.name)
			}
			strands[one.name] = strands[one.name].then(segment{one.record, one.offset, period.From, period.To})
		}
	}
	switch {
	case !known:
		return nil, noShelf(p.shelf)
	case len(names) == 0:
		return nil, problem{http.StatusNotFound, "nothing measures " + strconv.Quote(p.quantity) + " at " + p.shelf + " " + p.kind + " " + strconv.Quote(p.name)}
	}
	all := make([]strand, len(names))
	for i, name := range names {
		all[i] = strands[name]
	}
	return all, nil
}

// then appends what comes after, as one segment when nothing has changed.
func (s strand) then(next segment) strand {
	if n := len(s); n > 0 && s[n-1].to.Equal(next.from) && s[n-1].record == next.record && s[n-1].offset == next.offset {
		s[n-1].to = next.to
		return s
	}
	return append(s, next)
}

// A measure is one record that measures a quantity of a place.
type measure struct {
	name   string // of what stands there: the slot, probe or fan
	record string
	offset float64
}

// standing finds what stands in a shelf of one layout and measures a quantity.
type standing struct {
	layout   *layout.Layout
	shelf    *layout.Shelf
	quantity string
}

func (s standing) find(kind, name string) []measure {
	switch kind {
	case "slot":
		return s.slot(name)
	case "fan":
		return s.fan(name)
	case "probe":
		return s.probes(func(p layout.Probe) bool { return p.Name == name })
	default:
		return s.probes(func(p layout.Probe) bool { return string(p.Face) == name })
	}
}

func (s standing) slot(number string) []measure {
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
		return []measure{{name: number, record: feeder.PortPower(slot.Port)}}
	}
	if slot.Node == "" {
		return nil
	}
	return []measure{{name: number, record: slot.Node.Device("soc") + ":" + s.quantity}}
}

func (s standing) fan(name string) []measure {
	for _, f := range s.shelf.Fans {
		if _, quantity, _ := wire.SplitName(f.Speed); f.Name == name && quantity == s.quantity {
			return []measure{{name: name, record: f.Speed}}
		}
	}
	return nil
}

func (s standing) probes(wanted func(layout.Probe) bool) []measure {
	var found []measure
	for _, p := range s.shelf.Probes {
		if !wanted(p) {
			continue
		}
		m := measure{name: p.Name, record: p.Sensor + ":" + s.quantity}
		if s.quantity == wire.QuantityTemperature {
			m.offset = p.Offset
		}
		found = append(found, m)
	}
	return found
}
