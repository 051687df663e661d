package heatmap

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"thermarack/agent/wire/layout"
)

// An Overview is one layer of several shelves: those of a rack one above the
// other, or those of a site, its racks side by side.
type Overview struct {
	Site  string
	Rack  string    // "" for all racks of the site
	T     time.Time // of the newest tile
	Layer Layer
	Racks []Rack // from left to right
}

// A Rack is the shelves of one rack, from the top down.
type Rack struct {
	Name  string
	Tiles []Tile // at least one
}

// A Tile is one shelf of an overview. Of its map the cells are drawn: a field
// shows nothing that can be seen at this size.
type Tile struct {
	*Map
	State  string  // in a word, such as "ok" or "critical"
	Alarms []Alarm // what to outline
	Link   string  // where a click on it leads; "": nowhere
}

// NewOverview arranges tiles, whose maps must all be of one site and one layer:
// racks from left to right and shelves from the top down by their names, numbers
// in them by their size, because a layout does not say how high a shelf hangs.
//
// The error names a tile that does not belong to the others, or cannot be drawn.
func NewOverview(tiles []Tile) (*Overview, error) {
	if len(tiles) == 0 {
		return nil, errors.New("draw overview: no shelves")
	}
	o := &Overview{Site: tiles[0].site(), Layer: tiles[0].Layer}
	for _, t := range tiles {
		switch {
		case t.Layer != o.Layer || t.site() != o.Site:
			return nil, fmt.Errorf("draw overview of %s, layer %s: shelf %s, layer %s, does not belong to it", o.Site, o.Layer, t.Shelf, t.Layer)
		case t.Columns < 1 || t.Depth < 1 || len(t.Cells) != t.Columns*t.Depth:
			return nil, fmt.Errorf("draw overview of %s: shelf %s has %d cells for %d columns by %d deep", o.Site, t.Shelf, len(t.Cells), t.Columns, t.Depth)
		}
		if t.T.After(o.T) {
			o.T = t.T
		}
		o.hang(t)
	}
	slices.SortStableFunc(o.Racks, func(a, b Rack) int { return byNumbers(a.Name, b.Name) })
	for _, r := range o.Racks {
		slices.SortStableFunc(r.Tiles, func(a, b Tile) int { return byNumbers(a.name(), b.name()) })
	}
	return o, nil
}

// hang adds a tile to its rack.
func (o *Overview) hang(t Tile) {
	i := slices.IndexFunc(o.Racks, func(r Rack) bool { return r.Name == t.rack() })
	if i < 0 {
		i = len(o.Racks)
		o.Racks = append(o.Racks, Rack{Name: t.rack()})
	}
	o.Racks[i].Tiles = append(o.Racks[i].Tiles, t)
}

// site, rack and name are the parts of a shelf's id, "hex/a1/s3".
func (t Tile) site() string { site, _, _ := strings.Cut(t.Shelf, "/"); return site }

func (t Tile) rack() string {
	_, rest, _ := strings.Cut(t.Shelf, "/")
	rack, _, _ := strings.Cut(rest, "/")
	return rack
}

func (t Tile) name() string { return t.Shelf[strings.LastIndexByte(t.Shelf, '/')+1:] }

// byNumbers compares names as people order them: s9 comes before s10.
func byNumbers(a, b string) int {
	for a != "" && b != "" {
		na, nb := digits(a), digits(b)
		if na > 0 && nb > 0 {
			x, y := strings.TrimLeft(a[:na], "0"), strings.TrimLeft(b[:nb], "0")
			if c := cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y), cmp.Compare(na, nb)); c != 0 {
				return c
			}
			a, b = a[na:], b[nb:]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

// digits returns how many digits s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// tiles returns all tiles, rack by rack.
func (o *Overview) tiles() []Tile {
	var all []Tile
	for _, r := range o.Racks {
		all = append(all, r.Tiles...)
	}
	return all
}

// limits returns the greatest limits of all shelves, so that one scale holds for
// all of them: where they are alike it is that of each shelf's own map.
func (o *Overview) limits() layout.Limits {
	var l layout.Limits
	for _, t := range o.tiles() {
		l.Inlet, l.Hot = math.Max(l.Inlet, t.Limits.Inlet), math.Max(l.Hot, t.Limits.Hot)
		l.SoC, l.Critical = math.Max(l.SoC, t.Limits.SoC), math.Max(l.Critical, t.Limits.Critical)
	}
	return l
}

// scale returns the scale of the overview. A limit in which shelves differ has no
// name on it.
func (o *Overview) scale() scale {
	all := o.limits()
	s := scaleOf(o.Layer, all)
	for _, t := range o.tiles() {
		s.marks = slices.DeleteFunc(s.marks, func(m mark) bool { return m.name != "" && !t.has(m) })
	}
	return s
}

// has tells whether the shelf's own scale has a mark of that name there too.
func (t Tile) has(m mark) bool {
	return slices.ContainsFunc(scaleOf(t.Layer, t.Limits).marks, func(own mark) bool { return own.name == m.name && own.at == m.at })
}

// WriteSVG writes o as one SVG document, look.Width px wide; look's own alarms do
// not show. It is as strict as that of [WriteSVG], but that every shelf is a group with
// the attribute data-shelf, and a link where its tile has one.
//
// The error says what is wrong with look, or is w's.
func (o *Overview) WriteSVG(w io.Writer, look Look) error {
	d, err := o.layOut(look)
	if err != nil {
		return err
	}
	_, err = w.Write(d.svg())
	return err
}

// WritePNG writes o as one PNG image: what WriteSVG draws, in the Go fonts. The
// error says what is wrong with look, or is w's.
func (o *Overview) WritePNG(w io.Writer, look Look) error {
	d, err := o.layOut(look)
	if err != nil {
		return err
	}
	return d.png(w, look.theme().page)
}
