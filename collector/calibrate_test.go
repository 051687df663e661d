package main_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// inABag is a shelf as its owner wrote it down.
const inABag = `version: 1
# The hall of hex.
sites:
  hex:
    racks:
      a1:
        shelves:
          s3:
            columns: 2
            depth: 1

            nodes: {1: b827eb000001}   # the one with the probes
            probes:
              - {name: c1, sensor: "urn:dev:ow:2800000000000001", node: b827eb000001, x: 0.2, y: 0, face: cold}
              - {name: c2, sensor: "urn:dev:ow:2800000000000002", node: b827eb000001, x: 0.8, y: 0, face: cold, offset: 0.1} # ice water
              - {name: h1, sensor: "urn:dev:ow:2800000000000003", node: b827eb000001, x: 0.2, y: 1, face: hot}
              - {name: h2, sensor: "urn:dev:ow:2800000000000004", node: b827eb000001, x: 0.8, y: 1, face: hot, offset: -0.2}
`

// A bag is a collector that was told half an hour of the four probes, of which the
// last never moved.
type bag struct {
	*collector
	data, layout string
	to           time.Time
}

func newBag(t *testing.T) *bag {
	t.Helper()
	dir := t.TempDir()
	b := &bag{data: filepath.Join(dir, "data"), layout: filepath.Join(dir, "layout.yaml"), to: time.Now().UTC().Truncate(time.Second)}
	write(t, b.layout, inABag)
	b.collector = startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--data", b.data, "--layout", b.layout)
	var records []string
	for n := range 180 {
		at := b.to.Add(time.Duration(n-180) * 10 * time.Second).Unix()
		air := 21.5 + float64(n)/600
		for i, v := range []float64{air + 0.25, air, air - 0.25, 21.5} {
			records = append(records, fmt.Sprintf(`{"t":%d,"n":"urn:dev:ow:280000000000000%d:temperature","u":"Cel","v":%g}`, at, i+1, math.Round(v*16)/16))
		}
	}
	publish(t, dial(t, b.MQTT, "b827eb000001"), "thermarack/v1/hex/b827eb000001/readings", "["+strings.Join(records, ",")+"]")
	return b
}

// calibrate runs the command, for the half hour that was published.
func (b *bag) calibrate(t *testing.T, more ...string) (status int, stdout, stderr string) {
	t.Helper()
	return call(t, append([]string{"layout", "calibrate", "--shelf", "hex/a1/s3", "--data", b.data, "--to", b.to.Format(time.RFC3339)}, more...)...)
}

func TestProbesInABagGetOffsetsThatCanBeTakenBack(t *testing.T) {
	needs(t)
	b := newBag(t)
	table := strings.Join([]string{
		"probe  readings  before  after   ±",
		"c1     180       +0.000  -0.250  0.020  found",
		"c2     180       +0.100  +0.000  0.020  found",
		"h1     180       +0.000  +0.250  0.020  found",
		"h2     180       -0.200  -0.200         refused: stuck: did not move while the others moved by 0.25 K",
	}, "\n")
	status, stdout, stderr := b.calibrate(t)
	if status != 0 || !strings.Contains(trimmed(stdout), table) || !strings.Contains(stderr, "nothing is written") {
		t.Errorf("status %d\n%s%s, want\n%s", status, stdout, stderr, table)
	}
	if got := read(t, b.layout); got != inABag {
		t.Errorf("without -o the file became\n%s", got)
	}

	if status, stdout, stderr = b.calibrate(t, "--layout", b.layout, "-o", b.layout); status != 0 {
		t.Fatalf("status %d\n%s%s", status, stdout, stderr)
	}
	found := func(v string) string {
		return fmt.Sprintf("{since: %s, value: %s, sd: 0.02}]", b.to.Format(time.RFC3339), v)
	}
	want := strings.NewReplacer(
		"x: 0.2, y: 0, face: cold}", "x: 0.2, y: 0, face: cold, offsets: [{value: 0}, "+found("-0.25")+"}",
		"offset: 0.1", "offsets: [{value: 0.1}, "+found("0"),
		"x: 0.2, y: 1, face: hot}", "x: 0.2, y: 1, face: hot, offsets: [{value: 0}, "+found("0.25")+"}",
	).Replace(inABag)
	if got := read(t, b.layout); got != want {
		t.Errorf("the file became\n%s, want\n%s", got, want)
	}
	if status, stdout, stderr := call(t, "layout", "check", b.layout); status != 0 {
		t.Errorf("layout check: %s%s", stdout, stderr)
	}
	if status, _, stderr := b.calibrate(t, "--layout", b.layout, "-o", b.layout); status != 1 || !strings.Contains(stderr, "is not after") {
		t.Errorf("the same half hour again: status %d, %s", status, stderr)
	}
	b.takesEffectFromNowOn(t)

	status, stdout, stderr = call(t, "layout", "calibrate", "--shelf", "hex/a1/s3", "--layout", b.layout, "-o", b.layout, "--undo")
	if status != 0 || !strings.Contains(trimmed(stdout), "c1     -0.250  +0.000") {
		t.Errorf("undo: status %d\n%s%s", status, stdout, stderr)
	}
	if got, want := read(t, b.layout), strings.ReplaceAll(inABag, "y: 0, face: cold}", "y: 0, face: cold, offset: 0}"); got != strings.ReplaceAll(want, "y: 1, face: hot}", "y: 1, face: hot, offset: 0}") {
		t.Errorf("undone, the file is\n%s", got)
	}
	if status, _, stderr := call(t, "layout", "calibrate", "--shelf", "hex/a1/s3", "--layout", b.layout, "--undo"); status != 1 || !strings.Contains(stderr, "none of its probes has an offset that was found") {
		t.Errorf("undo again: status %d, %s", status, stderr)
	}
}

// takesEffectFromNowOn starts the collector with what was written: the past keeps
// the offsets that it had.
func (b *bag) takesEffectFromNowOn(t *testing.T) {
	t.Helper()
	b.stop()
	b.collector = startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--data", b.data, "--layout", b.layout)
	publish(t, dial(t, b.MQTT, "b827eb000001"), "thermarack/v1/hex/b827eb000001/readings", sayTemperature("urn:dev:ow:2800000000000001", 22))
	probe := func(query string) (v float64) {
		var s struct {
			Probes []struct {
				Name  string
				Value *float64
			}
		}
		b.decode(t, "/api/v1/shelves/hex/a1/s3"+query, &s)
		if s.Probes[0].Value != nil {
			v = *s.Probes[0].Value
		}
		return v
	}
	until(t, 10*time.Second, "the probe reads what it does with its offset", func() bool { return probe("") == 21.75 })
	if got := probe("?at=" + at(b.to.Add(-time.Second))); got != 22.063 {
		t.Errorf("before the new layout the probe read %v, want the 22.063 that it read then", got)
	}
}

// trimmed leaves out the blanks at the ends of lines.
func trimmed(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestABagThatIsNoneWritesNothing(t *testing.T) {
	needs(t)
	b := newBag(t)
	b.to = b.to.Add(-25 * time.Minute) // five minutes of it
	status, stdout, stderr := b.calibrate(t, "--layout", b.layout, "-o", b.layout)
	if status != 1 || !strings.Contains(stderr, "calibrate hex/a1/s3: fewer than two probes can be compared") || !strings.Contains(stdout, "refused: too few readings: in 10 of 60 parts") {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
	if got := read(t, b.layout); got != inABag {
		t.Errorf("the file became\n%s", got)
	}
	b.stop()
	b.to = b.to.Add(25 * time.Minute)
	if status, stdout, stderr := b.calibrate(t, "--layout", b.layout); status != 0 || !strings.Contains(stdout, "-0.250") {
		t.Errorf("of a directory at rest: status %d\n%s%s", status, stdout, stderr)
	}
	if status, _, stderr := b.calibrate(t); status != 1 || !strings.Contains(stderr, "name the layout file by --layout") {
		t.Errorf("of a directory at rest, without a layout: status %d, %s", status, stderr)
	}
}

func TestCalibrateSaysWhatItNeeds(t *testing.T) {
	needs(t)
	file := filepath.Join(t.TempDir(), "layout.yaml")
	write(t, file, inABag)
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"no shelf", nil, 2, "--shelf is needed"},
		{"a file to write of no file", []string{"--shelf", "a", "-o", file}, 2, "--layout is needed"},
		{"an undo of no file", []string{"--shelf", "a", "--undo"}, 2, "--layout is needed"},
		{"too short", []string{"--shelf", "a", "--for", "9m"}, 2, "--for must be 10m to 24h"},
		{"a time that is none", []string{"--shelf", "a", "--to", "noon"}, 2, "neither RFC 3339 nor Unix seconds"},
		{"two ends", []string{"--shelf", "a", "--to", "10", "--wait"}, 2, "--wait or --to"},
		{"a shelf that is not there", []string{"--shelf", "hex/a1/s9", "--layout", file, "--undo"}, 1, `no shelf "hex/a1/s9" in the layout`},
		{"nobody there", []string{"--shelf", "hex/a1/s3", "--layout", file, "--url", "http://127.0.0.1:1"}, 1, "ask the collector"},
		{"a time to come", []string{"--shelf", "hex/a1/s3", "--layout", file, "--data", t.TempDir(), "--to", "4000000000"}, 1, "--to is after"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, stdout, stderr := call(t, append([]string{"layout", "calibrate"}, tt.args...)...)
			if status != tt.status || !strings.Contains(stderr, tt.want) {
				t.Errorf("status %d, want %d and …%s… in\n%s%s", status, tt.status, tt.want, stdout, stderr)
			}
		})
	}
}
