package heatmap_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/rack"
)

// tile makes the tile of a state as the shelf of an id.
func tile(t testing.TB, id string, state rack.State, layer heatmap.Layer) heatmap.Tile {
	t.Helper()
	m, err := heatmap.New(state, layer)
	if err != nil {
		t.Fatal(err)
	}
	m.Shelf = id
	return heatmap.Tile{Map: m, State: "ok", Link: "/?shelf=" + id}
}

// twoRacks is a made-up site: a rack of three shelves in which something is
// wrong with two, and one of two shelves, of which one is silent.
func twoRacks(t testing.TB, layer heatmap.Layer) []heatmap.Tile {
	t.Helper()
	failing, silent := tile(t, "hex/a1/s2", broken(), layer), tile(t, "hex/a2/s2", shelf(6, 4), layer)
	failing.State, failing.Alarms = "critical", alarms()
	silent.State, silent.Link = "unknown", ""
	warm := tile(t, "hex/a1/s10", learned(), layer)
	warm.State, warm.Alarms = "warning", []heatmap.Alarm{{Slot: 2, Severity: "warning", Pending: true}}
	return []heatmap.Tile{tile(t, "hex/a1/s1", small(), layer), warm, failing, tile(t, "hex/a2/s1", unknownMiddle(), layer), silent}
}

func overview(t testing.TB, tiles []heatmap.Tile) *heatmap.Overview {
	t.Helper()
	o, err := heatmap.NewOverview(tiles)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestAnOverviewIsDrawn(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string // also the golden file
		layer heatmap.Layer
		look  heatmap.Look
	}{
		{"site-air", heatmap.Air, heatmap.Look{}},
		{"site-soc-dark-inferno", heatmap.SoC, heatmap.Look{Dark: true, Palette: heatmap.Inferno, Width: 1200}},
		{"site-delta-narrow", heatmap.Delta, heatmap.Look{Width: 360}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := overview(t, twoRacks(t, tt.layer))
			var got, again bytes.Buffer
			if err := o.WriteSVG(&got, tt.look); err != nil {
				t.Fatal(err)
			}
			if err := o.WriteSVG(&again, tt.look); err != nil || !bytes.Equal(got.Bytes(), again.Bytes()) {
				t.Errorf("the second drawing differs, err = %v", err)
			}
			checkOverview(t, got.Bytes())
			golden(t, tt.name+".svg", got.Bytes())
		})
	}
}

// manyShelves is a site of 93 shelves of 108 Pis in ten racks.
func manyShelves(t testing.TB, layer heatmap.Layer) []heatmap.Tile {
	t.Helper()
	var tiles []heatmap.Tile
	for i := range 93 {
		state := shelf(12, 9)
		for k := range state.Slots {
			state.Slots[k].SoC = fresh(50 + float64(i%7) + float64(k/12) + 2*math.Sin(float64(i*k)))
		}
		fan(&state, "left", fresh(44))
		fan(&state, "right", fresh(44))
		tiles = append(tiles, tile(t, fmt.Sprintf("hex/r%d/s%d", i/10+1, i%10+1), state, layer))
	}
	return tiles
}

func TestAnOverviewIsWrittenAsJSON(t *testing.T) {
	t.Parallel()
	var got bytes.Buffer
	if err := overview(t, twoRacks(t, heatmap.SoC)).WriteJSON(&got, heatmap.Look{Palette: heatmap.Viridis}); err != nil {
		t.Fatal(err)
	}
	golden(t, "site-soc.json", got.Bytes())
}

// checkOverview is checkSVG, and that links lead to shelves only.
func checkOverview(t *testing.T, doc []byte) {
	t.Helper()
	links := regexp.MustCompile(`<a href="(/\?shelf=[^"<>]*)">|</a>`)
	for _, e := range elements(t, doc) {
		if e.Name.Local == "a" && (len(e.Attr) != 1 || !strings.HasPrefix(e.Attr[0].Value, "/?shelf=")) {
			t.Errorf("a link %v", e.Attr)
		}
	}
	checkSVG(t, links.ReplaceAll(doc, nil))
}

func TestEveryShelfOfAnOverviewIsALink(t *testing.T) {
	t.Parallel()
	var got bytes.Buffer
	if err := overview(t, twoRacks(t, heatmap.Air)).WriteSVG(&got, heatmap.Look{}); err != nil {
		t.Fatal(err)
	}
	var tiles []string
	for _, m := range regexp.MustCompile(`(?:<a href="([^"]*)">\n)?<g data-shelf="([^"]*)"><title>([^<]*)</title>`).FindAllStringSubmatch(got.String(), -1) {
		tiles = append(tiles, m[1]+" "+m[3])
	}
	want := []string{
		"/?shelf=hex/a1/s1 shelf hex/a1/s1: ok, rise 6.6 K, highest 27.8 °C in slot 12",
		"/?shelf=hex/a1/s2 shelf hex/a1/s2: critical, highest 39.9 °C in slot 12, fan left stopped, fan right slow, 5 alarms",
		"/?shelf=hex/a1/s10 shelf hex/a1/s10: warning, rise 6.6 K, highest 27.8 °C in slot 12, 1 alarm",
		"/?shelf=hex/a2/s1 shelf hex/a2/s1: ok, highest 25.5 °C in slot 11, fan only unknown",
		" shelf hex/a2/s2: no data",
	}
	number := regexp.MustCompile(`highest [0-9.]+ °C in slot [0-9]+`) // what the field makes of the probes is tested elsewhere
	for i := range want {
		want[i] = number.ReplaceAllString(want[i], "highest N")
	}
	for i := range tiles {
		tiles[i] = number.ReplaceAllString(tiles[i], "highest N")
	}
	if diff := cmp.Diff(want, tiles); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestAnOverviewIsInTheOrderOfNumbers(t *testing.T) {
	t.Parallel()
	var tiles []heatmap.Tile
	for _, id := range []string{"b", "a10", "a9", "a009", "a09", "a", "a2b", "a2", ""} {
		tiles = append(tiles, tile(t, "hex/"+id+"/s1", shelf(1, 1), heatmap.SoC), tile(t, "hex/r/"+id, shelf(1, 1), heatmap.SoC))
	}
	want := []string{"", "a", "a2", "a2b", "a9", "a09", "a009", "a10", "b"}
	var racks, shelves []string
	for _, r := range overview(t, tiles).Racks {
		if r.Name == "r" {
			for _, tile := range r.Tiles {
				shelves = append(shelves, strings.TrimPrefix(tile.Shelf, "hex/r/"))
			}
			continue
		}
		racks = append(racks, r.Name)
	}
	if diff := cmp.Diff(want, racks); diff != "" {
		t.Errorf("racks, -want +got\n%s", diff)
	}
	if diff := cmp.Diff(want, shelves); diff != "" {
		t.Errorf("shelves, -want +got\n%s", diff)
	}
}

func TestAnOverviewRefusesWhatDoesNotBelongTogether(t *testing.T) {
	t.Parallel()
	good := tile(t, "hex/a1/s1", shelf(2, 2), heatmap.SoC)
	short := tile(t, "hex/a1/s2", shelf(2, 2), heatmap.SoC)
	short.Cells = short.Cells[:3]
	for name, tiles := range map[string][]heatmap.Tile{
		"nothing":       nil,
		"another layer": {good, tile(t, "hex/a1/s2", shelf(2, 2), heatmap.PoE)},
		"another site":  {good, tile(t, "oct/a1/s2", shelf(2, 2), heatmap.SoC)},
		"too few cells": {good, short},
	} {
		if _, err := heatmap.NewOverview(tiles); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	o := overview(t, []heatmap.Tile{good})
	for _, look := range []heatmap.Look{{Width: 199}, {Width: 4001}, {Palette: 9}} {
		if o.WriteSVG(io.Discard, look) == nil || o.WritePNG(io.Discard, look) == nil || o.WriteJSON(io.Discard, look) == nil {
			t.Errorf("look %+v was accepted", look)
		}
	}
	if (&heatmap.Overview{}).WriteSVG(io.Discard, heatmap.Look{}) == nil {
		t.Error("an overview without shelves was drawn")
	}
}

func TestHostileNamesOfAnOverviewStayText(t *testing.T) {
	t.Parallel()
	const hostile = `"><script>alert(1)</script>&amp;` + "\u2028\x00'"
	state := small()
	state.Fans[0].Name, state.Fans[0].Value = hostile, fresh(0)
	state.Probes[0].Name = hostile
	bad := tile(t, "hex/"+hostile+"/s1", state, heatmap.Air)
	bad.Link, bad.State = "/?shelf="+hostile, hostile
	bad.Alarms = []heatmap.Alarm{{Fans: []string{hostile}, Severity: hostile}, {Probe: hostile}, {Slot: 99}}
	o := overview(t, []heatmap.Tile{bad})
	var svg, doc bytes.Buffer
	if err := errors.Join(o.WriteSVG(&svg, heatmap.Look{}), o.WriteJSON(&doc, heatmap.Look{}), o.WritePNG(io.Discard, heatmap.Look{})); err != nil {
		t.Fatal(err)
	}
	checkOverview(t, svg.Bytes())
	if strings.Contains(svg.String(), "<script") || !json.Valid(doc.Bytes()) {
		t.Errorf("%s\n%s", svg.Bytes(), doc.Bytes())
	}
}

// TestOneScaleHoldsForAllShelves draws two shelves with other limits: the same
// colour is the same temperature, and limits that differ have no name.
func TestOneScaleHoldsForAllShelves(t *testing.T) {
	t.Parallel()
	other := tile(t, "hex/a1/s2", small(), heatmap.Air)
	other.Limits.Critical, other.Limits.Hot = 60, 50
	alike, mixed := decoded(t, []heatmap.Tile{tile(t, "hex/a1/s1", small(), heatmap.Air)}), decoded(t, []heatmap.Tile{tile(t, "hex/a1/s1", small(), heatmap.Air), other})
	own := heatmap.ColoursOf(heatmap.Air, small().Shelf.Limits, heatmap.Cividis)
	if diff := cmp.Diff(own.RGB, alike.Scale.Colours); diff != "" || alike.Scale.High != own.High {
		t.Errorf("one shelf has other colours than its own map, -map +overview\n%s", diff)
	}
	if mixed.Scale.High != 62 {
		t.Errorf("the scale ends at %v, want 2 K above the greatest critical temperature", mixed.Scale.High)
	}
	var names []string
	for _, m := range mixed.Scale.Marks {
		if m.Name != "" {
			names = append(names, m.Name)
		}
	}
	if diff := cmp.Diff([]string{"inlet"}, names); diff != "" {
		t.Errorf("names of limits, -want +got\n%s", diff)
	}
}

// A parsed is the part of an overview's JSON that tests look at.
type parsed struct {
	Width, Height float64
	Scale         struct {
		High    float64
		Colours []string
		Marks   []struct {
			Value float64
			Name  string
		}
	}
	Racks []struct {
		Box     [4]float64
		Shelves []struct {
			Shelf     string
			Box, Grid [4]float64
			Values    []*float64
			Sources   string
		}
	}
}

func decoded(t *testing.T, tiles []heatmap.Tile) (p parsed) {
	t.Helper()
	var doc bytes.Buffer
	if err := overview(t, tiles).WriteJSON(&doc, heatmap.Look{}); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(doc.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestShelvesOfAnOverviewDoNotTouch(t *testing.T) {
	t.Parallel()
	p := decoded(t, manyShelves(t, heatmap.SoC))
	var placed [][4]float64
	for _, r := range p.Racks {
		for _, s := range r.Shelves {
			if len(s.Values) != 108 || len(s.Sources) != 108 {
				t.Fatalf("%s has %d values and %d sources", s.Shelf, len(s.Values), len(s.Sources))
			}
			if !within(s.Grid, s.Box) || !within(s.Box, r.Box) || !within(r.Box, [4]float64{0, 0, p.Width, p.Height}) {
				t.Errorf("%s: grid %v, box %v, rack %v of %v by %v", s.Shelf, s.Grid, s.Box, r.Box, p.Width, p.Height)
			}
			for _, b := range placed {
				if s.Box[0] < b[0]+b[2] && b[0] < s.Box[0]+s.Box[2] && s.Box[1] < b[1]+b[3] && b[1] < s.Box[1]+s.Box[3] {
					t.Errorf("%s at %v touches %v", s.Shelf, s.Box, b)
				}
			}
			placed = append(placed, s.Box)
		}
	}
	if len(placed) != 93 || p.Width/p.Height < 0.8 || p.Width/p.Height > 2 {
		t.Errorf("%d shelves on %v by %v", len(placed), p.Width, p.Height)
	}
}

// within tells whether a box [x,y,w,h] is in another, to a hundredth.
func within(in, out [4]float64) bool {
	const e = 0.011
	return in[0] >= out[0]-e && in[1] >= out[1]-e && in[0]+in[2] <= out[0]+out[2]+e && in[1]+in[3] <= out[1]+out[3]+e
}

// TestAnOverviewIsRedExactlyWhereAlarmsAre counts red pixels in the grid of a
// painted shelf.
func TestAnOverviewIsRedExactlyWhereAlarmsAre(t *testing.T) {
	t.Parallel()
	red := color.RGBA{0xd3, 0x00, 0x1f, 0xff}
	for name, tt := range map[string]struct {
		alarms []heatmap.Alarm
		want   bool
	}{
		"none":                     {nil, false},
		"a slot that fires":        {[]heatmap.Alarm{{Slot: 5, Severity: "warning"}}, true},
		"a slot that is pending":   {[]heatmap.Alarm{{Slot: 5, Severity: "critical", Pending: true}}, true},
		"a probe":                  {[]heatmap.Alarm{{Probe: "m1", Severity: "critical"}}, true},
		"a probe of other shelves": {[]heatmap.Alarm{{Probe: "none"}}, false},
		"no place":                 {[]heatmap.Alarm{{Severity: "critical"}}, false},
	} {
		one := tile(t, "hex/a1/s1", small(), heatmap.SoC)
		one.Alarms = tt.alarms
		var b bytes.Buffer
		if err := overview(t, []heatmap.Tile{one}).WritePNG(&b, heatmap.Look{}); err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(&b)
		if err != nil {
			t.Fatal(err)
		}
		above := img.(*image.RGBA).SubImage(image.Rect(0, 0, 960, 350)) // of the legend, which explains it
		if got := count(relative{above}, red) > 4; got != tt.want {
			t.Errorf("%s: red is %v, want %v", name, got, tt.want)
		}
	}
}

// A relative is an image from 0, 0 on.
type relative struct{ image.Image }

func (r relative) Bounds() image.Rectangle {
	b := r.Image.Bounds()
	return b.Sub(b.Min)
}

// An overview of 10,000 Pis should take about 10 ms as JSON.
func BenchmarkOverview(b *testing.B) {
	tiles := manyShelves(b, heatmap.SoC)
	var size bytes.Buffer
	for name, run := range map[string]func(*heatmap.Overview) error{
		"json": func(o *heatmap.Overview) error { return o.WriteJSON(&size, heatmap.Look{}) },
		"svg":  func(o *heatmap.Overview) error { return o.WriteSVG(&size, heatmap.Look{Width: 1600}) },
		"png":  func(o *heatmap.Overview) error { return o.WritePNG(&size, heatmap.Look{Width: 1600}) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				size.Reset()
				o, err := heatmap.NewOverview(tiles)
				if err != nil {
					b.Fatal(err)
				}
				if err := run(o); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(size.Len())/1024, "KiB")
		})
	}
}
