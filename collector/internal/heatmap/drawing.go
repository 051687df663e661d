package heatmap

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A drawing is a list of shapes from back to front. WriteSVG and WritePNG render
// the same list, so that both show the same. Lengths are in units, y downwards.
type drawing struct {
	width, height float64
	px            int // width of the image
	title, about  string
	shapes        []shape
}

// A shape can be rendered both ways.
type shape interface {
	svg(b []byte) []byte
	paint(p *painter)
}

func (d *drawing) add(s ...shape) { d.shapes = append(d.shapes, s...) }

// An ink is how a shape is filled and outlined. Colours that are zero do not
// show.
type ink struct {
	fill, line colour
	width      float64 // of the line
	dash       float64 // length of dashes and gaps; 0 is solid
}

// A box is an upright rectangle.
type box struct{ x, y, w, h float64 }

func (b box) inset(by float64) box { return box{b.x + by, b.y + by, b.w - 2*by, b.h - 2*by} }

func (b box) middle() point { return point{b.x + b.w/2, b.y + b.h/2} }

func (b box) overlaps(c box) bool {
	return b.x < c.x+c.w && c.x < b.x+b.w && b.y < c.y+c.h && c.y < b.y+b.h
}

// around returns the box of that size about a middle.
func around(at point, w, h float64) box { return box{at.x - w/2, at.y - h/2, w, h} }

// A point is a place in the drawing.
type point struct{ x, y float64 }

// A rect is a box with round corners, painted.
type rect struct {
	box
	radius float64
	ink
}

// A hit is a box that does not show but can be pointed at.
type hit struct{ box }

// A disc is a circle.
type disc struct {
	at     point
	radius float64
	ink
}

// A trail is any number of polylines with one ink. Filled, it is filled by the
// even-odd rule.
type trail struct {
	lines []line
	ink
}

// A line is a polyline.
type line struct {
	points []point
	closed bool
}

// segment returns the line between two points.
func segment(ax, ay, bx, by float64) line { return line{points: []point{{ax, ay}, {bx, by}}} }

// An anchor is which end of a text stands at its place.
type anchor int

const (
	start anchor = iota
	middle
	end
)

// A text is one line of words. Its place is on the base line.
type text struct {
	at     point
	words  string
	size   float64
	bold   bool
	anchor anchor
	colour colour
}

// width returns how much room a text needs in any of the usual fonts.
func (t text) width() float64 {
	if t.bold {
		return roomFor(t.words, t.size) * 1.12
	}
	return roomFor(t.words, t.size)
}

func roomFor(words string, size float64) float64 {
	return 0.6 * size * float64(utf8.RuneCountInString(words))
}

// centred returns t with the middle of its digits at p.
func (t text) centred(p point) text {
	const digits = 0.36 // half of their height, in sizes
	t.at, t.anchor = point{p.x, p.y + digits*t.size}, middle
	return t
}

// plain replaces what is not meant to be seen (control and format characters,
// broken UTF-8): names come from files that others write.
func plain(words string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(words, string(utf8.RuneError)))
}

// clip makes words plain and cuts them to a width, with an ellipsis.
func clip(words string, size, width float64) string {
	runes := []rune(plain(words))
	most := int(math.Max(width/(0.6*size), 1))
	if len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return string(runes)
}

// A group holds what belongs to one slot, probe or fan, for the page's scripts
// and for readers that speak. It ends with a groupEnd.
type group struct {
	data, value string // data-slot="17"
	title       string
}

type groupEnd struct{}

// hatch returns parallel lines at 45° across b, every so many units. They join
// those of other boxes. Rising ones go up to the right.
func hatch(b box, every float64, rising bool) []line {
	var lines []line
	sign := -1.0 // falling: x - y is constant along a line
	if rising {
		sign = 1
	}
	lo, hi := b.x+min(sign*b.y, sign*(b.y+b.h)), b.x+b.w+max(sign*b.y, sign*(b.y+b.h))
	for c := math.Ceil(lo/every) * every; c < hi; c += every {
		// x = c - sign·y, cut to the box
		x0, x1 := max(b.x, min(c-sign*b.y, c-sign*(b.y+b.h))), min(b.x+b.w, max(c-sign*b.y, c-sign*(b.y+b.h)))
		if x1-x0 > 0.5 {
			lines = append(lines, segment(x0, sign*(c-x0), x1, sign*(c-x1)))
		}
	}
	return lines
}

// levels returns lines along x across b, every so many units.
func levels(b box, every float64) []line {
	var lines []line
	for y := math.Ceil(b.y/every) * every; y < b.y+b.h; y += every {
		lines = append(lines, segment(b.x, y, b.x+b.w, y))
	}
	return lines
}
