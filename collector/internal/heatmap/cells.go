package heatmap

import (
	"math"
	"strconv"
)

// cells draws every slot: its tile or what covers the air there, its number and
// its alarms.
func (p *plan) cells() {
	if p.Field != nil {
		p.gridLines()
	}
	alarms := make(map[int][]Alarm)
	for _, a := range p.look.Alarms {
		if a.Slot > 0 {
			alarms[a.Slot] = append(alarms[a.Slot], a)
		}
	}
	for i, c := range p.Cells {
		b := p.cell(i)
		p.d.add(group{"data-slot", strconv.Itoa(c.Slot), p.says(c)})
		if p.Field != nil {
			p.airCell(b, c)
		} else {
			p.tile(b, c)
		}
		p.alarms(b.inset(1.5), alarms[c.Slot])
		p.cellNumber(b, c, len(alarms[c.Slot]) > 0)
		p.slotNumber(b, c, len(alarms[c.Slot]) > 0)
		p.d.add(groupEnd{})
	}
}

// says is what a reader that speaks, or a pointer held over it, tells of a cell.
func (p *plan) says(c Cell) string {
	words := "slot " + strconv.Itoa(c.Slot) + ": "
	if !c.has() {
		return words + "no value"
	}
	words += p.scale.tenths(c.Value) + " " + p.scale.unit
	switch c.Source {
	case Inferred:
		words += " ± " + tenths(c.SD) + ", guessed"
	case Stale:
		words += ", stale"
	}
	return words
}

func (p *plan) gridLines() {
	g := p.grid
	var lines []line
	for i := 1; i < p.Columns; i++ {
		x := g.x + float64(i)*p.cw
		lines = append(lines, segment(x, g.y, x, g.y+g.h))
	}
	for i := 1; i < p.Depth; i++ {
		y := g.y + float64(i)*p.ch
		lines = append(lines, segment(g.x, y, g.x+g.w, y))
	}
	p.d.add(
		trail{lines: lines, ink: ink{line: p.theme.fieldLine.fade(0.28), width: 0.8}},
		rect{box: g, ink: ink{line: p.theme.dim, width: 1.2}},
	)
}

// airCell covers the field as far as the air in the cell is not known. It always
// draws something, because scripts need a place to point at.
func (p *plan) airCell(b box, c Cell) {
	switch {
	case !c.has():
		p.missing(b, 0)
	case c.Source == Stale:
		p.stale(b, 0)
	case c.Source == Inferred:
		p.inferred(b, c.SD)
	default:
		p.d.add(hit{b})
	}
}

// tile draws a cell of a layer without a field.
func (p *plan) tile(b box, c Cell) {
	gap := min(1.5, p.cw/8, p.ch/8)
	b = b.inset(gap)
	radius := min(4, p.cw/6, p.ch/6)
	if !c.has() {
		p.missing(b, radius)
		return
	}
	p.d.add(rect{box: b, radius: radius, ink: ink{fill: p.colour(c.Value)}})
	if c.Source == Stale {
		p.stale(b, radius)
	}
}

// slotNumber prints the number of a slot into its corner, where there is room.
// Over air it would be one number too many, but for an alarm.
func (p *plan) slotNumber(b box, c Cell, alarmed bool) {
	if b.w < 50 || b.h < 38 || !c.has() || p.Field != nil && !alarmed {
		return
	}
	t := text{words: strconv.Itoa(c.Slot), size: 9, colour: contrast(p.under(c)).fade(0.75)}
	plate := box{b.x + 5, b.y + 4, t.width() + 3, 11}
	if alarmed || c.Source == Stale {
		p.d.add(rect{box: plate, radius: 2, ink: ink{fill: p.theme.page.fade(0.88)}})
		t.colour = p.theme.ink
	}
	p.d.add(t.centred(plate.middle()))
}

// under returns the colour that a cell's number stands on.
func (p *plan) under(c Cell) colour {
	veil := 0.0
	switch c.Source {
	case Stale:
		veil = staleVeil
	case Inferred:
		veil = inferredVeil(c.SD)
	}
	return p.colour(c.Value).mix(p.theme.veil, veil)
}

// contrast returns the colour for text on c.
func contrast(c colour) colour {
	if c.bright() {
		return shade()
	}
	return hex(0xffffff)
}

// staleVeil is how much a stale cell is faded, 0 to 1.
const staleVeil = 0.55

// inferredVeil is how much a guessed cell is faded, by how uncertain it is.
func inferredVeil(sd float64) float64 { return 0.05 + 0.45*min(sd/inferredSD, 1) }

// missing is an empty, crossed-out cell.
func (p *plan) missing(b box, radius float64) {
	p.d.add(rect{box: b, radius: radius, ink: ink{fill: p.theme.panel, line: p.theme.rule, width: 1}})
	if arm := min(6, b.w/4, b.h/4); arm > 1 {
		m := b.middle()
		p.d.add(trail{
			lines: []line{segment(m.x-arm, m.y-arm, m.x+arm, m.y+arm), segment(m.x-arm, m.y+arm, m.x+arm, m.y-arm)},
			ink:   ink{line: p.theme.dim, width: 1.4},
		})
	}
}

// stale fades what is below and rules it.
func (p *plan) stale(b box, radius float64) {
	p.d.add(rect{box: b, radius: radius, ink: ink{fill: p.theme.veil.fade(staleVeil)}})
	if lines := levels(b, 6); len(lines) > 0 {
		p.d.add(trail{lines: lines, ink: ink{line: p.theme.ink.fade(0.5), width: 1, dash: 4}})
	}
}

// inferred hatches what is below, and fades it by how uncertain it is.
func (p *plan) inferred(b box, sd float64) {
	p.d.add(rect{box: b, ink: ink{fill: p.theme.veil.fade(inferredVeil(sd))}})
	if lines := hatch(b, 9, true); len(lines) > 0 {
		p.d.add(trail{lines: lines, ink: ink{line: p.theme.fieldLine.fade(0.5), width: 1}})
	}
}

// cellNumber prints a cell's value, where it fits and nothing else stands.
func (p *plan) cellNumber(b box, c Cell, alarmed bool) {
	if !c.has() || p.Field != nil && !p.look.Numbers && !alarmed {
		return
	}
	words := p.scale.tenths(c.Value)
	size := min(16, math.Floor(b.h*0.44), math.Floor((b.w-4)/roomFor(words, 1.12)))
	if size < 9 {
		return
	}
	pill := around(b.middle(), roomFor(words, 1.12*size)+4, size+6)
	for _, t := range p.taken {
		if t.overlaps(pill) {
			return
		}
	}
	t := text{words: words, size: size, bold: c.Source == Measured, colour: contrast(p.under(c))}
	switch {
	case alarmed || c.Source == Stale:
		p.d.add(rect{box: pill, radius: 3, ink: ink{fill: p.theme.page.fade(0.88)}})
		t.colour = p.theme.ink
	case p.Field != nil: // lines pause for a number
		p.d.add(rect{box: pill, radius: 3, ink: ink{fill: p.under(c).fade(0.8)}})
	}
	p.d.add(t.centred(b.middle()))
}
