package simulate_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thermarack/agent/internal/simulate"
	"thermarack/agent/wire"
)

// small is a shelf of 2 × 2 with a switch, two fans and two probes. h1 hangs on
// the Pi in slot 2, c1 on any.
const small = `version: 1
sites:
  hex:
    racks:
      a1:
        shelves:
          s3:
            columns: 2
            depth: 2
            nodes: {file: s3.csv}
            probes:
              - {name: c1, sensor: "urn:dev:ow:28011e0d0000006a", x: 0.5, y: 0.0, face: cold}
              - {name: h1, sensor: "urn:dev:ow:28091e0d000000cb", node: b827eb000002, x: 0.5, y: 1.0, face: hot, offset: -5}
            fans:
              - {name: left, speed: "urn:dev:mac:b827ebfffe000001_fan1:speed", healthy: 40}
              - {name: right, speed: "urn:dev:mac:b827ebfffe000001_fan2:speed", healthy: 80}
            limits: {critical: 48}
switches:
  sw: {mac: 0011223344ff}
`

const smallCSV = `slot,mac,switch,port
1,b827eb000001,sw,11
2,b827eb000002,sw,12
3,b827eb000003,sw,13
4,b827eb000004,sw,14
`

const (
	h1     = "urn:dev:ow:28091e0d000000cb"
	c1     = "urn:dev:ow:28011e0d0000006a"
	epoch  = 1767225600 // the documented start of a recording
	minute = 60
)

// A dir is a directory with a layout, and maybe a scenario.
type dir string

func newDir(t testing.TB, layout string) dir {
	t.Helper()
	d := dir(t.TempDir())
	d.write(t, "layout.yaml", layout)
	d.write(t, "s3.csv", smallCSV)
	return d
}

func (d dir) path(name string) string { return filepath.Join(string(d), name) }

func (d dir) write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(d.path(name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (d dir) read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(d.path(name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// run runs the command on the directory's layout and returns standard output.
func (d dir) run(t testing.TB, args ...string) []byte {
	t.Helper()
	var stdout, stderr bytes.Buffer
	err := simulate.Command{Version: "1.2.3"}.Run(t.Context(), append([]string{"--layout", d.path("layout.yaml")}, args...), &stdout, &stderr)
	if err != nil {
		t.Fatalf("simulate %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return stdout.Bytes()
}

// A line is one line of a recording. Values are those of a pack by record name.
type line struct {
	T       float64         `json:"t"`
	Topic   string          `json:"topic"`
	Payload json.RawMessage `json:"payload"`

	topic  wire.Topic
	values map[string]float64
	texts  map[string]string
}

// recording decodes a recording the way a collector does. Nothing in it may be
// rejected, and it must be in time order.
func recording(t testing.TB, text []byte) []line {
	t.Helper()
	var lines []line
	last := 0.0
	for text := range bytes.Lines(text) {
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var err error
		if l.topic, err = wire.ParseTopic(l.Topic); err != nil {
			t.Fatal(err)
		}
		if l.topic.Kind == wire.KindReadings {
			l.decode(t)
		}
		if l.T < last {
			t.Fatalf("%s comes after t = %v", text, last)
		}
		last = l.T
		lines = append(lines, l)
	}
	return lines
}

// decode fills values and texts from the pack.
func (l *line) decode(t testing.TB) {
	t.Helper()
	readings, bad, err := wire.DecodePack(l.Payload, time.Time{})
	if err != nil || len(bad) > 0 {
		t.Fatalf("%s: %v, bad records: %v", l.Payload, err, bad)
	}
	l.values, l.texts = map[string]float64{}, map[string]string{}
	for _, r := range readings {
		if got := float64(r.Time.UnixMilli()) / 1000; got != l.T {
			t.Errorf("%s: %s is stamped %v, the line %v", l.Topic, r.Name(), got, l.T)
		}
		if node, ok := wire.DeviceNode(r.Device); ok && node != l.topic.Node {
			t.Errorf("%s: carries %s of another node", l.Topic, r.Name())
		}
		if r.Text != "" {
			l.texts[r.Name()] = r.Text
		} else {
			l.values[r.Name()] = r.Value
		}
	}
}

// of returns the lines of one node and kind.
func of(lines []line, node string, kind wire.Kind) []line {
	var some []line
	for _, l := range lines {
		if string(l.topic.Node) == node && l.topic.Kind == kind {
			some = append(some, l)
		}
	}
	return some
}

func TestWrongUsageIsToldApart(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, args, want string }{
		{"nothing", "", "--layout is missing"},
		{"no way out", "--layout F", "say where the readings go"},
		{"two ways out", "--layout F --broker tcp://h -o x", "--broker and -o exclude each other"},
		{"a recording without end", "--layout F -o x", "--for is missing"},
		{"a truth without end", "--layout F --truth x", "--for is missing"},
		{"a recording at a speed", "--layout F -o x --for 1h --speed 2", "--speed and --clock-origin are for --broker"},
		{"a recording on a clock", "--layout F -o x --for 1h --clock-origin 2026-01-01T00:00:00Z", "--speed and --clock-origin are for --broker"},
		{"one file for two", "--layout F -o x --truth x --for 1h", "give them a file each"},
		{"a clock that stands", "--layout F --broker tcp://h --speed 0", "--speed 0: need above 0"},
		{"a clock that is no number", "--layout F --broker tcp://h --speed NaN", "--speed NaN: need above 0"},
		{"no time at all", "--layout F -o x --for 0s", "--for 0s: need above 0"},
		{"no interval", "--layout F -o x --for 1h --interval 0s", "interval: 0s is not 100ms to 1h"},
		{"an interval too long", "--layout F -o x --for 1h --interval 2h", "interval: 2h0m0s is not 100ms to 1h"},
		{"a broker without scheme", "--layout F --broker h:1883", "want a URL such as tcp://host:1883"},
		{"a start that is none", "--layout F -o x --for 1h --start noon", "want RFC 3339"},
		{"a start too early", "--layout F -o x --for 1h --start 60", "--start is in 1970: need 1980 to 2200"},
		{"an origin that is none", "--layout F --broker tcp://h --clock-origin 7", "-clock-origin"},
		{"an unknown flag", "--layout F --spede 2", "spede"},
		{"an argument", "--layout F --broker tcp://h now", `unexpected argument "now"`},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		err := simulate.Command{}.Run(t.Context(), strings.Fields(tt.args), &out, &out)
		var usage simulate.UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: err = %v (%T), want one line of usage with %q", tt.name, err, err, tt.want)
		}
		if out.Len() > 0 {
			t.Errorf("%s: printed %q", tt.name, &out)
		}
	}
}

func TestHelpNamesEveryFlag(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	if err := (simulate.Command{}).Run(t.Context(), []string{"--help"}, &stdout, &stderr); err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields("--layout --broker --speed --seed --scenario --interval --start --for -o --truth --clock-origin") {
		if !strings.Contains(stdout.String(), "  "+name+" ") {
			t.Errorf("help does not name %s:\n%s", name, &stdout)
		}
	}
}

func TestWhatCannotBeSimulatedIsNamed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, layout string
		args         string
		want         string
	}{
		{"no layout file", "", "-o - --for 1m --layout NONE", "NONE"},
		{"a layout that is wrong", "version: 2\n", "-o - --for 1m", "layout.yaml:1: version is 2"},
		{"a layout without shelves", "version: 1\n", "-o - --for 1m", "has no shelf"},
		{"more fans than columns", strings.Replace(small, "columns: 2", "columns: 1", 1), "-o - --for 1m", "simulate shelf hex/a1/s3: sim: 2 fans on 1 columns"},
		{"a switch with a Pi's address", strings.Replace(small, "0011223344ff", "b827eb000003", 1), "-o - --for 1m", "simulate switch sw: its MAC b827eb000003"},
		{"a recording that cannot be written", small, "-o /nowhere/r.jsonl --for 1m", "write recording: open /nowhere/r.jsonl"},
		{"a truth that cannot be written", small, "-o - --truth /nowhere/t.jsonl --for 1m", "write truth: open /nowhere/t.jsonl"},
		{"no scenario file", small, "-o - --for 1m --scenario /nowhere/s.yaml", "read scenario: open /nowhere/s.yaml"},
	}
	for _, tt := range tests {
		d := newDir(t, tt.layout)
		if strings.HasPrefix(tt.name, "more fans") {
			d.write(t, "s3.csv", "slot,mac\n1,b827eb000001\n2,b827eb000002\n")
		}
		var out bytes.Buffer
		args := append([]string{"--layout", d.path("layout.yaml")}, strings.Fields(tt.args)...)
		err := simulate.Command{}.Run(t.Context(), args, &out, &out)
		if err == nil || !strings.Contains(err.Error(), tt.want) || errors.As(err, new(simulate.UsageError)) {
			t.Errorf("%s: err = %v, want one with %q", tt.name, err, tt.want)
		}
	}
}
