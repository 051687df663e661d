// Package layout reads the layout file: where every Pi, probe and fan stands.
// The collector draws by it, and the agent's simulator makes shelves by it.
package layout

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"thermarack/agent/wire"
)

// A Layout is the whole of one file, checked.
type Layout struct {
	Shelves  []Shelf  // sorted by ID
	Switches []Switch // sorted by Name
}

// Shelf returns the shelf with an id such as "hex/a1/s3".
func (l *Layout) Shelf(id string) (*Shelf, bool) {
	for i := range l.Shelves {
		if l.Shelves[i].ID() == id {
			return &l.Shelves[i], true
		}
	}
	return nil, false
}

// Switch returns the switch of that name.
func (l *Layout) Switch(name string) (*Switch, bool) {
	for i := range l.Switches {
		if l.Switches[i].Name == name {
			return &l.Switches[i], true
		}
	}
	return nil, false
}

// A Shelf is one level of a rack, seen from above: x runs along the aisle, y
// from the cold aisle (0) to the hot one (1).
type Shelf struct {
	Site, Rack, Name string
	Columns          int    // along the aisle, 1 to 200
	Depth            int    // from cold to hot, 1 to 200
	Slots            []Slot // Columns × Depth of them, slot n at index n-1
	Probes           []Probe
	Fans             []Fan
	Limits           Limits
}

// ID returns "<site>/<rack>/<shelf>".
func (s *Shelf) ID() string { return s.Site + "/" + s.Rack + "/" + s.Name }

// Center returns the middle of slot n (from 1), x and y from 0 to 1. Slot 1 is
// front left; numbers go along the front, then backwards.
func (s *Shelf) Center(n int) (x, y float64) {
	column, row := (n-1)%s.Columns, (n-1)/s.Columns
	return (float64(column) + 0.5) / float64(s.Columns), (float64(row) + 0.5) / float64(s.Depth)
}

// A Slot is the place of one Pi.
type Slot struct {
	Number int       // from 1
	Node   wire.Node // "" for an empty slot, or one that is filled by its switch port
	Switch string    // name of the PoE switch that feeds it, or ""
	Port   int       // its port there, from 1; 0 when not known
}

// A Face says which air a probe measures.
type Face string

// The faces of a shelf.
const (
	Cold   Face = "cold"
	Inside Face = "inside"
	Hot    Face = "hot"
)

// A Probe is a temperature probe and its place.
type Probe struct {
	Name   string    // unique in the shelf
	Sensor string    // device, "urn:dev:ow:28…"
	Node   wire.Node // the Pi that reads it; "" when any may
	X, Y   float64   // 0 to 1
	Face   Face
	Offset float64 // K, added to what the probe reads

	// Offsets are all that Offset has been, in the order of their times, the one in
	// force last; none while none was found by calibration. Only the first may have
	// no time.
	Offsets []Offset `json:",omitempty"`
}

// A Fan is one shelf fan with a tachometer.
type Fan struct {
	Name    string  // unique in the shelf
	Speed   string  // record name, "urn:dev:mac:…_fan1:speed"
	Healthy float64 // 1/s; slower than this is a failing fan
}

// Limits are a shelf's temperatures in °C above which somebody is told.
type Limits struct {
	Inlet    float64 // air at the cold face
	Hot      float64 // air at the hot face
	SoC      float64 // a Pi's processor
	Critical float64 // fused hot air: equipment is about to stop
}

// DefaultLimits apply where the file names none: the upper edge of ASHRAE's A1
// allowable inlet span (TC 9.9, 2021), and below it what stops a Pi 3: throttling
// begins at 80 °C.
func DefaultLimits() Limits { return Limits{Inlet: 32, Hot: 45, SoC: 80, Critical: 48} }

// A Switch is a PoE switch.
type Switch struct {
	Name        string
	MAC         wire.Node // names its readings; "" when not given
	Host        string    // address to poll, "" = not polled
	Profile     string    // vendor profile, "auto" when not given
	Credentials string    // path of the SNMP credentials, or ""
}

// PortPower returns the record name of the watts of port n.
func (s *Switch) PortPower(n int) string {
	return s.MAC.Device(fmt.Sprintf("port%d", n)) + ":" + wire.QuantityPower
}

// Load reads and checks the layout file at path and the CSV files beside it.
// The error is yamlfile.Problems with everything that is wrong, by file and
// line, or the reason why a file cannot be read.
func Load(path string) (*Layout, error) {
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read layout: %w", err)
	}
	return Parse(name, data, os.DirFS(dir))
}

// Parse is Load of a file's text; files holds the CSV files that it names.
func Parse(name string, data []byte, files fs.FS) (*Layout, error) {
	p := parser{file: name, files: files}
	p.parse(data)
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	return &p.layout, nil
}
