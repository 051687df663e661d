package layout_test

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire/layout"
)

var march = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// bagged is a layout with probes written in the ways that people write them.
const bagged = `# the hall of hex

version: 1
sites:
    hex:                      # it's cold here
        racks: {a1: {shelves: {
            s1: {columns: 1, depth: 1, probes: [
              {name: c1, sensor: "urn:dev:ow:2800000000000001", x: 0, y: 0, face: cold},   # new
              {'name': 'it''s "2"', 'sensor': "urn:dev:ow:2800000000000002", offset: -0.2, x: 0, y: 0, face: cold}
            ]}}}}

        # the old rack
  # and its probes
`

const block = `version: 1

sites:
  hex:
    racks:
      a1:
        shelves:
          s1:
            columns: 1

            depth: 1
            probes:
            - name: c1          # Grüße
              sensor: urn:dev:ow:2800000000000001
              x: 0
              y: 0
              face: cold        # blue cable

            - offset: +0.25     # ice water, in May
              name: c2
              sensor: urn:dev:ow:2800000000000002
              x: 0.5
              y: 0
              face: cold
            - {name: "ü", x: 0, y: 0, face: cold, sensor: "urn:dev:ow:2800000000000003", offsets: [
                {value: 0.1},
                {since: 2026-02-01T13:00:00+01:00, value: 0.2, sd: 0.03}  # the first time
              ]}
`

func parsed(t *testing.T, text string) *layout.Layout {
	t.Helper()
	l, err := layout.Parse("layout.yaml", []byte(text), fstest.MapFS{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// corrected is a shelf whose probes have offsets found on a day, -0.01 K and so on.
func corrected(t *testing.T, l *layout.Layout) *layout.Shelf {
	t.Helper()
	s := l.Shelves[0]
	s.Probes = slices.Clone(s.Probes)
	for i := range s.Probes {
		if err := s.Probes[i].Correct(layout.Offset{Since: march, Value: -float64(i+1) / 100, SD: 0.02}); err != nil {
			t.Fatal(err)
		}
	}
	return &s
}

func TestOffsetsAreWrittenWhereTheyStandAndTheRestIsKept(t *testing.T) {
	tests := []struct {
		name, text string
		edits      []string
	}{
		{"mappings in brackets", bagged, []string{
			"face: cold},   # new", "face: cold, offsets: [{value: 0}, {since: 2026-03-01T12:00:00Z, value: -0.01, sd: 0.02}]},   # new",
			"offset: -0.2", "offsets: [{value: -0.2}, {since: 2026-03-01T12:00:00Z, value: -0.02, sd: 0.02}]",
		}},
		{"a line a key", block, []string{
			"# blue cable\n", "# blue cable\n              offsets: [{value: 0}, {since: 2026-03-01T12:00:00Z, value: -0.01, sd: 0.02}]\n",
			"offset: +0.25", "offsets: [{value: 0.25}, {since: 2026-03-01T12:00:00Z, value: -0.02, sd: 0.02}]",
			`offsets: [
                {value: 0.1},
                {since: 2026-02-01T13:00:00+01:00, value: 0.2, sd: 0.03}  # the first time
              ]`, "offsets: [{value: 0.1}, {since: 2026-02-01T12:00:00Z, value: 0.2, sd: 0.03}, {since: 2026-03-01T12:00:00Z, value: -0.03, sd: 0.02}]",
		}},
		{"lines that end as in Windows", strings.ReplaceAll(block[:strings.Index(block, "            - offset")], "\n", "\r\n"), []string{
			"# blue cable\r\n", "# blue cable\r\n              offsets: [{value: 0}, {since: 2026-03-01T12:00:00Z, value: -0.01, sd: 0.02}]\r\n",
		}},
		{"no end of the last line", strings.TrimSpace(block[:strings.Index(block, "        # blue cable")]), []string{
			"face: cold", "face: cold\n              offsets: [{value: 0}, {since: 2026-03-01T12:00:00Z, value: -0.01, sd: 0.02}]",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			shelf := corrected(t, parsed(t, tt.text))
			got, err := layout.WriteOffsets("layout.yaml", []byte(tt.text), fstest.MapFS{}, shelf)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.NewReplacer(tt.edits...).Replace(tt.text), string(got)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			written := parsed(t, string(got))
			if diff := cmp.Diff(shelf, &written.Shelves[0]); diff != "" {
				t.Errorf("read back: -want +got\n%s", diff)
			}
			checkFormat(t, written)
		})
	}
}

func TestAnOffsetOfHistoryIsInForceWhenItIsTheLast(t *testing.T) {
	p := parsed(t, block).Shelves[0].Probes[2]
	want := []layout.Offset{{Value: 0.1}, {Since: time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC), Value: 0.2, SD: 0.03}}
	if diff := cmp.Diff(want, p.Offsets); diff != "" || p.Offset != 0.2 {
		t.Errorf("in force %v; -want +got\n%s", p.Offset, diff)
	}
}

func TestUndoneOffsetsAreThoseBefore(t *testing.T) {
	before := parsed(t, block)
	shelf := corrected(t, before)
	text, err := layout.WriteOffsets("layout.yaml", []byte(block), fstest.MapFS{}, shelf)
	if err != nil {
		t.Fatal(err)
	}
	if got := shelf.UndoOffsets(); len(got) != 3 {
		t.Errorf("undone: %q, want all three", got)
	}
	text, err = layout.WriteOffsets("layout.yaml", text, fstest.MapFS{}, shelf)
	if err != nil {
		t.Fatal(err)
	}
	after := parsed(t, string(text))
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("-before +after\n%s", diff)
	}
	// Only one of them has a history further back.
	if got := after.Shelves[0].UndoOffsets(); !slices.Equal(got, []string{"ü"}) || after.Shelves[0].Probes[2].Offset != 0.1 {
		t.Errorf("undone: %q, %+v", got, after.Shelves[0].Probes[2])
	}
	if got := after.Shelves[0].UndoOffsets(); got != nil {
		t.Errorf("undone: %q, where nothing was found", got)
	}
}

func TestAnOffsetIsNotFoundBeforeTheLast(t *testing.T) {
	p := corrected(t, parsed(t, bagged)).Probes[0]
	before := len(p.Offsets)
	if err := p.Correct(layout.Offset{Since: march, Value: 1}); err == nil || len(p.Offsets) != before || p.Offset != -0.01 {
		t.Errorf("%v, %+v", err, p)
	}
}

func TestWhatCannotBeKeptIsNotWritten(t *testing.T) {
	for name, text := range map[string]string{
		"an anchor":           strings.Replace(block, "face: cold        # blue cable", "face: &f cold", 1),
		"an alias":            strings.Replace(block, "x: 0\n              y: 0\n              face: cold        # blue cable", "x: &z 0\n              face: cold\n              y: *z", 1),
		"a text of two lines": strings.Replace(block, "face: cold        # blue cable", "face: >-\n                cold", 1),
		"a tag":               strings.Replace(block, "offset: +0.25", "offset: !!float 0.25", 1),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := layout.WriteOffsets("layout.yaml", []byte(text), fstest.MapFS{}, corrected(t, parsed(t, text)))
			if err == nil || !strings.Contains(err.Error(), "as it is written") {
				t.Errorf("err = %v", err)
			}
		})
	}
}

func TestWrongOffsetsAreToldByLine(t *testing.T) {
	history := func(items string) string {
		return strings.Replace(bagged, "offset: -0.2", "offsets: ["+items+"]", 1)
	}
	tests := []struct{ name, text, want string }{
		{"both keys", strings.Replace(bagged, "offset: -0.2", "offset: -0.2, offsets: [{value: 1}]", 1), "move the offset to the top of the list, as {value: -0.2}"},
		{"not in order", history("{since: 2026-03-01T12:00:00Z, value: 1}, {since: 2026-02-01T12:00:00Z, value: 1}"), "not in the order of their times"},
		{"no time", history("{since: 2026-03-01T12:00:00Z, value: 1}, {value: 1}"), `since "" of an offset`},
		{"a bad time", history("{since: monday, value: 1}"), `since "monday" of an offset`},
		{"no value", history("{since: 2026-03-01T12:00:00Z}"), "has no value"},
		{"a great one", history("{value: 21}"), "offset 21 K of probe"},
		{"a negative sd", history("{value: 1, sd: -0.1}"), "sd -0.1 K"},
		{"not a number", history("{value: .nan}"), "offset NaN K"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := layout.Parse("layout.yaml", []byte(tt.text), fstest.MapFS{})
			if err == nil || !strings.Contains(err.Error(), "layout.yaml:9: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want …%s… of line 9", err, tt.want)
			}
		})
	}
}

func TestOffsetsOfAnotherShelfAreRefused(t *testing.T) {
	other := parsed(t, strings.Replace(bagged, "s1:", "s2:", 1)).Shelves[0]
	if _, err := layout.WriteOffsets("layout.yaml", []byte(bagged), fstest.MapFS{}, &other); err == nil || !strings.Contains(err.Error(), "no shelf hex/a1/s2") {
		t.Errorf("err = %v", err)
	}
}

var added = regexp.MustCompile(`(, |\r?\n *)offsets: \[\{value: 0\}, \{since: 2026-03-01T12:00:00Z, value: 0.5\}\]`)

// FuzzWriteOffsets holds that what is written can be read, differs from what was
// there in the offsets alone, and is else the same bytes. name and comment are
// written into the text.
func FuzzWriteOffsets(f *testing.F) {
	for _, text := range []string{bagged, block, good, commented, strings.ReplaceAll(block, "\n", "\r\n"), string(layout.Format(&layout.Layout{Shelves: []layout.Shelf{{
		Site: "a", Rack: "b", Name: "c", Columns: 1, Depth: 1, Slots: []layout.Slot{{Number: 1}}, Limits: layout.DefaultLimits(),
		Probes: []layout.Probe{{Name: "c1", Sensor: "urn:dev:ow:2800000000000001", Face: layout.Hot}},
	}}}))} {
		f.Add(text, "c1", "blue cable")
		f.Add(text, "'h\": 1}, #2'", "}] # 'it''s \" \u2028 ü")
	}
	files := fstest.MapFS{"s3.csv": {Data: []byte(csv)}}
	f.Fuzz(func(t *testing.T, text, name, comment string) {
		text = strings.NewReplacer("name: c1", "name: "+name, "blue cable", comment).Replace(text)
		before, err := layout.Parse("layout.yaml", []byte(text), files)
		if err != nil || len(before.Shelves) == 0 {
			return
		}
		shelf := before.Shelves[0]
		shelf.Probes = slices.Clone(shelf.Probes)
		for i := range shelf.Probes {
			_ = shelf.Probes[i].Correct(layout.Offset{Since: march, Value: 0.5}) // a later one stays as it is
		}
		got, err := layout.WriteOffsets("layout.yaml", []byte(text), files, &shelf)
		if err != nil {
			return // said, and nothing is written
		}
		after, err := layout.Parse("layout.yaml", got, files)
		if err != nil {
			t.Fatalf("%v in\n%s", err, got)
		}
		before.Shelves[0] = shelf
		if !reflect.DeepEqual(before, after) {
			t.Errorf("-want +got\n%s\nin\n%s", cmp.Diff(before, after), got)
		}
		if strings.Contains(text, "offset") {
			return
		}
		if kept := added.ReplaceAllString(string(got), ""); kept != text {
			t.Errorf("without what was added it is %q, was %q", kept, text)
		}
	})
}
