package places

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/placement"
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

// parts are the devices of nodes, by node.
type parts map[wire.Node][]string

// partsOf sorts devices by the nodes that they are parts of.
func partsOf(seen []string) parts {
	p := parts{}
	for _, device := range seen {
		if node, ok := wire.DeviceNode(device); ok {
			p[node] = append(p[node], device)
		}
	}
	return p
}

// all returns the labels of every device that the layout names, and of those of
// seen that are parts of its Pis, in no order.
func (s standing) all(seen parts) []labels.Labels {
	found := slices.Collect(maps.Values(s.devices))
	for node, at := range s.nodes {
		found = append(found, s.of(at, seen[node])...)
	}
	return found
}

// pi returns the labels of the parts of a Pi that stands in a slot which the layout
// leaves to a switch.
func (s standing) pi(slot placement.Slot, node wire.Node, seen parts) []labels.Labels {
	site, rest, _ := strings.Cut(slot.Shelf, "/")
	rack, name, _ := strings.Cut(rest, "/")
	at := place(&layout.Shelf{Site: site, Rack: rack, Name: name}, label{labelSlot, strconv.Itoa(slot.Number)})
	devices := seen[node]
	if soc := node.Device("soc"); !slices.Contains(devices, soc) {
		devices = append(slices.Clip(devices), soc)
	}
	return s.of(at, devices)
}

// of returns the labels of those devices that have no place of their own, at a
// place.
func (s standing) of(at labels.Labels, devices []string) []labels.Labels {
	var found []labels.Labels
	for _, device := range devices {
		if _, known := s.devices[device]; !known {
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
