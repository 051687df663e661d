package places

import (
	"slices"
	"strconv"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
)

// Metric is the name of the metric that says where a sensor stands. Its value is
// 1; on(sensor) it joins with any metric of a store.
const Metric = "thermarack_place_info"

// Names of labels. A sensor is a device on the wire, as in the stores.
const (
	labelSensor = "sensor"
	labelSite   = "site"
	labelRack   = "rack"
	labelShelf  = "shelf"
	labelSlot   = "slot"
	labelProbe  = "probe"
	labelFace   = "face"
	labelFan    = "fan"
)

// A standing says where everything of one layout stands: each sensor in one
// place.
type standing struct {
	devices map[string]labels.Labels    // that the layout names, and the SoC of each Pi
	nodes   map[wire.Node]labels.Labels // of any other part of a Pi, without the sensor
}

// stand places what a layout names. A device with several roles has the first of
// these: shelf fan, switch port, probe, part of a Pi.
func stand(l *layout.Layout) standing {
	s := standing{map[string]labels.Labels{}, map[wire.Node]labels.Labels{}}
	for i := range l.Shelves {
		shelf := &l.Shelves[i]
		for _, f := range shelf.Fans {
			device, _, _ := wire.SplitName(f.Speed)
			s.add(device, shelf, label{labelFan, f.Name})
		}
		for _, slot := range shelf.Slots {
			if feeder, ok := l.Switch(slot.Switch); ok && feeder.MAC != "" && slot.Port != 0 {
				device, _, _ := wire.SplitName(feeder.PortPower(slot.Port))
				s.add(device, shelf, slotLabel(slot))
			}
		}
		for _, p := range shelf.Probes {
			s.add(p.Sensor, shelf, label{labelProbe, p.Name}, label{labelFace, string(p.Face)})
		}
		for _, slot := range shelf.Slots {
			if slot.Node == "" {
				continue
			}
			s.nodes[slot.Node] = place(shelf, slotLabel(slot))
			s.add(slot.Node.Device("soc"), shelf, slotLabel(slot))
		}
	}
	return s
}

type label struct{ name, value string }

func slotLabel(slot layout.Slot) label { return label{labelSlot, strconv.Itoa(slot.Number)} }

// add places a device that has no place yet.
func (s standing) add(device string, shelf *layout.Shelf, more ...label) {
	if _, taken := s.devices[device]; !taken {
		s.devices[device] = place(shelf, append(more, label{labelSensor, device})...)
	}
}

// place returns the labels of a place on a shelf.
func place(shelf *layout.Shelf, more ...label) labels.Labels {
	b := labels.NewScratchBuilder(8)
	b.Add(model.MetricNameLabel, Metric)
	b.Add(labelSite, shelf.Site)
	b.Add(labelRack, shelf.Rack)
	b.Add(labelShelf, shelf.Name)
	for _, l := range more {
		b.Add(l.name, l.value)
	}
	b.Sort()
	return b.Labels()
}

// all returns the labels of every device that the layout names, and of those of
// seen that are parts of its Pis, in no order.
func (s standing) all(seen []string) []labels.Labels {
	found := make([]labels.Labels, 0, len(s.devices)+len(seen))
	for _, ls := range s.devices {
		found = append(found, ls)
	}
	for _, device := range seen {
		if _, known := s.devices[device]; known {
			continue
		}
		node, ok := wire.DeviceNode(device)
		if at, placed := s.nodes[node]; ok && placed {
			found = append(found, labels.NewBuilder(at).Set(labelSensor, device).Labels())
		}
	}
	return found
}

// isNode tells whether n is written as nodes are.
func isNode(n wire.Node) bool {
	parsed, err := wire.ParseNode(string(n))
	return err == nil && parsed == n
}

// matches tells whether labels pass all matchers.
func matches(ls labels.Labels, all []*labels.Matcher) bool {
	return !slices.ContainsFunc(all, func(m *labels.Matcher) bool { return !m.Matches(ls.Get(m.Name)) })
}
