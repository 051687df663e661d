package layout

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Format writes a layout as a file of its own, which Parse reads back equal and
// without any file beside it. Shelves of one site, and of one rack, must stand
// next to each other, as they do when sorted by ID.
func Format(l *Layout) []byte {
	f := &formatter{}
	f.line(0, "version: 1")
	if len(l.Shelves) > 0 {
		f.line(0, "sites:")
	}
	for i := range l.Shelves {
		s := &l.Shelves[i]
		newSite := i == 0 || l.Shelves[i-1].Site != s.Site
		if newSite {
			f.line(1, "%s:", quote(s.Site))
			f.line(2, "racks:")
		}
		if newSite || l.Shelves[i-1].Rack != s.Rack {
			f.line(3, "%s:", quote(s.Rack))
			f.line(4, "shelves:")
		}
		f.shelf(s)
	}
	if len(l.Switches) > 0 {
		f.line(0, "switches:")
	}
	for _, s := range l.Switches {
		f.line(1, "%s: %s", quote(s.Name), s.fields())
	}
	return f.Bytes()
}

// A formatter writes the lines of a file.
type formatter struct{ bytes.Buffer }

func (f *formatter) line(depth int, format string, args ...any) {
	fmt.Fprintf(f, "%*s"+format+"\n", append([]any{2 * depth, ""}, args...)...)
}

func (f *formatter) shelf(s *Shelf) {
	f.line(5, "%s:", quote(s.Name))
	f.line(6, "columns: %d # along the aisle, left to right seen from the cold aisle", s.Columns)
	f.line(6, "depth: %d # from cold to hot; slot 1 is front left, then along the front, then backwards", s.Depth)
	f.nodes(s)
	if len(s.Probes) > 0 {
		f.line(6, "probes:")
	}
	for _, p := range s.Probes {
		node := ""
		if p.Node != "" {
			node = " node: " + quote(string(p.Node)) + ","
		}
		f.line(7, "- {name: %s, sensor: %s,%s x: %v, y: %v, face: %s, %s}", quote(p.Name), quote(p.Sensor), node, p.X, p.Y, p.Face, p.offsets())
	}
	if len(s.Fans) > 0 {
		f.line(6, "fans:")
	}
	for _, fan := range s.Fans {
		f.line(7, "- {name: %s, speed: %s, healthy: %v} # 1/s", quote(fan.Name), quote(fan.Speed), fan.Healthy)
	}
	f.line(6, "limits: {inlet: %v, hot: %v, soc: %v, critical: %v} # °C", s.Limits.Inlet, s.Limits.Hot, s.Limits.SoC, s.Limits.Critical)
}

// nodes writes the slots that anything is known of.
func (f *formatter) nodes(s *Shelf) {
	begun := false
	for _, slot := range s.Slots {
		text := slot.fields()
		if text == "" {
			continue
		}
		if !begun {
			f.line(6, "nodes:")
			begun = true
		}
		f.line(7, "%d: %s", slot.Number, text)
	}
}

// fields returns what a layout says of a slot: its MAC, or {mac: …, switch: …,
// port: …}; "" when there is nothing to say.
func (s Slot) fields() string {
	switch {
	case s.Switch == "" && s.Port == 0:
		if s.Node == "" {
			return ""
		}
		return quote(string(s.Node))
	case s.Node == "" && (s.Switch == "" || s.Port == 0):
		return "" // what no file can say
	}
	var all fields
	all.add("mac", string(s.Node))
	all.add("switch", s.Switch)
	if s.Port != 0 {
		all = append(all, fmt.Sprintf("port: %d", s.Port))
	}
	return all.String()
}

func (s Switch) fields() string {
	var all fields
	all.add("mac", string(s.MAC))
	all.add("host", s.Host)
	all.add("profile", s.Profile)
	all.add("credentials", s.Credentials)
	return all.String()
}

// fields are "key: value" pairs of a mapping in one line.
type fields []string

// add adds a text that is not "".
func (f *fields) add(key, text string) {
	if text != "" {
		*f = append(*f, key+": "+quote(text))
	}
}

func (f fields) String() string { return "{" + strings.Join(f, ", ") + "}" }

// quote writes s so that it is never a number, a key word or the end of a mapping:
// what Go escapes in a string, YAML reads in the same way.
func quote(s string) string { return strconv.Quote(s) }
