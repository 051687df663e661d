package main_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
)

var update = flag.Bool("update", false, "write the golden files")

const poeShelves = `version: 1
sites: {hex: {racks: {a1: {shelves: {
  s3: {columns: 2, depth: 2, nodes: {file: s3.csv}},
  s4: {columns: 2, depth: 2, nodes: {file: s4.csv}}}}}}}
switches: {sw-a1-3: {mac: 001122334455}}
`

// A poeStory writes a recording of eight Pis and their switch, of 50 minutes.
type poeStory struct {
	lines  strings.Builder
	second int
}

const poeSwitch = wire.Node("001122334455")

func poePi(n int) wire.Node { return wire.Node(fmt.Sprintf("b827eb%06d", n)) }

// during tells whether the story is between two minutes.
func (s *poeStory) during(from, to float64) bool {
	return float64(s.second) >= 60*from && float64(s.second) < 60*to
}

func (s *poeStory) publish(node wire.Node, kind, payload string) {
	fmt.Fprintf(&s.lines, `{"t":%d,"topic":"thermarack/v1/hex/%s/%s","payload":%s}`+"\n", 1767225600+s.second, node, kind, payload)
}

func (s *poeStory) record(device, quantity, unit string, value float64) string {
	return fmt.Sprintf(`{"n":"%s:%s",%s"t":%d,"v":%g}`, device, quantity, unit, 1767225600+s.second, value)
}

// speaks tells whether a Pi is well: the second has no power, the third hangs, the
// fourth is unplugged, the first restarts, the second shelf is cut off.
func (s *poeStory) speaks(n int) bool {
	switch n {
	case 1:
		return !s.during(25, 25.8)
	case 2:
		return !s.during(5, 9.5)
	case 3:
		return !s.during(15, 22)
	case 4:
		return !s.during(20, 60)
	}
	return !s.during(35, 42)
}

// port returns status and watts of a port.
func (s *poeStory) port(n int) (status, watts float64) {
	switch {
	case n == 2 && s.during(5, 9):
		return 4, 0
	case n == 4 && s.during(20, 60):
		return 2, 0
	}
	return 3, 2.3
}

func (s *poeStory) poll() {
	var records []string
	for n := 1; n <= 8; n++ {
		device := poeSwitch.Device(fmt.Sprintf("port%d", n))
		status, watts := s.port(n)
		overloads := 17.0
		switch {
		case s.during(30, 32): // the switch has restarted
			overloads = 0
		case s.during(32, 60) && n == 6:
			overloads = 1
		case s.during(32, 60):
			overloads = 0
		}
		records = append(records, s.record(device, "power", `"u":"W",`, watts), s.record(device, "status", "", status), s.record(device, "overload", "", overloads))
	}
	used := 16.0
	if s.during(44, 47) {
		used = 27
	}
	supply := poeSwitch.Device("supply1")
	records = append(records, s.record(supply, "capacity", `"u":"W",`, 30), s.record(supply, "power", `"u":"W",`, used),
		s.record(supply, "status", "", 1), s.record(supply, "threshold", `"u":"/",`, 0.8))
	s.publish(poeSwitch, "readings", "["+strings.Join(records, ",")+"]")
}

// tell writes the whole story.
func (s *poeStory) tell() string {
	wills := map[int]int{25 * 60: 1, 15*60 + 45: 3, 20*60 + 45: 4}
	for ; s.second < 50*60; s.second++ {
		if n, ok := wills[s.second]; ok {
			s.publish(poePi(n), "status", `{"online":false,"boot":"a","t":1767225600}`)
		}
		if s.second%10 == 0 {
			for n := 1; n <= 8; n++ {
				if s.speaks(n) {
					s.publish(poePi(n), "readings", "["+s.record(poePi(n).Device("soc"), "temperature", `"u":"Cel",`, 50)+"]")
				}
			}
		}
		if s.second%30 == 0 {
			s.poll()
		}
	}
	return s.lines.String()
}

func TestReplayTellsWhatHappensToThePowerAndTheAgentsOfARecording(t *testing.T) {
	needs(t)
	dir := t.TempDir()
	layout, readings := filepath.Join(dir, "layout.yaml"), filepath.Join(dir, "poe.jsonl")
	write(t, layout, poeShelves)
	for shelf, first := range map[string]int{"s3": 1, "s4": 5} {
		text := "slot,mac,switch,port\n"
		for slot := range 4 {
			text += fmt.Sprintf("%d,%s,sw-a1-3,%d\n", slot+1, poePi(first+slot), first+slot)
		}
		write(t, filepath.Join(dir, shelf+".csv"), text)
	}
	write(t, readings, new(poeStory).tell())
	status, got, stderr := call(t, "replay", "--layout", layout, "--readings", readings)
	if status != 0 || stderr != "" {
		t.Fatalf("status %d: %s", status, stderr)
	}
	golden := filepath.Join("testdata", "replay", "poe.jsonl")
	if *update {
		write(t, golden, got)
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(got, "\n"), strings.Split(string(want), "\n")); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
}
