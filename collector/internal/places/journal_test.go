package places_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/placement"
	"thermarack/collector/internal/places"
)

// fed is a layout of two shelves: ports 1 to 3 feed s3, ports 4 and 5 feed s4,
// which names the Pi behind port 5.
func fed(t testing.TB) *layout.Layout {
	t.Helper()
	return parse(t, `
version: 1
sites: {hex: {racks: {a1: {shelves: {
  s3: {columns: 3, depth: 1, nodes: {switch: sw, ports: 1-3}},
  s4: {columns: 2, depth: 1, nodes: {1: {switch: sw, port: 4}, 2: {mac: b827eb000009, switch: sw, port: 5}}}}}}}}
switches: {sw: {mac: 0011223344ff}}
`, "")
}

func pi(n int) wire.Node { return wire.Node(fmt.Sprintf("b827eb%06x", n)) }

// behind reads "1=7 3=8": Pi 7 is behind port 1, Pi 8 behind port 3.
func behind(t testing.TB, text string) placement.Nodes {
	t.Helper()
	nodes := placement.Nodes{}
	for word := range strings.FieldsSeq(text) {
		var port, n int
		if _, err := fmt.Sscanf(word, "%d=%d", &port, &n); err != nil {
			t.Fatal(err)
		}
		nodes[placement.Port{Switch: "sw", Number: port}] = pi(n)
	}
	return nodes
}

// place notes who is behind which port some time after noon.
func place(t testing.TB, h *places.History, after time.Duration, text string) {
	t.Helper()
	if err := h.Place(noon.Add(after), behind(t, text)); err != nil {
		t.Fatal(err)
	}
}

// standing lists who stands in a shelf, "1=7 3=8".
func standing(l *layout.Layout) string {
	var words []string
	for _, slot := range l.Shelves[0].Slots {
		if slot.Node != "" {
			words = append(words, fmt.Sprintf("%d=%s", slot.Number, strings.TrimLeft(string(slot.Node[6:]), "0")))
		}
	}
	return strings.Join(words, " ")
}

const s4 = "hex/a1/s4"

func TestWhoStoodWhereIsKnownOverARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := open(t, dir, fed(t), 0)
	place(t, h, time.Minute, "1=7 2=8")
	place(t, h, 2*time.Minute, "1=7 2=8") // nothing new
	place(t, h, 10*time.Minute, "3=7 2=8")
	place(t, h, 20*time.Minute, "4=7 2=8 5=6 6=5") // the layout has another behind port 5, and nothing behind port 6
	place(t, h, 30*time.Minute, "4=8 2=7")
	place(t, h, 40*time.Minute, "4=9 2=7") // a Pi that the layout has elsewhere
	tests := []struct {
		at     time.Duration
		s3, s4 string
	}{
		{0, "", "2=9"},
		{time.Minute - time.Millisecond, "", "2=9"},
		{time.Minute, "1=7 2=8", "2=9"},
		{10*time.Minute - time.Millisecond, "1=7 2=8", "2=9"},
		{10 * time.Minute, "2=8 3=7", "2=9"},
		{20 * time.Minute, "2=8", "1=7 2=9"},
		{35 * time.Minute, "2=7", "1=8 2=9"},
		{45 * time.Minute, "2=7", "2=9"},
		{1000 * time.Hour, "2=7", "2=9"},
	}
	for _, again := range []*places.History{h, open(t, dir, fed(t), time.Hour), open(t, dir, nil, 2*time.Hour)} {
		for _, tt := range tests {
			if got := standing(again.At(s3, noon.Add(tt.at))) + ", " + standing(again.At(s4, noon.Add(tt.at))); got != tt.s3+", "+tt.s4 {
				t.Errorf("after %v: %s, want %s, %s", tt.at, got, tt.s3, tt.s4)
			}
		}
		if diff := cmp.Diff(again.Placed(), behind(t, "4=9 2=7")); diff != "" {
			t.Errorf("placed: -got +want\n%s", diff)
		}
	}
	if got := standing(h.Last()); got != "2=7" {
		t.Errorf("the last layout has %s", got)
	}
}

func TestPeriodsOfAShelfEndWhenOneOfItsPisMoves(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := open(t, dir, fed(t), 0)
	place(t, h, 10*time.Minute, "1=7 4=8")
	place(t, h, 20*time.Minute, "1=7 4=6") // on the other shelf
	place(t, h, 30*time.Minute, "2=7 4=6")
	h = open(t, dir, shelf(t, oldProbe, 1), 40*time.Minute)
	type period struct {
		From, To time.Duration
		Stands   string
	}
	for _, tt := range []struct {
		from, to time.Duration
		want     []period
	}{
		{0, time.Hour, []period{{0, 10, ""}, {10, 30, "1=7"}, {30, 40, "2=7"}, {40, 60, "1=1 6=6"}}},
		{15 * time.Minute, 30 * time.Minute, []period{{15, 30, "1=7"}}},
		{10 * time.Minute, 31 * time.Minute, []period{{10, 30, "1=7"}, {30, 31, "2=7"}}},
	} {
		var got []period
		for p := range h.Periods(s3, noon.Add(tt.from), noon.Add(tt.to)) {
			got = append(got, period{p.From.Sub(noon) / time.Minute, p.To.Sub(noon) / time.Minute, standing(p.Layout)})
		}
		if diff := cmp.Diff(got, tt.want); diff != "" {
			t.Errorf("%v to %v: -got +want\n%s", tt.from, tt.to, diff)
		}
	}
	for range h.Periods(s3, noon, noon.Add(time.Hour)) {
		break // a reader that wants no more is no trouble
	}
}

func TestPlacesFollowAPiThatIsReplugged(t *testing.T) {
	t.Parallel()
	h := open(t, t.TempDir(), fed(t), 0)
	place(t, h, 10*time.Minute, "1=7")
	place(t, h, 30*time.Minute, "4=7")
	place(t, h, 40*time.Minute, "4=9") // which the layout has elsewhere
	soc, fan := pi(7).Device("soc"), pi(7).Device("fan1")
	q := h.Queryable(stored(t, temperature(fan)).Queryable())
	in := func(sensor, shelf, slot string) string {
		return fmt.Sprintf(`{__name__="thermarack_place_info", rack="a1", sensor=%q, shelf=%q, site="hex", slot=%q} 1`, sensor, shelf, slot)
	}
	for _, tt := range []struct {
		name  string
		after time.Duration
		want  []string
	}{
		{"before it was plugged in", 9 * time.Minute, []string{}},
		{"all its parts", 10 * time.Minute, []string{in(fan, "s3", "1"), in(soc, "s3", "1")}},
		{"the moment before it is replugged", 30*time.Minute - time.Millisecond, []string{in(fan, "s3", "1"), in(soc, "s3", "1")}},
		{"at once where it is now, and nowhere else", 30 * time.Minute, []string{in(fan, "s4", "1"), in(soc, "s4", "1")}},
		{"gone", 41 * time.Minute, []string{}},
	} {
		if diff := cmp.Diff(query(t, q, `thermarack_place_info{sensor=~".*000007.*"}`, tt.after), tt.want); diff != "" {
			t.Errorf("%s: -got +want\n%s", tt.name, diff)
		}
	}
	if got := query(t, q, `thermarack_place_info{sensor=~".*000009_soc"}`, 50*time.Minute); len(got) != 1 || !strings.Contains(got[0], `slot="2"`) {
		t.Errorf("who the layout names stands where that says: %s", got)
	}
}

// journalOf returns the text that some changes leave.
func journalOf(t testing.TB) (dir string, text []byte) {
	t.Helper()
	dir = t.TempDir()
	h := open(t, dir, fed(t), 0)
	for i, who := range []string{"1=7", "1=7 2=8", "2=7 1=8", "3=7 1=8"} {
		place(t, h, time.Duration(i+1)*time.Minute, who)
	}
	text, err := os.ReadFile(filepath.Join(dir, "placements.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return dir, text
}

// What is on disk must be read by every version to come: this file stays.
func TestTheFormOfTheJournalStays(t *testing.T) {
	t.Parallel()
	_, got := journalOf(t)
	golden := filepath.Join("testdata", "placements.jsonl")
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

func TestALineThatWasTornCostsOnlyItself(t *testing.T) {
	t.Parallel()
	dir, text := journalOf(t)
	file := filepath.Join(dir, "placements.jsonl")
	states := []string{"", "1=7", "1=7 2=8", "2=7 1=8", "3=7 1=8"}
	for end := range text {
		write(t, file, string(text[:end]))
		h := open(t, dir, nil, time.Hour)
		whole := bytes.Count(text[:end], []byte("\n"))
		if diff := cmp.Diff(h.Placed(), behind(t, states[whole])); diff != "" {
			t.Fatalf("cut after %d bytes: -got +want\n%s", end, diff)
		}
		place(t, h, 2*time.Hour, "1=1 2=2 3=3")
		if diff := cmp.Diff(open(t, dir, nil, 3*time.Hour).Placed(), behind(t, "1=1 2=2 3=3")); diff != "" {
			t.Fatalf("cut after %d bytes and gone on: -got +want\n%s", end, diff)
		}
	}
}

func TestNothingIsLeftOfATornLineThatWasLong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "placements.jsonl")
	place(t, open(t, dir, fed(t), 0), time.Minute, "1=1 2=2 3=3 4=4 5=5 6=6")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, string(text[:len(text)-1]))
	place(t, open(t, dir, nil, time.Hour), time.Hour, "1=1")
	if text, err = os.ReadFile(file); err != nil || bytes.Count(text, []byte("\n")) != 1 || !bytes.HasSuffix(text, []byte("\n")) {
		t.Errorf("%v: %s", err, text)
	}
}

func TestALineThatIsGarbledCostsOnlyItself(t *testing.T) {
	t.Parallel()
	dir, text := journalOf(t)
	file := filepath.Join(dir, "placements.jsonl")
	lines := bytes.SplitAfter(text, []byte("\n"))
	for i, want := range []string{
		"3=7 1=8",
		"3=7 1=8",
		"3=7", // that Pi 8 came to port 1 was in the line
	} {
		garbled := slices.Clone(lines)
		garbled[i] = bytes.Replace(lines[i], []byte(`"node"`), []byte(`"nod3"`), 1)
		write(t, file, string(bytes.Join(garbled, nil)))
		var log bytes.Buffer
		h, err := places.Open(places.Options{Dir: dir, Now: noon.Add(time.Hour), Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(h.Placed(), behind(t, want)); diff != "" {
			t.Errorf("line %d: -got +want\n%s", i+1, diff)
		}
		if strings.Count(log.String(), "level=ERROR") != 1 || !strings.Contains(log.String(), fmt.Sprintf("line=%d", i+1)) {
			t.Errorf("line %d: log %s", i+1, &log)
		}
	}
}

func TestWhatAClockThatWasWrongHasNotedHoldsNow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	place(t, open(t, dir, fed(t), 0), 4*365*24*time.Hour, "1=7")
	h := open(t, dir, fed(t), time.Hour)
	if got := standing(h.At(s3, noon.Add(time.Hour))); got != "1=7" {
		t.Errorf("after a restart: %s", got)
	}
	place(t, h, 30*time.Minute, "2=7") // the clock was set back again
	if got := standing(h.At(s3, noon.Add(time.Hour))); got != "2=7" {
		t.Errorf("once it is replugged: %s", got)
	}
}

func TestAChangeThatCannotBeWrittenIsNoneAndMayBeTriedAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := open(t, dir, fed(t), 0)
	file := filepath.Join(dir, "placements.jsonl")
	if err := os.Mkdir(file, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := h.Place(noon, behind(t, "1=7")); err == nil || !strings.Contains(err.Error(), file) || len(h.Placed()) > 0 {
		t.Errorf("err = %v, placed %v", err, h.Placed())
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	place(t, h, time.Minute, "1=7")
	if got := open(t, dir, nil, time.Hour).Placed(); !maps.Equal(got, behind(t, "1=7")) {
		t.Errorf("placed %v", got)
	}
}

func TestAJournalThatNoCollectorWritesIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "placements.jsonl")
	write(t, file, "")
	if err := os.Truncate(file, 1<<30); err != nil {
		t.Fatal(err)
	}
	if _, err := places.Open(places.Options{Dir: dir, Now: noon}); err == nil || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("err = %v", err)
	}
}

// A tenant may make up another address with every poll.
func TestAPortThatChangesAllTheTimePushesNobodyOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := open(t, dir, fed(t), 0)
	place(t, h, 0, "2=1")
	for i := range 4000 {
		place(t, h, time.Duration(i+1)*time.Second, fmt.Sprintf("2=1 3=%d", 2+i%2))
	}
	info, err := os.Stat(filepath.Join(dir, "placements.jsonl"))
	if err != nil || info.Size() > 300<<10 {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
	for _, again := range []*places.History{h, open(t, dir, nil, 2*time.Hour)} {
		if got := standing(again.At(s3, noon)); got != "2=1" {
			t.Errorf("at noon: %s", got)
		}
		if got := standing(again.At(s3, noon.Add(4000*time.Second))); got != "2=1 3=3" {
			t.Errorf("at the end: %s", got)
		}
		n := 0
		for range again.Periods(s3, noon, noon.Add(2*time.Hour)) {
			n++
		}
		if n < 900 || n > 3100 {
			t.Errorf("%d periods are known, want the newest thousand", n)
		}
	}
}

func FuzzJournal(f *testing.F) {
	_, text := journalOf(f)
	f.Add(text)
	f.Add(text[:len(text)-5])
	f.Add([]byte("\n\n00000000 {}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "placements.jsonl"), string(text))
		h := open(t, dir, fed(t), time.Hour)
		seen := map[wire.Node]bool{}
		for _, node := range h.Placed() {
			if seen[node] {
				t.Errorf("%s is in two places", node)
			}
			seen[node] = true
		}
		series(t, h, nil, noon, noon.Add(time.Minute))
		place(t, h, 2*time.Hour, "1=1 4=4")
		if diff := cmp.Diff(open(t, dir, nil, 3*time.Hour).Placed(), behind(t, "1=1 4=4")); diff != "" {
			t.Errorf("-got +want\n%s", diff)
		}
	})
}
