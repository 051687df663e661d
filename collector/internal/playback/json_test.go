package playback_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/playback"
	"thermarack/collector/internal/store"
	"thermarack/collector/internal/store/memory"
	"thermarack/collector/internal/watch"
)

var update = flag.Bool("update", false, "write the golden files anew")

// document is the JSON of a playback, indented so that a difference can be read.
func document(t *testing.T, s *shop, r playback.Request) []byte {
	t.Helper()
	reel, err := s.player.Open(r)
	if err != nil {
		t.Fatal(err)
	}
	var out, nice bytes.Buffer
	if err := reel.WriteJSON(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if err := json.Indent(&nice, out.Bytes(), "", " "); err != nil {
		t.Fatal(err)
	}
	return nice.Bytes()
}

// gappy is a shelf of two Pis of which one falls silent, and then its probe; its fan
// stops. Alerts come and go.
func gappy(t *testing.T) *shop {
	t.Helper()
	l := parse(t, `
version: 1
sites: {hex: {racks: {a1: {shelves: {s3: {columns: 2, depth: 1, limits: {inlet: 32, hot: 45, soc: 80, critical: 48},
  nodes: {1: b827eb000001, 2: b827eb000002},
  probes: [{name: "in <1>", sensor: "urn:dev:ow:28c1000000000000", x: 0.25, y: 0, face: cold, offset: 0.5},
           {name: out, sensor: "urn:dev:ow:28a1000000000000", x: 0.75, y: 1, face: hot}],
  fans: [{name: left, speed: "urn:dev:mac:b827ebfffe000001_fan1:speed", healthy: 40}]}}}}}}
`)
	marks := watch.NewJournal(watch.Marks{}, noon.Add(-time.Hour))
	for _, m := range []struct {
		minute int
		event  watch.Event
		slot   int
	}{{-30, watch.Fired, 0}, {-4, watch.Fired, 2}, {-2, watch.Resolved, 2}, {5, watch.Resolved, 0}} {
		marks.Note(watch.Change{At: noon.Add(time.Duration(m.minute) * time.Minute), Event: m.event, Active: watch.Active{
			Alert: "HotTemperature", Severity: "warning", Site: "hex", Rack: "a1", Shelf: "s3", Slot: m.slot, Probe: "out", Summary: "out & about",
		}})
	}
	s := open(memory.New(0), l, nil, marks)
	var samples []store.Sample
	for minute := -8; minute <= 0; minute++ {
		at := noon.Add(time.Duration(minute) * time.Minute)
		v := float64(minute)
		samples = append(samples, sampleOf("urn:dev:ow:28c1000000000000:temperature", at, 20))
		samples = append(samples, sampleOf("urn:dev:mac:b827ebfffe000001_soc:temperature", at, 50+v))
		samples = append(samples, sampleOf("urn:dev:mac:b827ebfffe000001_fan1:speed", at, max(0, -v*10)))
		if minute < -6 {
			samples = append(samples, sampleOf("urn:dev:ow:28a1000000000000:temperature", at, 26.0625))
			samples = append(samples, sampleOf("urn:dev:mac:b827ebfffe000002_soc:temperature", at, 61.5+v))
		}
	}
	if refused, err := s.series.Append(t.Context(), samples); err != nil || len(refused) > 0 {
		t.Fatal(refused, err)
	}
	return s
}

func TestJSON(t *testing.T) {
	t.Parallel()
	tests := []struct {
		file    string
		request playback.Request
	}{
		{"gaps", playback.Request{Shelf: shelfID, From: noon.Add(-10 * time.Minute), To: noon, Frames: 10, Layer: heatmap.SoC}},
		{"nothing is known", playback.Request{Shelf: shelfID, From: noon.Add(-48 * time.Hour), To: noon.Add(-47 * time.Hour), Frames: 3, Layer: heatmap.Air}},
	}
	s := gappy(t)
	for _, tt := range tests {
		got := document(t, s, tt.request)
		file := "testdata/" + tt.file + ".json"
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(got), string(want)); diff != "" {
			t.Errorf("%s: -got +want\n%s", tt.file, diff)
		}
	}
}

func TestWithoutAJournalNothingIsKnownOfAlerts(t *testing.T) {
	t.Parallel()
	s := open(memory.New(0), shelfOf(t, 2, 1), nil, nil)
	var got struct {
		Bookmarks struct {
			Since *time.Time
			Marks []any
		}
	}
	if err := json.Unmarshal(document(t, s, playback.Request{Shelf: shelfID, From: noon.Add(-time.Hour), To: noon, Frames: 2, Layer: heatmap.PoE}), &got); err != nil {
		t.Fatal(err)
	}
	if got.Bookmarks.Since != nil || got.Bookmarks.Marks == nil || len(got.Bookmarks.Marks) > 0 {
		t.Errorf("got %+v, want since null and no marks", got.Bookmarks)
	}
}

// TestNumbersThatNoSensorMeasuresAreNotShown stores what a hostile node may send.
func TestNumbersThatNoSensorMeasuresAreNotShown(t *testing.T) {
	t.Parallel()
	s := open(memory.New(0), shelfOf(t, 2, 1), nil, nil)
	for i, v := range []float64{-1e12, 1e12, 1e300, -1e300, 20} {
		at := noon.Add(time.Duration(i-4) * time.Second)
		if _, err := s.series.Append(t.Context(), []store.Sample{sampleOf("urn:dev:mac:b827ebfffe000001_soc:temperature", at, v)}); err != nil {
			t.Fatal(err)
		}
	}
	var got struct {
		Sections []struct{ Slots []struct{ SoC []*int64 } }
	}
	text := document(t, s, playback.Request{Shelf: shelfID, From: noon.Add(-5 * time.Second), To: noon, Frames: 5, Layer: heatmap.SoC})
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	counts := func(n int64) *int64 { return &n }
	want := []*int64{counts(-1e14), counts(2e14), nil, nil, counts(2000 - 1e14)}
	if diff := cmp.Diff(got.Sections[0].Slots[0].SoC, want); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
}

func TestTheErrorOfAWriterIsReturned(t *testing.T) {
	t.Parallel()
	s := open(memory.New(0), shelfOf(t, 2, 1), nil, nil)
	reel, err := s.player.Open(playback.Request{Shelf: shelfID, From: noon.Add(-time.Hour), To: noon, Frames: 2, Layer: heatmap.SoC})
	if err != nil {
		t.Fatal(err)
	}
	if err := reel.WriteJSON(t.Context(), broken{}); !errors.Is(err, errBroken) {
		t.Errorf("err = %v", err)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }
