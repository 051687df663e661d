package places_test

import (
	"bytes"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/places"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// shelf is a layout with one probe, whose sensor and slot are given.
func shelf(t testing.TB, sensor string, slot int) *layout.Layout {
	t.Helper()
	return parse(t, fmt.Sprintf(`
version: 1
sites: {hex: {racks: {a1: {shelves: {s3: {columns: 3, depth: 2, nodes: {file: s3.csv},
  probes: [{name: h1, sensor: "urn:dev:ow:%s", node: b827eb000001, x: 0.5, y: 1, face: hot, offset: -0.2}],
  fans: [{name: left, speed: "urn:dev:mac:b827ebfffe000001_fan1:speed", healthy: 40}]}}}}}}
switches: {sw: {mac: 0011223344ff}}
`, sensor), fmt.Sprintf("slot,mac,switch,port\n%d,b827eb000001,sw,7\n6,b827eb000006,,\n", slot))
}

func parse(t testing.TB, text, csv string) *layout.Layout {
	t.Helper()
	l, err := layout.Parse("layout.yaml", []byte(text), fstest.MapFS{"s3.csv": {Data: []byte(csv)}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

const (
	s3       = "hex/a1/s3"
	oldProbe = "28f6fb1e0d0000c5"
	newProbe = "28a2000000000000"
)

// open starts a collector with a layout, some time after noon.
func open(t testing.TB, dir string, l *layout.Layout, after time.Duration) *places.History {
	t.Helper()
	h, err := places.Open(places.Options{Dir: dir, Layout: l, Now: noon.Add(after)})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// files lists what stands in a directory.
func files(t testing.TB, dir string) []string {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range all {
		names = append(names, f.Name())
	}
	return names
}

func TestALayoutIsValidFromItsStartUntilTheNext(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "layouts")
	first, second := shelf(t, oldProbe, 1), shelf(t, newProbe, 1)
	open(t, dir, first, 0)
	open(t, dir, first, time.Hour) // a restart
	h := open(t, dir, second, 2*time.Hour)
	tests := []struct {
		name string
		at   time.Duration
		want *layout.Layout
	}{
		{"the first is valid before it was loaded too", -24 * time.Hour, first},
		{"from its start on", 0, first},
		{"a restart with the same changes nothing", time.Hour, first},
		{"until the next", 2*time.Hour - time.Millisecond, first},
		{"from its first millisecond", 2 * time.Hour, second},
		{"for as long as there is no other", 1000 * time.Hour, second},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(h.At(s3, noon.Add(tt.at)), tt.want); diff != "" {
			t.Errorf("%s: -got +want\n%s", tt.name, diff)
		}
	}
	want := []string{"20260314T120000.000Z.json", "20260314T140000.000Z.json"}
	if diff := cmp.Diff(files(t, dir), want); diff != "" {
		t.Errorf("files: -got +want\n%s", diff)
	}
}

func TestPeriodsLeaveNoGap(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, second, third := shelf(t, oldProbe, 1), shelf(t, newProbe, 1), shelf(t, newProbe, 2)
	open(t, dir, first, 0)
	open(t, dir, second, time.Hour)
	h := open(t, dir, third, 2*time.Hour)
	at := func(d time.Duration) time.Time { return noon.Add(d) }
	tests := []struct {
		name     string
		from, to time.Duration
		want     []places.Period
	}{
		{"all of them", -time.Hour, 3 * time.Hour, []places.Period{{at(-time.Hour), at(time.Hour), first}, {at(time.Hour), at(2 * time.Hour), second}, {at(2 * time.Hour), at(3 * time.Hour), third}}},
		{"within one", time.Hour, 2 * time.Hour, []places.Period{{at(time.Hour), at(2 * time.Hour), second}}},
		{"over the end of one by a millisecond", time.Hour, 2*time.Hour + time.Millisecond, []places.Period{{at(time.Hour), at(2 * time.Hour), second}, {at(2 * time.Hour), at(2*time.Hour + time.Millisecond), third}}},
		{"no time at all", time.Hour, time.Hour, nil},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(slices.Collect(h.Periods(s3, at(tt.from), at(tt.to))), tt.want); diff != "" {
			t.Errorf("%s: -got +want\n%s", tt.name, diff)
		}
	}
}

func TestWithoutALayoutFileNothingIsRecorded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := open(t, dir, nil, 0)
	if h.At(s3, noon) != nil || slices.Collect(h.Periods(s3, noon, noon.Add(time.Hour))) != nil || len(files(t, dir)) > 0 {
		t.Errorf("got %v and %v", h.At(s3, noon), files(t, dir))
	}
	open(t, dir, shelf(t, oldProbe, 1), time.Hour)
	if h := open(t, dir, nil, 2*time.Hour); h.At(s3, noon.Add(3*time.Hour)) == nil {
		t.Error("a start without a layout file has ended the one before")
	}
}

func TestAnOldLayoutThatComesBackIsRecordedAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, second := shelf(t, oldProbe, 1), shelf(t, newProbe, 1)
	open(t, dir, first, 0)
	open(t, dir, second, time.Hour)
	h := open(t, dir, first, 2*time.Hour)
	for after, want := range map[time.Duration]*layout.Layout{0: first, 90 * time.Minute: second, 2 * time.Hour: first} {
		if diff := cmp.Diff(h.At(s3, noon.Add(after)), want); diff != "" {
			t.Errorf("after %v: -got +want\n%s", after, diff)
		}
	}
}

func TestAClockThatWasWrongCostsOnlyItsOwnLayouts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, second, third := shelf(t, oldProbe, 1), shelf(t, newProbe, 1), shelf(t, newProbe, 2)
	open(t, dir, first, 0)
	open(t, dir, second, 4*365*24*time.Hour) // a battery that is empty, and a date of years ahead
	h := open(t, dir, third, time.Hour)
	if diff := cmp.Diff(h.At(s3, noon.Add(time.Hour)), third); diff != "" {
		t.Errorf("now: -got +want\n%s", diff)
	}
	if diff := cmp.Diff(h.At(s3, noon), first); diff != "" {
		t.Errorf("before: -got +want\n%s", diff)
	}
	h = open(t, dir, third, -365*24*time.Hour) // and a year behind
	if diff := cmp.Diff(h.At(s3, noon), third); diff != "" {
		t.Errorf("a year behind: -got +want\n%s", diff)
	}
	h = open(t, dir, third, 2*time.Hour)
	if diff := cmp.Diff(h.At(s3, noon), first); diff != "" {
		t.Errorf("with the right time again: -got +want\n%s", diff)
	}
}

func TestADamagedFileCostsOnlyItself(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"20260314T130000.000Z.json": `{"version":1,"lay`,
		"20260314T130001.000Z.json": `{"version":2,"layout":{}}`,
		"20260314T130002.000Z.json": `{"version":1,"layout":{"Shelves":[{"Columns":3,"Depth":2}]}}`,
		"20260314T130003.000Z.json": `{"version":1,"layout":{"Racks":[]}}`,
		"20260314T130004.000Z.json": `{"version":1,"layout":{"Switches":[{"Name":"sw","MAC":"0"}]}}`,
		"20260314T130005.000Z.json": `{"version":1,"layout":{"Shelves":[{"Columns":1,"Depth":1,"Slots":[{"Number":1,"Node":"b8"}]}]}}`,
		"notes.json":                `{}`,
		"20260314T130006.000Z.json": "",
	} {
		dir := t.TempDir()
		first, second := shelf(t, oldProbe, 1), shelf(t, newProbe, 1)
		open(t, dir, first, 0)
		write(t, filepath.Join(dir, name), text)
		write(t, filepath.Join(dir, "20260314T131500.000Z.json.new"), "{") // what a crash leaves
		var log bytes.Buffer
		h, err := places.Open(places.Options{Dir: dir, Layout: second, Now: noon.Add(2 * time.Hour), Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(h.At(s3, noon.Add(90*time.Minute)), first); diff != "" {
			t.Errorf("%s: -got +want\n%s", name, diff)
		}
		if strings.Count(log.String(), "level=ERROR") != 1 || !strings.Contains(log.String(), name) {
			t.Errorf("%s: log %s", name, &log)
		}
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(data) != text {
			t.Errorf("%s: was not left as it is", name)
		}
	}
}

func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestADirectoryThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "layouts")
	write(t, file, "")
	if _, err := places.Open(places.Options{Dir: file, Layout: shelf(t, oldProbe, 1), Now: noon}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("err = %v", err)
	}
}

func TestTheOldestLayoutsAreForgotten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	big := &layout.Layout{Shelves: make([]layout.Shelf, 3)}
	for i := range big.Shelves {
		s := &big.Shelves[i]
		*s = layout.Shelf{Site: "hex", Rack: "a1", Name: fmt.Sprint(i), Columns: 200, Depth: 200, Slots: make([]layout.Slot, 40_000)}
		for i := range s.Slots {
			s.Slots[i].Number = i + 1
		}
	}
	var h *places.History
	for i := range 4 { // of 6 MB each
		big.Shelves[0].Slots[0].Port = i
		h = open(t, dir, big, time.Duration(i)*time.Hour)
	}
	want := []string{"20260314T140000.000Z.json", "20260314T150000.000Z.json"}
	if diff := cmp.Diff(files(t, dir), want); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
	if got := h.At("hex/a1/0", noon).Shelves[0].Slots[0].Port; got != 2 {
		t.Errorf("what is kept in memory begins with layout %d, the files with 2", got)
	}
}

// What is on disk must be read by every version to come: this file stays.
func TestTheFormOfAFileStays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := shelf(t, oldProbe, 1)
	open(t, dir, want, 0)
	got, err := os.ReadFile(filepath.Join(dir, "20260314T120000.000Z.json"))
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "layout.json")
	if *update {
		write(t, golden, string(got))
	}
	kept, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), string(kept)); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
}

func FuzzOpen(f *testing.F) {
	for _, text := range []string{`{"version":1,"layout":{}}`, `{"version":1,"layout":{"Shelves":[{"Columns":1,"Depth":1,"Slots":[{"Number":1,"Node":"b827eb000001"}]}]}}`, "{", ""} {
		f.Add([]byte(text))
	}
	if golden, err := os.ReadFile("testdata/layout.json"); err == nil {
		f.Add(golden)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "20260314T120000.000Z.json"), string(text))
		h := open(t, dir, nil, time.Hour)
		series(t, h, nil, noon, noon.Add(time.Minute))
		if l := h.At(s3, noon); l != nil {
			open(t, dir, l, time.Hour)
		}
	})
}

func TestShelvesAreThoseOfThen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if got := open(t, t.TempDir(), nil, 0).Shelves(noon); got != nil {
		t.Errorf("without a layout: %v", got)
	}
	open(t, dir, shelf(t, oldProbe, 1), 0)
	two := parse(t, "version: 1\nsites: {hex: {racks: {a2: {shelves: {s1: {columns: 1, depth: 1}}}, a1: {shelves: {s9: {columns: 1, depth: 1}}}}}}\n", "")
	h := open(t, dir, two, time.Hour)
	for _, tt := range []struct {
		after time.Duration
		want  []string
	}{{-time.Hour, []string{s3}}, {time.Hour - time.Millisecond, []string{s3}}, {time.Hour, []string{"hex/a1/s9", "hex/a2/s1"}}, {time.Hour * 9, []string{"hex/a1/s9", "hex/a2/s1"}}} {
		if diff := cmp.Diff(tt.want, h.Shelves(noon.Add(tt.after))); diff != "" {
			t.Errorf("%v after noon, -want +got\n%s", tt.after, diff)
		}
	}
}
