package main_test

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/normal"
	"thermarack/collector/internal/state"
	"thermarack/collector/internal/store"
	"thermarack/collector/internal/store/tsdb"
)

const coldProbe = "urn:dev:ow:28011e0d0000006a" // c1 of the small shelf

// stopped makes the data directory of a collector that has stopped: slot 1 was at
// 57.5 °C and the inlet at 22 °C.
func stopped(t *testing.T, at time.Time) (data string) {
	t.Helper()
	data = t.TempDir()
	kept, err := tsdb.Open(tsdb.Options{Dir: filepath.Join(data, "tsdb")})
	if err != nil {
		t.Fatal(err)
	}
	samples := []store.Sample{
		{Series: store.Series{Device: coldProbe, Quantity: "temperature", Unit: "Cel", Site: "hex", Node: "b827eb000001"}, Point: store.Point{Time: at, Value: 22}},
		{Series: store.Series{Device: firstPiSoC, Quantity: "temperature", Unit: "Cel", Site: "hex", Node: "b827eb000001"}, Point: store.Point{Time: at, Value: 57.5}},
	}
	refused, err := kept.Append(t.Context(), samples)
	if err != nil || len(refused) > 0 {
		t.Fatal(refused, err)
	}
	if err := kept.Close(); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDeltaIsDrawnFromWhatACollectorHasLearned(t *testing.T) {
	needs(t)
	at := time.Now().Add(-time.Minute).Truncate(time.Second)
	data := stopped(t, at)
	layout, file := filepath.Join(t.TempDir(), "layout.yaml"), filepath.Join(t.TempDir(), "map.json")
	write(t, layout, smallShelf)
	draw := func() (status int, stderr string) {
		status, _, stderr = call(t, "heatmap", "--shelf", "hex/a1/s3", "--layer", "delta", "--layout", layout, "--data", data, "--at", at.Format(time.RFC3339), "-o", file)
		return status, stderr
	}
	if status, stderr := draw(); status != 1 || !strings.Contains(stderr, "normals") || !strings.Contains(stderr, "first 6 hours") {
		t.Errorf("before anything is learned: status %d, %s", status, stderr)
	}

	dir, err := state.OpenDir(filepath.Join(data, "state"), slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	doc, _, err := state.Open[map[string]normal.Memo](dir, "normals", 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Write(map[string]normal.Memo{firstPiSoC + ":temperature": {Seen: 30 * time.Hour, Mean: 33, Var: 1, Last: at}}); err != nil {
		t.Fatal(err)
	}
	if status, stderr := draw(); status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Layer string
		Cells []struct {
			Value  *float64
			Source heatmap.Source
		}
	}
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	if c := m.Cells[0]; m.Layer != "delta" || c.Value == nil || *c.Value != 2.5 || c.Source != heatmap.Measured {
		t.Errorf("slot 1, at 57.5 °C with 22 °C at the inlet and a normal rise of 33 K: %s", text)
	}
	if m.Cells[1].Source != heatmap.Missing {
		t.Errorf("slot 2 has no normal: %s", text)
	}

	// A recording tells what was, not what is normal.
	status, _, stderr := call(t, "heatmap", "--shelf", "hex/a1/s3", "--layer", "delta", "--layout", layout, "--readings", layout, "-o", file)
	if status != 2 || !strings.Contains(stderr, "--data instead of --readings") {
		t.Errorf("from a recording: status %d, %s", status, stderr)
	}
}
