package heatmap

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
)

// A tilePlan draws one tile: a plan whose grid is a small one.
type tilePlan struct {
	plan
	of Tile
	at tilePlace
}

// draw draws the shelf, from its plate up.
func (p *tilePlan) draw() {
	p.take(p.at.grid)
	if p.of.Link != "" {
		p.d.add(link{p.of.Link})
	}
	p.d.add(group{"data-shelf", p.Shelf, p.says()}, rect{box: p.at.box, radius: 7, ink: p.plate()})
	p.head()
	p.fanRow()
	g := p.grid
	p.d.add(
		boxes{[]box{{g.x, g.y - edge, g.w, edge}}, p.theme.hotInk}, boxes{[]box{{g.x, g.y + g.h, g.w, edge}}, p.theme.coldInk},
		boxes{[]box{g}, p.theme.panel},
	)
	p.slots()
	p.outlines()
	p.d.add(groupEnd{})
	if p.of.Link != "" {
		p.d.add(linkEnd{})
	}
}

// plate is the ground of the tile: its rim tells what fires.
func (p *tilePlan) plate() ink {
	switch p.of.State {
	case "critical":
		return ink{fill: p.theme.page, line: p.theme.alarm, width: 2.5}
	case "warning":
		return ink{fill: p.theme.page, line: p.theme.caution, width: 2}
	}
	return ink{fill: p.theme.page, line: p.theme.rule, width: 1}
}

// head writes the shelf's name, and below it its state and its rise.
func (p *tilePlan) head() {
	left, right, y := p.at.x+tilePad, p.at.x+p.at.w-tilePad, p.at.y+tilePad
	name := text{at: point{left + 16, y + 11}, size: normal, bold: true, colour: p.theme.ink}
	name.words = clip(p.of.name(), normal*1.12, right-name.at.x)
	colour := p.theme.dim
	switch p.of.State {
	case "critical":
		colour = p.theme.alarm
	case "warning":
		colour = p.theme.caution
	}
	p.sign(point{left + 6, y + 6}, colour)
	rise := text{at: point{right, y + 28}, words: p.rise(), size: small, bold: true, anchor: end, colour: p.theme.ink}
	state := text{at: point{left, y + 28}, size: small, colour: colour, bold: colour != p.theme.dim}
	state.words = clip(p.word(), small*1.12, right-rise.width()-left-4)
	p.d.add(name, state, rise)
}

// word says the state as people do.
func (p *tilePlan) word() string {
	if p.of.State == "unknown" {
		return "no data"
	}
	return p.of.State
}

func (p *tilePlan) rise() string {
	if f := p.Figures.DeltaT; f.Ok() && !math.IsNaN(f.V) && !math.IsInf(f.V, 0) {
		return tenths(f.V) + " K"
	}
	return "–"
}

// sign shows the state by its shape too: a diamond, a triangle, a disc, and a ring
// for what is not known.
func (p *tilePlan) sign(at point, c colour) {
	const r = 5.5
	x, y := at.x, at.y
	switch p.of.State {
	case "critical":
		p.d.add(trail{lines: []line{{points: []point{{x, y - r}, {x + r, y}, {x, y + r}, {x - r, y}}, closed: true}}, ink: ink{fill: c}})
	case "warning":
		p.d.add(trail{lines: []line{{points: []point{{x, y - r}, {x + r, y + r - 1}, {x - r, y + r - 1}}, closed: true}}, ink: ink{fill: c}})
	case "ok":
		p.d.add(disc{at, r - 1, ink{fill: c}})
	default:
		p.d.add(disc{at, r - 1.5, ink{line: c, width: 1.8}})
	}
}

// fanRow draws the fans at the hot edge: a disc that turns, a ring with a dot that
// is slow, a crossed one that stands, and a dashed one of which nothing is known.
func (p *tilePlan) fanRow() {
	b := p.at.fans
	each := b.w / float64(max(len(p.Fans), 1))
	for i, f := range p.Fans {
		const r = 4.5
		hub := point{b.x + (float64(i)+0.5)*each, b.y + b.h/2}
		rim := ink{line: p.theme.dim, width: 1.4}
		switch conditionOf(f) {
		case turning:
			p.d.add(disc{hub, r, ink{fill: p.theme.dim.fade(0.45), line: p.theme.dim, width: 1.4}})
		case slow:
			rim.line = p.theme.caution
			p.d.add(disc{hub, r, rim}, disc{hub, r * 0.35, ink{fill: p.theme.caution}})
		case stopped:
			rim.line = p.theme.alarm
			x := []line{segment(hub.x-r, hub.y-r, hub.x+r, hub.y+r), segment(hub.x-r, hub.y+r, hub.x+r, hub.y-r)}
			p.d.add(disc{hub, r, rim}, trail{lines: x, ink: ink{line: p.theme.alarm, width: 2}})
		case unheard:
			rim.line, rim.dash = p.theme.caution, 2
			p.d.add(disc{hub, r, rim})
		}
		if its := p.alarmsOf(func(a Alarm) bool { return slices.Contains(a.Fans, f.Name) }); len(its) > 0 {
			p.outline(around(hub, fanRow, fanRow), its)
		}
	}
}

// slots draws the cells: those of one colour that follow each other in a row are
// one box, and what is not measured has its pattern.
func (p *tilePlan) slots() {
	var fills []boxes
	for b, c := range p.runs(func(c Cell) any { return p.fill(c) }) {
		fill := p.fill(c)
		i := slices.IndexFunc(fills, func(f boxes) bool { return f.fill == fill })
		if i < 0 {
			i = len(fills)
			fills = append(fills, boxes{fill: fill})
		}
		fills[i].all = append(fills[i].all, b)
	}
	for _, f := range fills {
		p.d.add(f)
	}
	var crosses, hatched, ruled []line
	for b, c := range p.runs(func(c Cell) any { return c.Source }) {
		switch {
		case !c.has():
			crosses = append(crosses, p.crosses(b)...)
		case c.Source == Inferred:
			hatched = append(hatched, hatch(b, 6, true)...)
		case c.Source == Stale:
			ruled = append(ruled, levels(b, 3)...)
		}
	}
	for _, t := range []trail{
		{crosses, ink{line: p.theme.dim, width: 0.8}},
		{hatched, ink{line: p.theme.fieldLine.fade(0.5), width: 0.8}},
		{ruled, ink{line: p.theme.ink.fade(0.5), width: 0.7, dash: 3}},
	} {
		if len(t.lines) > 0 {
			p.d.add(t)
		}
	}
}

// fill returns the colour of a cell, faded as its source asks; in eighths, so that
// cells of like certainty are alike.
func (p *tilePlan) fill(c Cell) colour {
	switch {
	case !c.has():
		return p.theme.panel
	case c.Source == Inferred:
		return p.colour(c.Value).mix(p.theme.veil, math.Round(8*inferredVeil(c.SD))/8)
	}
	return p.under(c)
}

// runs yields the boxes of cells that follow each other in a row and have the same
// key, with the first of them.
func (p *tilePlan) runs(key func(Cell) any) iter.Seq2[box, Cell] {
	return func(yield func(box, Cell) bool) {
		for i := 0; i < len(p.Cells); {
			first, b, end := p.Cells[i], p.cell(i), (i/p.Columns+1)*p.Columns
			for i++; i < end && key(p.Cells[i]) == key(first); i++ {
				b.w += p.cw
			}
			if !yield(b, first) {
				return
			}
		}
	}
}

// crosses returns a cross for each cell of a run.
func (p *tilePlan) crosses(b box) (lines []line) {
	arm := min(4, p.cw/4, p.ch/4)
	for i := range int(math.Round(b.w / p.cw)) {
		m := point{b.x + (float64(i)+0.5)*p.cw, b.y + b.h/2}
		lines = append(lines, segment(m.x-arm, m.y-arm, m.x+arm, m.y+arm), segment(m.x-arm, m.y+arm, m.x+arm, m.y-arm))
	}
	return lines
}

// outlines marks the slots and probes that alarms are about.
func (p *tilePlan) outlines() {
	for i := range p.Cells {
		if its := p.alarmsOf(func(a Alarm) bool { return a.Slot == i+1 }); len(its) > 0 {
			b := p.cell(i)
			p.outline(around(b.middle(), max(b.w, leastOutline), max(b.h, leastOutline)), its)
		}
	}
	for _, q := range p.Probes {
		if its := p.alarmsOf(func(a Alarm) bool { return a.Probe != "" && a.Probe == q.Name }); len(its) > 0 {
			p.outline(around(p.spot(q.X, q.Y), leastOutline, leastOutline), its)
		}
	}
}

// leastOutline is how large an outline is at least, however small its cell.
const leastOutline = 10

// outline is what alarms of a plan draws, for small places.
func (p *tilePlan) outline(b box, alarms []Alarm) {
	pending, critical := true, false
	for _, a := range alarms {
		pending = pending && a.Pending
		critical = critical || a.Severity == "critical"
	}
	rim := ink{line: p.theme.alarm, width: 1.6}
	if critical {
		rim.width = 2.4
	}
	if pending {
		rim.dash = 3
	} else {
		p.d.add(trail{lines: hatch(b, 4, false), ink: ink{line: p.theme.alarm.fade(0.8), width: 1.2}})
	}
	p.d.add(
		rect{box: b, radius: 1.5, ink: ink{line: p.theme.page, width: rim.width + 1.6}},
		rect{box: b, radius: 1.5, ink: rim},
	)
}

// says tells the shelf in words.
func (p *tilePlan) says() string {
	var b strings.Builder
	fmt.Fprintf(&b, "shelf %s: %s", plain(p.Shelf), plain(p.word()))
	if rise := p.rise(); rise != "–" {
		b.WriteString(", rise " + rise)
	}
	hottest := -1
	for i, c := range p.Cells {
		if c.has() && (hottest < 0 || c.Value > p.Cells[hottest].Value) {
			hottest = i
		}
	}
	if hottest >= 0 {
		fmt.Fprintf(&b, ", highest %s %s in slot %d", p.scale.tenths(p.Cells[hottest].Value), p.scale.unit, hottest+1)
	}
	for _, f := range p.Fans {
		if c := conditionOf(f); c != turning {
			fmt.Fprintf(&b, ", fan %s %s", plain(f.Name), c.word())
		}
	}
	if n := len(p.of.Alarms); n > 0 {
		fmt.Fprintf(&b, ", %d %s", n, plural(n, "alarm"))
	}
	return b.String()
}

// word says a condition.
func (c condition) word() string { return [...]string{"ok", "slow", "stopped", "unknown"}[c] }
