package heatmap_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/rack"
)

// checkSVG holds a document to what a strict content security policy and a
// reader that speaks need.
func checkSVG(t *testing.T, doc []byte) {
	t.Helper()
	if bytes.Contains(doc, []byte("NaN")) || bytes.Contains(doc, []byte("Inf")) {
		t.Error("the document holds a number that is none")
	}
	if m := regexp.MustCompile(`\d\.\d{3,}`).Find(doc); m != nil {
		t.Errorf("the document holds %s, want two decimals at most", m)
	}
	for _, e := range elements(t, doc) {
		switch e.Name.Local {
		case "svg", "title", "desc", "g", "rect", "circle", "path", "text":
		default:
			t.Errorf("element <%s>", e.Name.Local)
		}
		for _, a := range e.Attr {
			if name := a.Name.Local; name == "style" || name == "href" || strings.HasPrefix(name, "on") {
				t.Errorf("<%s> has the attribute %s", e.Name.Local, name)
			}
		}
	}
}

// elements returns the start of every element of a well-formed document.
func elements(t *testing.T, doc []byte) []xml.StartElement {
	t.Helper()
	var out []xml.StartElement
	d := xml.NewDecoder(bytes.NewReader(doc))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		if e, ok := token.(xml.StartElement); ok {
			out = append(out, e.Copy())
		}
	}
}

// A part is a group of a document: what it stands for and what is in it.
type part struct {
	Slot  string `xml:"data-slot,attr"`
	Probe string `xml:"data-probe,attr"`
	Fan   string `xml:"data-fan,attr"`
	Title string `xml:"title"`
	Text  string `xml:",innerxml"`
}

func (p part) name() string { return p.Slot + p.Probe + p.Fan }

// A picture is a document as far as the tests look at it.
type picture struct {
	Role  string `xml:"role,attr"`
	Title string `xml:"title"`
	Desc  string `xml:"desc"`
	Parts []part `xml:"g"`
}

func drawn(t *testing.T, state rack.State, layer heatmap.Layer, look heatmap.Look) picture {
	t.Helper()
	var b bytes.Buffer
	if err := heatmap.WriteSVG(&b, mustNew(t, state, layer), look); err != nil {
		t.Fatal(err)
	}
	checkSVG(t, b.Bytes())
	var p picture
	if err := xml.Unmarshal(b.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p picture) part(t *testing.T, name string) part {
	t.Helper()
	i := slices.IndexFunc(p.Parts, func(p part) bool { return p.name() == name })
	if i < 0 {
		t.Fatalf("no part %q", name)
	}
	return p.Parts[i]
}

func TestSVGSaysWhatItShows(t *testing.T) {
	t.Parallel()
	p := drawn(t, small(), heatmap.SoC, heatmap.Look{})
	if p.Role != "img" || p.Title != "Shelf hex/a1/s3, SoC temperature, 2026-11-22 12:00:00 UTC" {
		t.Errorf("role %q, title %q", p.Role, p.Title)
	}
	if want := "Seen from above, cold aisle below, hot aisle above. From 46.0 to 62.0 °C, highest in slot 5."; p.Desc != want {
		t.Errorf("description\n got %s\nwant %s", p.Desc, want)
	}
	for name, want := range map[string]string{"5": "slot 5: 62.0 °C", "m2": "probe m2: 25.2 °C", "left": "fan left: 50.2 rev/s"} {
		if got := p.part(t, name).Title; got != want {
			t.Errorf("title of %s = %q, want %q", name, got, want)
		}
	}
	if len(p.Parts) != 12+6+2 {
		t.Errorf("%d parts, want 12 slots, 6 probes and 2 fans", len(p.Parts))
	}
}

func TestStateIsNeverColourAlone(t *testing.T) {
	t.Parallel()
	air := drawn(t, broken(), heatmap.Air, heatmap.Look{})
	soc := drawn(t, broken(), heatmap.SoC, heatmap.Look{})
	if got := air.part(t, "left").Text; !strings.Contains(got, ">stopped</text>") {
		t.Errorf("a fan that stands does not say so: %s", got)
	}
	tests := []struct {
		name  string
		part  part
		title string
		marks string // in what is drawn
	}{
		{"a slow fan", air.part(t, "right"), "fan right: slow, 31.0 rev/s", ">slow, 31.0 rev/s<"},
		{"a stale probe", air.part(t, "m1"), "probe m1: 24.8 °C, stale", ">(24.8)<"},
		{"a probe without a reading", air.part(t, "c1"), "probe c1: no reading", ">–<"},
		{"a cell without a value", soc.part(t, "1"), "slot 1: no value", "<path"},
		{"a stale cell", soc.part(t, "8"), "slot 8: 52.2 °C, stale", "stroke-dasharray"},
	}
	for _, tt := range tests {
		if tt.part.Title != tt.title || !strings.Contains(tt.part.Text, tt.marks) {
			t.Errorf("%s: title %q, want %q with %s in %s", tt.name, tt.part.Title, tt.title, tt.marks, tt.part.Text)
		}
	}
	guessed := drawn(t, unknownMiddle(), heatmap.Air, heatmap.Look{}).part(t, "1")
	if !strings.HasSuffix(guessed.Title, ", guessed") || !strings.Contains(guessed.Text, "<path") {
		t.Errorf("a guessed cell is not hatched: %+v", guessed)
	}
}

func TestAlarmsAreMarkedExactlyWhereTheyAre(t *testing.T) {
	t.Parallel()
	const red = `stroke="#d3001f"`
	marked := func(look heatmap.Look) []string {
		var out []string
		for _, p := range drawn(t, small(), heatmap.Air, look).Parts {
			if strings.Contains(p.Text, red) {
				out = append(out, p.name())
			}
		}
		return out
	}
	if got := marked(heatmap.Look{}); len(got) != 0 {
		t.Errorf("without alarms %v are marked", got)
	}
	if diff := cmp.Diff([]string{"left", "3", "9", "h2"}, marked(heatmap.Look{Alarms: alarms()})); diff != "" {
		t.Errorf("marked (-want +got)\n%s", diff)
	}
	p := drawn(t, small(), heatmap.SoC, heatmap.Look{Alarms: alarms()})
	if pending, fired := p.part(t, "3").Text, p.part(t, "9").Text; !strings.Contains(pending, "stroke-dasharray") || strings.Contains(fired, "stroke-dasharray") {
		t.Errorf("a pending alarm is not told from a fired one:\n%s\n%s", pending, fired)
	}
}

func TestNamesAreHarmless(t *testing.T) {
	t.Parallel()
	const evil = "</text><script>alert(1)</script>\"' onload=\x00\x1b\u202e&amp;\xff" + "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW"
	state := small()
	state.Probes[0].Name, state.Fans[0].Name = evil, evil
	state.Shelf.Site = evil
	state.Figures.Inlet = rack.Figure{Why: evil}
	for _, width := range []int{200, 960} {
		p := drawn(t, state, heatmap.Air, heatmap.Look{Width: width, Alarms: []heatmap.Alarm{{Probe: evil, Severity: evil}}})
		if strings.ContainsAny(p.Title+p.part(t, "m1").Title, "\x00\u202e") {
			t.Errorf("title %q", p.Title)
		}
	}
	var png bytes.Buffer
	if err := heatmap.WritePNG(&png, mustNew(t, state, heatmap.Air), heatmap.Look{Width: 200}); err != nil {
		t.Error(err)
	}
}

func FuzzNames(f *testing.F) {
	for _, name := range []string{"h1", "", "<b>", "]]>", "\xed\xa0\x80", "é\u200f\ufffe"} {
		f.Add(name, 3.5)
	}
	f.Add("nan", math.NaN())
	f.Add("far", 1e308)
	f.Fuzz(func(t *testing.T, name string, v float64) {
		state := small()
		state.Probes[1].Name, state.Fans[0].Name = name, name
		state.Probes[1].V, state.Slots[3].SoC.V, state.Fans[1].V = v, v, v
		for _, layer := range []heatmap.Layer{heatmap.Air, heatmap.SoC} {
			drawn(t, state, layer, heatmap.Look{})
			var b bytes.Buffer
			if err := mustNew(t, state, layer).WriteJSON(&b); err != nil || !json.Valid(b.Bytes()) {
				t.Errorf("JSON: err = %v\n%s", err, b.Bytes())
			}
		}
	})
}

func TestNodesAreNotNamed(t *testing.T) {
	t.Parallel()
	m := mustNew(t, small(), heatmap.Air)
	var b bytes.Buffer
	if err := heatmap.WriteSVG(&b, m, heatmap.Look{}); err != nil {
		t.Fatal(err)
	}
	if err := m.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(strings.ToLower(b.String()), "b827eb") {
		t.Error("a node's address is in the output")
	}
}

func TestEveryWidthAndShapeCanBeDrawn(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{1, 1}, {1, 40}, {200, 1}, {24, 2}, {30, 20}} {
		state := shelf(size[0], size[1])
		probe(&state, "c", 0.5, 0, fresh(21))
		probe(&state, "m", 0.5, 0.5, fresh(99))
		probe(&state, "out", -3, 7, fresh(-40))
		for i := range 9 {
			fan(&state, "f"+string(rune('1'+i)), fresh(float64(6*i)))
		}
		for _, width := range []int{200, 719} {
			drawn(t, state, heatmap.Air, heatmap.Look{Width: width, Numbers: true})
			drawn(t, state, heatmap.PoE, heatmap.Look{Width: width})
		}
	}
}

func TestAWrongLookIsRefused(t *testing.T) {
	t.Parallel()
	m := mustNew(t, small(), heatmap.Air)
	for _, look := range []heatmap.Look{{Width: 199}, {Width: 4001}, {Width: -1}, {Palette: 3}, {Palette: -1}} {
		if err := heatmap.WriteSVG(io.Discard, m, look); err == nil {
			t.Errorf("SVG: %+v was accepted", look)
		}
		if err := heatmap.WritePNG(io.Discard, m, look); err == nil {
			t.Errorf("PNG: %+v was accepted", look)
		}
	}
	if err := heatmap.WriteSVG(io.Discard, &heatmap.Map{}, heatmap.Look{}); err == nil {
		t.Error("a map without cells was accepted")
	}
}

// A full writer cannot take anything.
type full struct{}

var errFull = errors.New("disk full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestTheWritersErrorComesBack(t *testing.T) {
	t.Parallel()
	m := mustNew(t, small(), heatmap.Air)
	for name, err := range map[string]error{
		"JSON": m.WriteJSON(full{}),
		"SVG":  heatmap.WriteSVG(full{}, m, heatmap.Look{}),
		"PNG":  heatmap.WritePNG(full{}, m, heatmap.Look{}),
	} {
		if !errors.Is(err, errFull) {
			t.Errorf("%s: err = %v, want the writer's", name, err)
		}
	}
}

func TestTheScaleDoesNotFollowTheValues(t *testing.T) {
	t.Parallel()
	fill := regexp.MustCompile(`<rect[^>]* rx="4" fill="(#[0-9a-f]{6})"`)
	colourOf := func(others float64) string {
		state := shelf(3, 2)
		for i := range state.Slots {
			state.Slots[i].SoC = fresh(others)
		}
		state.Slots[0].SoC = fresh(50)
		m := fill.FindStringSubmatch(drawn(t, state, heatmap.SoC, heatmap.Look{}).part(t, "1").Text)
		if m == nil {
			t.Fatal("slot 1 has no tile")
		}
		return m[1]
	}
	if cool, hot := colourOf(45), colourOf(85); cool != hot {
		t.Errorf("50 °C is %s among cool Pis and %s among hot ones", cool, hot)
	}
}
