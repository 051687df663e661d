package layout_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire/layout"
)

const good = `version: 1
sites:
  hex:
    racks:
      a1:
        shelves:
          s3:
            columns: 3
            depth: 2
            nodes: {file: s3.csv}
            probes:
              - {name: h1, sensor: "urn:dev:ow:28f6fb1e0d0000c5", node: b827eb000001, x: 0.1, y: 1.0, face: hot, offset: -0.2}
            fans:
              - {name: left, speed: "urn:dev:mac:b827ebfffe000001_fan1:speed", healthy: 40}
            limits: {inlet: 30}
          s4: {columns: 2, depth: 1, nodes: {1: "B8:27:EB:00:00:09"}}
          s5: {columns: 2, depth: 1, nodes: {switch: sw-a1-3, ports: 9-10}}
switches: {sw-a1-3: {mac: 0011223344ff, host: 10.0.0.3}}
`

const csv = "slot,mac,switch,port\n1,b827eb000001,sw-a1-3,7\n6,b827eb000006,,\n"

func parse(text, csv string) (*layout.Layout, error) {
	return layout.Parse("layout.yaml", []byte(text), fstest.MapFS{"s3.csv": {Data: []byte(csv)}})
}

func TestParseReadsTheThreeFormsOfNodes(t *testing.T) {
	l, err := parse(good, csv)
	if err != nil {
		t.Fatal(err)
	}
	s3, ok := l.Shelf("hex/a1/s3")
	if !ok {
		t.Fatal("no hex/a1/s3")
	}
	want := &layout.Shelf{
		Site: "hex", Rack: "a1", Name: "s3", Columns: 3, Depth: 2,
		Slots: []layout.Slot{
			{Number: 1, Node: "b827eb000001", Switch: "sw-a1-3", Port: 7}, {Number: 2}, {Number: 3},
			{Number: 4}, {Number: 5}, {Number: 6, Node: "b827eb000006"},
		},
		Probes: []layout.Probe{{Name: "h1", Sensor: "urn:dev:ow:28f6fb1e0d0000c5", Node: "b827eb000001", X: 0.1, Y: 1, Face: layout.Hot, Offset: -0.2}},
		Fans:   []layout.Fan{{Name: "left", Speed: "urn:dev:mac:b827ebfffe000001_fan1:speed", Healthy: 40}},
		Limits: layout.Limits{Inlet: 30, Hot: 45, SoC: 80, Critical: 48},
	}
	if diff := cmp.Diff(s3, want); diff != "" {
		t.Errorf("s3 -got +want\n%s", diff)
	}
	s4, _ := l.Shelf("hex/a1/s4")
	s5, _ := l.Shelf("hex/a1/s5")
	if s4.Slots[0].Node != "b827eb000009" || s5.Slots[1] != (layout.Slot{Number: 2, Switch: "sw-a1-3", Port: 10}) {
		t.Errorf("s4 %v, s5 %v", s4.Slots, s5.Slots)
	}
	sw, _ := l.Switch("sw-a1-3")
	if got := sw.PortPower(10); got != "urn:dev:mac:001122fffe3344ff_port10:power" {
		t.Errorf("PortPower = %s", got)
	}
}

func TestASlotMayHaveItsPortInTheLayoutItself(t *testing.T) {
	text := strings.Replace(good, `{1: "B8:27:EB:00:00:09"}`, "{1: {mac: b827eb000009, switch: sw-a1-3, port: 8}, 2: {switch: sw-a1-3, port: 11}}", 1)
	l, err := parse(text, csv)
	if err != nil {
		t.Fatal(err)
	}
	s4, _ := l.Shelf("hex/a1/s4")
	want := []layout.Slot{{Number: 1, Node: "b827eb000009", Switch: "sw-a1-3", Port: 8}, {Number: 2, Switch: "sw-a1-3", Port: 11}}
	if diff := cmp.Diff(s4.Slots, want); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
}

func TestAByteOrderMarkIsTaken(t *testing.T) {
	if _, err := parse(good, "\ufeff"+csv); err != nil {
		t.Error(err)
	}
}

func TestSlotsAreCountedFromTheFrontLeft(t *testing.T) {
	s := layout.Shelf{Columns: 12, Depth: 9}
	for _, tt := range []struct {
		slot int
		x, y float64
	}{{1, 0.5 / 12, 0.5 / 9}, {12, 11.5 / 12, 0.5 / 9}, {13, 0.5 / 12, 1.5 / 9}, {108, 11.5 / 12, 8.5 / 9}} {
		if x, y := s.Center(tt.slot); x != tt.x || y != tt.y {
			t.Errorf("Center(%d) = %v, %v, want %v, %v", tt.slot, x, y, tt.x, tt.y)
		}
	}
}

func TestParseNamesFileAndLineOfWhatIsWrong(t *testing.T) {
	edit := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	tests := []struct{ name, text, csv, want string }{
		{"an unknown key", edit("columns: 3", "colums: 3"), csv,
			"layout.yaml:8: unknown key \"colums\", did you mean \"columns\"?\nlayout.yaml:8: columns of shelf hex/a1/s3 is 0, want 1 to 200"},
		{"two Pis in one slot of a CSV file", good, "slot,mac\n1,b827eb000001\n1,b827eb000002\n",
			"s3.csv:3: slot 1 of hex/a1/s3 holds b827eb000001 already, and cannot hold b827eb000002 too"},
		{"two Pis in one slot of a map", edit(`{1: "B8:27:EB:00:00:09"}`, "{1: b827eb000008, 01: b827eb000009}"), csv,
			"layout.yaml:16: slot 1 of hex/a1/s4 holds b827eb000008 already, and cannot hold b827eb000009 too"},
		{"one Pi in two slots", good, "slot,mac\n1,b827eb000001\n2,b827eb000001\n",
			"s3.csv:3: node b827eb000001 is in hex/a1/s3 slot 1 and in hex/a1/s3 slot 2"},
		{"one Pi on two shelves", edit("B8:27:EB:00:00:09", "b827eb000001"), csv,
			"layout.yaml:16: node b827eb000001 is in hex/a1/s3 slot 1 and in hex/a1/s4 slot 1"},
		{"a slot beyond the shelf", good, "slot,mac\n7,b827eb000001\n", "s3.csv:2: slot 7: shelf hex/a1/s3 has slots 1 to 6"},
		{"a MAC that is none", good, "slot,mac\n1,pi-7\n", `s3.csv:2: "pi-7": want a MAC address of 12 hex digits, with or without : or -`},
		{"a CSV file without its header", good, "1,b827eb000001\n", "s3.csv:1: first line is not slot,mac or slot,mac,switch,port"},
		{"a CSV file that is not there", edit("s3.csv", "s9.csv"), csv, "layout.yaml:10: open s9.csv: file does not exist; the path is relative to this file"},
		{"an unknown switch", edit("{switch: sw-a1-3", "{switch: sw-a1-4"), csv, `layout.yaml:17: switch "sw-a1-4" is not under switches:`},
		{"more ports than slots", edit("9-10", "1-108"), csv, "layout.yaml:17: ports 1-108 are 108, shelf hex/a1/s5 has 2 slots"},
		{"a probe outside", edit("y: 1.0", "y: 1.5"), csv, "layout.yaml:12: probe h1 stands at x 0.1, y 1.5; both go from 0 to 1"},
		{"an unknown face", edit("face: hot", "face: back"), csv, `layout.yaml:12: face "back" of probe h1 is none of cold, inside, hot`},
		{"a fan without a speed record", edit("_fan1:speed", "_fan1"), csv,
			`layout.yaml:14: speed "urn:dev:mac:b827ebfffe000001_fan1" of fan left is not a record name such as urn:dev:mac:…_fan1:speed`},
		{"one tachometer for two fans", edit("healthy: 40}", "healthy: 40}\n              - {name: right, speed: \"urn:dev:mac:b827ebfffe000001_fan1:speed\", healthy: 40}"), csv,
			"layout.yaml:15: speed urn:dev:mac:b827ebfffe000001_fan1:speed of fan right is already that of hex/a1/s3 fan left"},
		{"a tachometer of nothing", edit("urn:dev:mac:b827ebfffe000001_fan1:speed", "nonsense:speed"), csv,
			`layout.yaml:14: speed "nonsense:speed" of fan left is not a record name such as urn:dev:mac:…_fan1:speed`},
		{"an impossible limit", edit("inlet: 30", "inlet: -30"), csv, "layout.yaml:15: limit inlet is -30 °C, want above 0 and below 150"},
		{"no columns", edit("columns: 3", "columns: 0"), csv, "layout.yaml:8: columns of shelf hex/a1/s3 is 0, want 1 to 200"},
		{"a sensor that is no ROM", edit("28f6fb1e0d0000c5", "zz"), csv, `layout.yaml:12: sensor "urn:dev:ow:zz" of probe h1 is not a device such as urn:dev:ow: and 16 hex digits`},
		{"limits out of order", edit("inlet: 30", "inlet: 50, hot: 49"), csv,
			"layout.yaml:15: limit inlet is above limit hot; limits that are not given are inlet 32, hot 45, soc 80, critical 48\nlayout.yaml:15: limit hot is above limit critical; limits that are not given are inlet 32, hot 45, soc 80, critical 48"},
		{"one port for two slots", good, "slot,mac,switch,port\n1,b827eb000001,sw-a1-3,7\n2,b827eb000002,sw-a1-3,7\n",
			"s3.csv:3: port 7 of switch sw-a1-3 feeds hex/a1/s3 slot 1 and hex/a1/s3 slot 2"},
		{"one port for two shelves", edit("ports: 9-10", "ports: 7-8"), csv, "layout.yaml:17: port 7 of switch sw-a1-3 feeds hex/a1/s3 slot 1 and hex/a1/s5 slot 1"},
		{"two switches of one mac", edit("sw-a1-3: {mac", "sw-a1-4: {mac: 0011223344ff}, sw-a1-3: {mac"), csv,
			"layout.yaml:18: switches sw-a1-3 and sw-a1-4 have the same mac 0011223344ff, which names their readings"},
		{"a switch to poll without a mac", edit("mac: 0011223344ff, ", ""), csv,
			"layout.yaml:18: switch sw-a1-3 has a host and no mac, which names its readings: `thermarack-collector switch scan 10.0.0.3` shows it"},
		{"a shelf without columns is checked all the same", edit("columns: 3", "#"), "slot,mac\n1,pi-7\n",
			"layout.yaml:9: columns of shelf hex/a1/s3 is 0, want 1 to 200\ns3.csv:2: \"pi-7\": want a MAC address of 12 hex digits, with or without : or -"},
		{"all that is wrong in one row", good, "slot,mac,switch,port\nx,pi-7,sw,0\n",
			"s3.csv:2: slot \"x\" is not a number\ns3.csv:2: \"pi-7\": want a MAC address of 12 hex digits, with or without : or -\ns3.csv:2: switch \"sw\" is not under switches: of the layout\ns3.csv:2: port \"0\" is not a number from 1"},
		{"a name with a space", edit("a1:", "\"a 1\":"), csv, `layout.yaml:5: name "a 1" is not 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit`},
		{"another version", edit("version: 1", "version: 2"), csv, "layout.yaml:1: version is 2, this program reads version 1"},
		{"no file at all", "", csv, "layout.yaml: version is 0, this program reads version 1"},
		{"a list of nodes", edit("nodes: {file: s3.csv}", "nodes: [a]"), csv, "layout.yaml:10: nodes is none of {file: F.csv}, {1: MAC, …}, {switch: NAME, ports: 1-108}"},
		{"a slot without anything", edit(`{1: "B8:27:EB:00:00:09"}`, "{1: {switch: sw-a1-3}}"), csv, "layout.yaml:16: slot 1 has neither a mac nor a switch and a port"},
		{"a slot with what it does not have", edit(`{1: "B8:27:EB:00:00:09"}`, "{1: {mac: b827eb000009, ports: 1}}"), csv, `layout.yaml:16: unknown key "ports", did you mean "port"?`},
		{"a slot with several MACs", edit(`{1: "B8:27:EB:00:00:09"}`, "{1: {mac: [b827eb000009]}}"), csv, "layout.yaml:16: mac of slot 1 is no single word"},
		{"a slot with all that is wrong", edit(`{1: "B8:27:EB:00:00:09"}`, "{1: {mac: pi-7, switch: sw, port: x}}"), csv,
			"layout.yaml:16: \"pi-7\": want a MAC address of 12 hex digits, with or without : or -\nlayout.yaml:16: switch \"sw\" is not under switches: of the layout\nlayout.yaml:16: port \"x\" is not a number from 1"},
		{"a slot that is listed twice", edit(`{1: "B8:27:EB:00:00:09"}`, "{1: {switch: sw-a1-3, port: 8}, 01: b827eb000009}"), csv, "layout.yaml:16: slot 1 of hex/a1/s4 is listed already"},
		{"a misspelt form of nodes", edit("{file: s3.csv}", "{fil: s3.csv}"), csv, `layout.yaml:10: unknown key "fil", did you mean "file"?; or a slot number`},
		{"everything at once", edit("columns: 3", "colums: 3\n            columns: 3\n            dept: 1"), "slot,mac\n9,b827eb000001\n",
			"layout.yaml:8: unknown key \"colums\", did you mean \"columns\"?\nlayout.yaml:10: unknown key \"dept\", did you mean \"depth\"?\ns3.csv:2: slot 9: shelf hex/a1/s3 has slots 1 to 6"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parse(tt.text, tt.csv)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(good, csv)
	f.Add(commented, csv)
	f.Fuzz(func(t *testing.T, text, csv string) {
		l, err := parse(text, csv)
		if err != nil {
			return
		}
		for i := range l.Shelves {
			if s := &l.Shelves[i]; len(s.Slots) != s.Columns*s.Depth {
				t.Errorf("%s has %d slots, want %d × %d", s.ID(), len(s.Slots), s.Columns, s.Depth)
			}
		}
		checkFormat(t, l)
		_, _ = layout.FillIn("layout.yaml", []byte(text), fstest.MapFS{"s3.csv": {Data: []byte(csv)}}, l) // checks itself
	})
}
