package layout

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"thermarack/agent/wire"
	"thermarack/agent/wire/yamlfile"
)

// What the file looks like; the checked form is in layout.go.
type (
	rawLayout struct {
		Version  int                   `yaml:"version"`
		Sites    map[string]*rawSite   `yaml:"sites"`
		Switches map[string]*rawSwitch `yaml:"switches"`
	}
	rawSite struct {
		Racks map[string]*rawRack `yaml:"racks"`
	}
	rawRack struct {
		Shelves map[string]*rawShelf `yaml:"shelves"`
	}
	rawShelf struct {
		Columns int        `yaml:"columns"`
		Depth   int        `yaml:"depth"`
		Nodes   yaml.Node  `yaml:"nodes"`
		Probes  []rawProbe `yaml:"probes"`
		Fans    []rawFan   `yaml:"fans"`
		Limits  rawLimits  `yaml:"limits"`
	}
	rawProbe struct {
		Name    string      `yaml:"name"`
		Sensor  string      `yaml:"sensor"`
		Node    string      `yaml:"node"`
		X       float64     `yaml:"x"`
		Y       float64     `yaml:"y"`
		Face    string      `yaml:"face"`
		Offset  *float64    `yaml:"offset"`
		Offsets []rawOffset `yaml:"offsets"`
	}
	rawOffset struct {
		Since string   `yaml:"since"`
		Value *float64 `yaml:"value"`
		SD    float64  `yaml:"sd"`
	}
	rawFan struct {
		Name    string  `yaml:"name"`
		Speed   string  `yaml:"speed"`
		Healthy float64 `yaml:"healthy"`
	}
	rawLimits struct {
		Inlet    *float64 `yaml:"inlet"`
		Hot      *float64 `yaml:"hot"`
		SoC      *float64 `yaml:"soc"`
		Critical *float64 `yaml:"critical"`
	}
	rawSwitch struct {
		MAC         string `yaml:"mac"`
		Host        string `yaml:"host"`
		Profile     string `yaml:"profile"`
		Credentials string `yaml:"credentials"`
	}
)

// A parser gathers problems instead of stopping at the first.
type parser struct {
	file     string
	files    fs.FS
	tree     yaml.Node // the document, for line numbers
	layout   Layout
	problems yamlfile.Problems

	nodes    map[wire.Node]string // where a Pi already stands
	sensors  map[string]string    // where a probe or a tachometer already is
	ports    map[string]string    // which slot a switch port already feeds
	switches map[wire.Node]string // by MAC
}

// A place is a path of keys in the document.
type place []string

// at returns p with more keys, without sharing memory.
func (p place) at(keys ...string) place { return append(slices.Clip(p), keys...) }

// fault notes a problem at the line of a place, or of its nearest known parent.
func (p *parser) fault(at place, format string, args ...any) {
	p.problems = append(p.problems, yamlfile.Problem{File: p.file, Line: yamlfile.Line(&p.tree, at...), Text: fmt.Sprintf(format, args...)})
}

func (p *parser) parse(data []byte) {
	var raw rawLayout
	if err := yamlfile.Decode(p.file, data, &raw); err != nil {
		var found yamlfile.Problems
		errors.As(err, &found)
		p.problems = append(p.problems, found...)
	}
	if yaml.Unmarshal(data, &p.tree) != nil {
		return // broken syntax, told above
	}
	p.nodes, p.sensors = map[wire.Node]string{}, map[string]string{}
	p.ports, p.switches = map[string]string{}, map[wire.Node]string{}
	if raw.Version != 1 {
		p.fault(place{"version"}, "version is %d, this program reads version 1", raw.Version)
	}
	for _, name := range sortedKeys(raw.Switches) {
		p.addSwitch(place{"switches", name}, name, raw.Switches[name])
	}
	for _, site := range sortedKeys(raw.Sites) {
		at := place{"sites", site}
		p.checkName(at, site)
		if raw.Sites[site] == nil {
			continue
		}
		p.addRacks(at, site, raw.Sites[site].Racks)
	}
	slices.SortFunc(p.layout.Shelves, func(a, b Shelf) int { return cmp.Compare(a.ID(), b.ID()) })
}

func (p *parser) addRacks(at place, site string, racks map[string]*rawRack) {
	for _, rack := range sortedKeys(racks) {
		at := at.at("racks", rack)
		p.checkName(at, rack)
		if racks[rack] == nil {
			continue
		}
		for _, name := range sortedKeys(racks[rack].Shelves) {
			at := at.at("shelves", name)
			p.checkName(at, name)
			if raw := racks[rack].Shelves[name]; raw != nil {
				p.addShelf(at, Shelf{Site: site, Rack: rack, Name: name}, raw)
			} else {
				p.fault(at, "shelf %s is empty: it needs columns and depth", name)
			}
		}
	}
}

func (p *parser) checkName(at place, name string) {
	if wire.CheckSite(name) != nil {
		p.fault(at, "name %q is not 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit", name)
	}
}

const maxSide = 200 // columns or depth; bounds what a typing error can allocate

func (p *parser) addShelf(at place, shelf Shelf, raw *rawShelf) {
	shelf.Columns = p.side(at.at("columns"), &shelf, raw.Columns)
	shelf.Depth = p.side(at.at("depth"), &shelf, raw.Depth)
	shelf.Slots = make([]Slot, shelf.Columns*shelf.Depth)
	for i := range shelf.Slots {
		shelf.Slots[i].Number = i + 1
	}
	p.addNodes(at.at("nodes"), &shelf, &raw.Nodes)
	p.addProbes(at.at("probes"), &shelf, raw.Probes)
	p.addFans(at.at("fans"), &shelf, raw.Fans)
	shelf.Limits = p.limits(at.at("limits"), raw.Limits)
	p.layout.Shelves = append(p.layout.Shelves, shelf)
}

// side checks columns or depth. What is wrong counts as the most there can be,
// so that the rest of the shelf is checked all the same.
func (p *parser) side(at place, shelf *Shelf, n int) int {
	if n < 1 || n > maxSide {
		p.fault(at, "%s of shelf %s is %d, want 1 to %d", at[len(at)-1], shelf.ID(), n, maxSide)
		return maxSide
	}
	return n
}

func (p *parser) addProbes(at place, shelf *Shelf, raws []rawProbe) {
	names := map[string]bool{}
	for i, raw := range raws {
		at := at.at(fmt.Sprint(i))
		probe := Probe{Name: raw.Name, Sensor: raw.Sensor, X: raw.X, Y: raw.Y, Face: Face(raw.Face)}
		if raw.Name == "" || names[raw.Name] {
			p.fault(at, "probe needs a name of its own in the shelf, has %q", raw.Name)
		}
		names[raw.Name] = true
		if !isDevice(raw.Sensor) {
			p.fault(at.at("sensor"), "sensor %q of probe %s is not a device such as urn:dev:ow: and 16 hex digits", raw.Sensor, raw.Name)
		} else if other, taken := p.sensors[raw.Sensor]; taken {
			p.fault(at.at("sensor"), "sensor %s of probe %s already hangs at %s", raw.Sensor, raw.Name, other)
		}
		p.sensors[raw.Sensor] = shelf.ID() + " probe " + raw.Name
		if raw.Node != "" {
			probe.Node = p.node(at.at("node"), raw.Node)
		}
		if !(raw.X >= 0 && raw.X <= 1 && raw.Y >= 0 && raw.Y <= 1) {
			p.fault(at, "probe %s stands at x %v, y %v; both go from 0 to 1", raw.Name, raw.X, raw.Y)
		}
		switch probe.Face {
		case Cold, Inside, Hot:
		default:
			p.fault(at.at("face"), "face %q of probe %s is none of cold, inside, hot", raw.Face, raw.Name)
		}
		p.addOffsets(at, &probe, raw)
		shelf.Probes = append(shelf.Probes, probe)
	}
}

// addOffsets reads what is added to a probe's readings.
func (p *parser) addOffsets(at place, probe *Probe, raw rawProbe) {
	if raw.Offset != nil {
		probe.Offset = p.kelvin(at.at("offset"), probe, *raw.Offset)
		if len(raw.Offsets) > 0 {
			p.fault(at.at("offset"), "probe %s has offset and offsets: move the offset to the top of the list, as {value: %v}", probe.Name, *raw.Offset)
		}
	}
	var last time.Time
	for i, o := range raw.Offsets {
		at := at.at("offsets", fmt.Sprint(i))
		since, err := time.Parse(time.RFC3339, o.Since)
		if undated := i == 0 && o.Since == ""; err != nil && !undated {
			p.fault(at, "since %q of an offset of probe %s is no time such as 2026-03-01T12:00:00Z", o.Since, probe.Name)
		} else if !undated && !since.After(last) {
			p.fault(at, "offsets of probe %s are not in the order of their times", probe.Name)
		}
		if last = since.UTC(); o.Value == nil {
			p.fault(at, "an offset of probe %s has no value", probe.Name)
			continue
		}
		probe.Offset = p.kelvin(at.at("value"), probe, *o.Value)
		if !(o.SD >= 0 && o.SD <= 20) {
			p.fault(at.at("sd"), "sd %v K of an offset of probe %s is not between 0 and 20", o.SD, probe.Name)
		}
		probe.Offsets = append(probe.Offsets, Offset{Since: last, Value: probe.Offset, SD: o.SD})
	}
}

// kelvin checks an offset.
func (p *parser) kelvin(at place, probe *Probe, v float64) float64 {
	if !(v >= -20 && v <= 20) {
		p.fault(at, "offset %v K of probe %s is beyond ±20", v, probe.Name)
	}
	return v
}

// isDevice tells whether s names a 1-Wire part or a part of a node.
func isDevice(s string) bool {
	if rom, ok := strings.CutPrefix(s, "urn:dev:ow:"); ok {
		_, err := hex.DecodeString(rom)
		return err == nil && len(rom) == 16 && rom == strings.ToLower(rom)
	}
	_, ok := wire.DeviceNode(s)
	return ok
}

func (p *parser) addFans(at place, shelf *Shelf, raws []rawFan) {
	names := map[string]bool{}
	for i, raw := range raws {
		at := at.at(fmt.Sprint(i))
		if raw.Name == "" || names[raw.Name] {
			p.fault(at, "fan needs a name of its own in the shelf, has %q", raw.Name)
		}
		names[raw.Name] = true
		device, quantity, ok := wire.SplitName(raw.Speed)
		if !ok || quantity != wire.QuantitySpeed || !isDevice(device) {
			p.fault(at.at("speed"), "speed %q of fan %s is not a record name such as urn:dev:mac:…_fan1:speed", raw.Speed, raw.Name)
		} else if other, taken := p.sensors[raw.Speed]; taken {
			p.fault(at.at("speed"), "speed %s of fan %s is already that of %s", raw.Speed, raw.Name, other)
		}
		p.sensors[raw.Speed] = shelf.ID() + " fan " + raw.Name
		if !(raw.Healthy > 0 && raw.Healthy < 1e4) {
			p.fault(at.at("healthy"), "healthy of fan %s is %v 1/s, want above 0", raw.Name, raw.Healthy)
		}
		shelf.Fans = append(shelf.Fans, Fan(raw))
	}
}

func (p *parser) limits(at place, raw rawLimits) Limits {
	limits := DefaultLimits()
	for _, l := range []struct {
		key string
		raw *float64
		to  *float64
	}{
		{"inlet", raw.Inlet, &limits.Inlet}, {"hot", raw.Hot, &limits.Hot},
		{"soc", raw.SoC, &limits.SoC}, {"critical", raw.Critical, &limits.Critical},
	} {
		if l.raw == nil {
			continue
		}
		if *l.to = *l.raw; !(*l.raw > 0 && *l.raw < 150) {
			p.fault(at.at(l.key), "limit %s is %v °C, want above 0 and below 150", l.key, *l.raw)
		}
	}
	for _, l := range []struct {
		low, high string
		ok        bool
	}{{"inlet", "hot", limits.Inlet <= limits.Hot}, {"hot", "critical", limits.Hot <= limits.Critical}} {
		if !l.ok {
			p.fault(at, "limit %s is above limit %s; limits that are not given are inlet 32, hot 45, soc 80, critical 48", l.low, l.high)
		}
	}
	return limits
}

func (p *parser) addSwitch(at place, name string, raw *rawSwitch) {
	if raw == nil {
		raw = &rawSwitch{}
	}
	s := Switch{Name: name, Host: raw.Host, Profile: cmp.Or(raw.Profile, "auto"), Credentials: raw.Credentials}
	if raw.MAC != "" {
		s.MAC = p.node(at.at("mac"), raw.MAC)
	}
	if other, taken := p.switches[s.MAC]; taken && s.MAC != "" {
		p.fault(at.at("mac"), "switches %s and %s have the same mac %s, which names their readings", other, name, s.MAC)
	}
	if raw.Host != "" && raw.MAC == "" {
		p.fault(at.at("host"), "switch %s has a host and no mac, which names its readings: `thermarack-collector switch scan %s` shows it", name, raw.Host)
	}
	p.switches[s.MAC] = name
	p.layout.Switches = append(p.layout.Switches, s)
}

// node reads a MAC; "" after noting a problem.
func (p *parser) node(at place, text string) wire.Node {
	node, err := wire.ParseNode(text)
	if err != nil {
		p.fault(at, "%q: %v", text, wire.ErrNode)
	}
	return node
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
