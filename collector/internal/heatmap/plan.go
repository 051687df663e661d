package heatmap

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Room around the map, in units.
const (
	margin    = 20
	gutter    = 32 // beside the map, for slot numbers
	aisle     = 34 // height of a strip that stands for an aisle
	faceLine  = 26 // between map and aisle, for what the face probes say
	fanLine   = 58
	barHeight = 14
	small     = 12 // sizes of text
	normal    = 14
)

// A plan lays out one drawing.
type plan struct {
	*Map
	look    Look
	theme   theme
	scale   scale
	colours []colour
	d       *drawing
	grid    box // the slots
	cw, ch  float64
	taken   []box // where labels over the map stand already
	sensed  []sensor
	isos    []iso // limits
	faint   []iso // kelvins with a name
	tags    []tag
}

// layOut lays m out as a drawing.
func layOut(m *Map, look Look) (*drawing, error) {
	look, err := look.checked()
	if err != nil {
		return nil, err
	}
	if m.Columns < 1 || m.Depth < 1 || len(m.Cells) != m.Columns*m.Depth {
		return nil, fmt.Errorf("draw map of %s: %d cells for %d columns by %d deep", m.Shelf, len(m.Cells), m.Columns, m.Depth)
	}
	p := &plan{Map: m, look: look, theme: look.theme(), scale: scaleOf(m.Layer, m.Limits)}
	p.colours = p.scale.colours(look.Palette)
	p.d = &drawing{width: look.units(), px: look.Width, title: plain(m.headline()), about: m.about(len(look.Alarms))}
	p.d.shapes = make([]shape, 1, 64+8*len(m.Cells)) // the first is the ground, once the height is known
	y := p.hotAisle(p.header())
	y = p.shelf(y)
	y = p.legend(p.coldAisle(y))
	p.d.height = math.Ceil(y)
	p.d.shapes[0] = rect{box: box{0, 0, p.d.width, p.d.height}, ink: ink{fill: p.theme.page}}
	return p.d, nil
}

// inner is the width between the margins.
func (p *plan) inner() float64 { return p.d.width - 2*margin }

// shelf draws everything from the fans down to the cold face, beginning at y,
// and returns where it ends.
func (p *plan) shelf(y float64) float64 {
	if len(p.Fans) > 0 {
		p.fans(box{margin + gutter, y, p.inner() - 2*gutter, fanLine})
		y += fanLine
	}
	p.place(y + faceLine)
	p.ground()
	p.faceProbes(y, p.grid.y+p.grid.h)
	p.insideProbes()
	p.isoLabels()
	p.cells()
	p.labels()
	return p.grid.y + p.grid.h + faceLine
}

// place gives the grid its box.
func (p *plan) place(y float64) {
	w := p.inner() - 2*gutter
	p.take(box{margin + gutter, y, w, gridHeight(w, p.Columns, p.Depth)})
}

// take makes b the grid.
func (p *plan) take(b box) {
	p.grid, p.cw, p.ch = b, b.w/float64(p.Columns), b.h/float64(p.Depth)
}

// gridHeight returns how high the slots are drawn on a width: somewhat wider than
// deep, the whole never so flat or so tall that it does not read as a shelf.
func gridHeight(w float64, columns, depth int) float64 {
	return min(max(0.64*w/float64(columns)*float64(depth), 0.2*w), 0.62*w)
}

// cell returns the box of the cell at index i. Row 0 is at the cold edge, below.
func (p *plan) cell(i int) box {
	column, row := i%p.Columns, i/p.Columns
	return box{p.grid.x + float64(column)*p.cw, p.grid.y + p.grid.h - float64(row+1)*p.ch, p.cw, p.ch}
}

// spot returns where a place of the shelf is in the drawing.
func (p *plan) spot(x, y float64) point {
	hold := func(v float64) float64 { return min(max(v, 0), 1) }
	return point{p.grid.x + hold(x)*p.grid.w, p.grid.y + (1-hold(y))*p.grid.h}
}

// colour returns the colour of a value.
func (p *plan) colour(v float64) colour {
	return p.colours[p.scale.band(v)-p.scale.band(p.scale.lo)]
}

// ground draws what lies under the cells: the field and its lines, the grid, and
// the numbers of the first and last slot of each row.
func (p *plan) ground() {
	p.d.add(rect{box: p.grid, ink: ink{fill: p.theme.panel}})
	if p.Field != nil {
		p.field()
	}
	every := int(math.Ceil(13 / p.ch)) // rows, so that numbers do not touch
	for row := 0; row < p.Depth; row += every {
		y := p.cell(row * p.Columns).middle().y
		p.ruler(row*p.Columns+1, point{p.grid.x - 7, y}, end)
		p.ruler((row+1)*p.Columns, point{p.grid.x + p.grid.w + 7, y}, start)
	}
}

// ruler writes the number of the slot at the end of a row.
func (p *plan) ruler(n int, at point, side anchor) {
	t := text{words: strconv.Itoa(n), size: small - 1, colour: p.theme.dim}.centred(at)
	t.anchor = side
	p.d.add(t)
}

// field draws the air in bands of colour, a faint line for each kelvin and a
// strong one for each limit.
func (p *plan) field() {
	s := surfaceOf(p.Field, p.grid)
	if s.nothing {
		return
	}
	p.d.add(bands{box: p.grid, surface: s, scale: p.scale, colours: p.colours})
	for _, m := range p.scale.marks {
		if lines := s.isolines(m.at); m.iso && len(lines) > 0 {
			p.isos = append(p.isos, iso{m.at, lines})
		}
	}
	p.kelvins(s)
	for _, l := range p.isos {
		p.d.add(trail{lines: l.lines, ink: ink{line: shade().fade(0.55), width: 4}})
		p.d.add(trail{lines: l.lines, ink: ink{line: hex(0xffffff), width: 1.8}})
	}
}

// shade is the ground of white text and lines over values.
func shade() colour { return hex(0x0b1016) }

// An iso is a limit that the air crosses on the map.
type iso struct {
	at    float64
	lines []line
}

// kelvins draws a faint line for each kelvin, and names them: each one in an
// even field, every fifth in a steep one, and none among numbers.
func (p *plan) kelvins(s *surface) {
	named := 1.0
	if s.hi-s.lo > 8 {
		named = 5
	}
	var faint []line
	for level := math.Ceil(s.lo); level <= s.hi; level++ {
		lines := s.isolines(level)
		faint = append(faint, lines...)
		if limit := slices.ContainsFunc(p.isos, func(l iso) bool { return l.at == level }); limit || p.look.Numbers {
			continue
		}
		if len(lines) > 0 && math.Mod(level, named) == 0 {
			p.faint = append(p.faint, iso{level, lines})
		}
	}
	if len(faint) > 0 {
		p.d.add(trail{lines: faint, ink: ink{line: p.theme.fieldLine.fade(0.3), width: 1}})
	}
}

// A tag is the name of a line over the map.
type tag struct {
	box
	text
	ground colour
}

// isoLabels names the lines, limits first.
func (p *plan) isoLabels() {
	for _, l := range p.isos {
		t := text{words: number(l.at) + " °C", size: small, bold: true, colour: hex(0xffffff)}
		p.isoLabel(l, tag{text: t, ground: shade().fade(0.78)}, []float64{0.5, 0.3, 0.7, 0.15, 0.85})
	}
	for _, l := range p.faint {
		ground := p.colour(l.at)
		t := text{words: number(l.at), size: small - 1, colour: contrast(ground).fade(0.85)}
		p.isoLabel(l, tag{text: t, ground: ground.fade(0.9)}, []float64{0.04, 0.96})
	}
}

// isoLabel puts a tag on the longest line of l, at the first of a few shares of
// its length that is free.
func (p *plan) isoLabel(l iso, t tag, shares []float64) {
	points := longest(l.lines).points
	for _, share := range shares {
		at := points[int(math.Round(share*float64(len(points)-1)))]
		t.box = around(at, t.text.width()+6, t.size+5)
		if p.free(t.box) {
			p.tags = append(p.tags, t)
			p.taken = append(p.taken, t.box)
			return
		}
	}
}

// free tells whether b is inside the map, over cells with a value, and not taken.
func (p *plan) free(b box) bool {
	g := p.grid
	if b.x < g.x || b.y < g.y || b.x+b.w > g.x+g.w || b.y+b.h > g.y+g.h {
		return false
	}
	for _, t := range p.taken {
		if t.overlaps(b) {
			return false
		}
	}
	at := b.middle()
	c := p.Cells[p.cellAt((at.x-g.x)/g.w, (g.y+g.h-at.y)/g.h)]
	return c.Source != Missing
}

// longest returns the line with the most points.
func longest(lines []line) line {
	best := lines[0]
	for _, l := range lines {
		if len(l.points) > len(best.points) {
			best = l
		}
	}
	return best
}
