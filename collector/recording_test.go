package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const smallShelf = `version: 1
sites: {hex: {racks: {a1: {shelves: {s3: {
  columns: 4, depth: 3,
  nodes: {1: b827eb000001, 2: b827eb000002, 5: b827eb000005, 12: b827eb00000c},
  probes: [
    {name: c1, sensor: "urn:dev:ow:28011e0d0000006a", node: b827eb000001, x: 0.5, y: 0, face: cold},
    {name: h1, sensor: "urn:dev:ow:28091e0d000000cb", node: b827eb000001, x: 0.3, y: 1, face: hot},
    {name: h2, sensor: "urn:dev:ow:280a1e0d00000092", node: b827eb000001, x: 0.7, y: 1, face: hot}],
  fans: [
    {name: left, speed: "urn:dev:mac:b827ebfffe000001_fan1:speed", healthy: 40},
    {name: right, speed: "urn:dev:mac:b827ebfffe000001_fan2:speed", healthy: 40}]}}}}}}
`

const bothFansDie = `- {at: 10m, shelf: hex/a1/s3, fan: 1, running: false}
- {at: 20m, shelf: hex/a1/s3, fan: 2, running: false}
- {at: 40m, shelf: hex/a1/s3, fan: 1, running: true}
`

// record simulates an hour of the small shelf into a file.
func record(t *testing.T) (layout, recording string) {
	t.Helper()
	dir := t.TempDir()
	layout, recording = filepath.Join(dir, "layout.yaml"), filepath.Join(dir, "hour.jsonl.gz")
	write(t, layout, smallShelf)
	write(t, filepath.Join(dir, "scenario.yaml"), bothFansDie)
	command := exec.Command(filepath.Join(bin, "thermarack-agent"), "simulate", "--layout", layout,
		"--scenario", filepath.Join(dir, "scenario.yaml"), "--for", "1h", "--seed", "7", "-o", recording)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("simulate: %v\n%s", err, out)
	}
	return layout, recording
}

func TestReplayTellsWhatARecordingWouldHavePaged(t *testing.T) {
	needs(t)
	layout, recording := record(t)
	status, first, stderr := call(t, "replay", "--layout", layout, "--readings", recording)
	if status != 0 || stderr != "" {
		t.Fatalf("status %d: %s", status, stderr)
	}
	var told []string
	updates := 0
	start := 1767225600.0 // when simulate begins a recording: 2026-01-01
	for text := range strings.Lines(first) {
		var c struct {
			T                      float64
			Event, Alert, Severity string
			Shelf                  string
			Slot                   *int
		}
		if err := json.Unmarshal([]byte(text), &c); err != nil || c.Shelf != "s3" || c.Slot != nil {
			t.Fatalf("line %s: %v", text, err)
		}
		if c.Event == "updated" {
			updates++
			continue
		}
		minute := (c.T - start) / 60
		told = append(told, c.Event+" "+c.Alert)
		want := map[string]float64{"fired FanDegraded": 10, "fired FanFailed": 20, "resolved FanFailed": 40}
		if at, ok := want[c.Event+" "+c.Alert]; ok && len(told) <= 3 && (minute < at || minute > at+2) {
			t.Errorf("%s %s at minute %.1f, want within two of %v", c.Event, c.Alert, minute, at)
		}
	}
	want := "fired FanDegraded, resolved FanDegraded, fired FanFailed, resolved FanFailed, fired FanDegraded"
	if got := strings.Join(told, ", "); got != want {
		t.Errorf("told %s\nwant %s", got, want)
	}
	if updates < 40 || updates > 50 {
		t.Errorf("%d updates in 50 minutes of firing fan alerts, want one a minute", updates)
	}
	if _, second, _ := call(t, "replay", "--layout", layout, "--readings", recording); second != first {
		t.Error("the same recording gave other bytes the second time")
	}
}

func TestAFileThatIsNoRecordingIsAnError(t *testing.T) {
	needs(t)
	layout, _ := record(t)
	empty := filepath.Join(t.TempDir(), "empty.jsonl")
	write(t, empty, "")
	for _, args := range [][]string{
		{"replay", "--layout", layout, "--readings", layout},
		{"replay", "--layout", layout, "--readings", empty},
		{"heatmap", "--layout", layout, "--readings", empty, "--shelf", "hex/a1/s3", "-o", filepath.Join(t.TempDir(), "x.svg")},
		{"heatmap", "--layout", layout, "--data", filepath.Join(t.TempDir(), "none"), "--shelf", "hex/a1/s3", "-o", filepath.Join(t.TempDir(), "x.svg")},
	} {
		status, stdout, stderr := call(t, args...)
		if status != 1 || stdout != "" || stderr == "" {
			t.Errorf("%v: status %d, %q, %q, want 1 and why", args, status, stdout, stderr)
		}
	}
}

func TestHeatmapDrawsARecordingInThreeFormats(t *testing.T) {
	needs(t)
	layout, recording := record(t)
	begins := map[string]string{"map.svg": "<svg", "map.png": "\x89PNG", "map.json": `{"shelf":"hex/a1/s3","t":"2026-01-01T00:15:00Z"`}
	for name, want := range begins {
		file := filepath.Join(t.TempDir(), name)
		status, _, stderr := call(t, "heatmap", "--shelf", "hex/a1/s3", "--at", "2026-01-01T00:15:00Z",
			"--layout", layout, "--readings", recording, "-o", file)
		if status != 0 {
			t.Fatalf("status %d: %s", status, stderr)
		}
		data, err := os.ReadFile(file)
		if err != nil || !strings.HasPrefix(string(data), want) {
			t.Errorf("%s begins with %.60q, want %q (%v)", name, data, want, err)
		}
	}
	if status, _, stderr := call(t, "heatmap", "--shelf", "hex/a1/s9", "--layout", layout, "--readings", recording, "-o", filepath.Join(t.TempDir(), "x.svg")); status != 1 || !strings.Contains(stderr, "no such shelf") {
		t.Errorf("unknown shelf: status %d, %s", status, stderr)
	}
}
