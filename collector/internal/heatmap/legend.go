package heatmap

import "math"

// legend draws the bar of colours with its marks, and the key to what cells look
// like, from y on. It returns where the drawing ends.
func (p *plan) legend(y float64) float64 {
	bar := box{margin, y + 36, p.inner(), barHeight}
	p.bar(bar)
	p.span(bar)
	p.marks(bar)
	return p.key(bar.y+bar.h+38) + 18
}

// bar draws the colours, one box a band.
func (p *plan) bar(b box) {
	first := p.scale.band(p.scale.lo)
	for i, c := range p.colours {
		x0 := b.x + p.scale.share(float64(first+i)*p.scale.step)*b.w
		x1 := b.x + p.scale.share(float64(first+i+1)*p.scale.step)*b.w
		if x1 > x0 {
			p.d.add(rect{box: box{x0, b.y, x1 - x0 + 0.5, b.h}, ink: ink{fill: c}})
		}
	}
	p.d.add(rect{box: b, ink: ink{line: p.theme.dim, width: 1}})
}

// span brackets the values that the map shows at present.
func (p *plan) span(b box) {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, c := range p.Cells {
		if c.has() {
			lo, hi = min(lo, c.Value), max(hi, c.Value)
		}
	}
	if lo > hi {
		return
	}
	x0, x1 := b.x+p.scale.share(lo)*b.w, b.x+p.scale.share(hi)*b.w
	y := b.y - 4
	p.d.add(trail{lines: []line{{points: []point{{x0, y + 3}, {x0, y - 1}, {x1, y - 1}, {x1, y + 3}}}}, ink: ink{line: p.theme.ink, width: 2}})
	words := text{words: "now " + p.scale.span(lo, hi), size: small, bold: true, colour: p.theme.ink}
	half := words.width() / 2
	p.d.add(words.centred(point{min(max((x0+x1)/2, b.x+half), b.x+b.w-half), y - 11}))
}

// marks labels the values below the bar. A mark that finds no room keeps its
// tick; named ones choose first.
func (p *plan) marks(b box) {
	var taken []box
	for _, named := range []bool{true, false} {
		for _, m := range p.scale.marks {
			if m.at < p.scale.lo || m.at > p.scale.hi || named != (m.name != "") {
				continue
			}
			x := b.x + p.scale.share(m.at)*b.w
			p.d.add(trail{lines: []line{segment(x, b.y, x, b.y+b.h+5)}, ink: ink{line: p.theme.ink, width: 1.2}})
			t := p.markText(m)
			half := t.width() / 2
			at := point{min(max(x, b.x+half), b.x+b.w-half), b.y + b.h + 14}
			if room := around(at, t.width()+4, small); !overlapsAny(room, taken) {
				taken = append(taken, room)
				p.d.add(t.centred(at))
			}
		}
	}
}

// markText says a mark's value, its unit at the lower end, and its name.
func (p *plan) markText(m mark) text {
	words := number(m.at)
	switch {
	case m.at == p.scale.lo:
		words += " " + p.scale.unit
	case m.name != "":
		words += " " + m.name
	}
	return text{words: words, size: small, bold: m.name != "", colour: p.theme.ink}
}

func overlapsAny(b box, others []box) bool {
	for _, o := range others {
		if o.overlaps(b) {
			return true
		}
	}
	return false
}

// key explains the looks of cells, in as many lines as it takes, and returns the
// end of the last.
func (p *plan) key(y float64) float64 {
	value := p.scale.lo + 0.4*(p.scale.hi-p.scale.lo)
	full := ink{fill: p.colour(value)}
	x := float64(margin)
	for _, k := range []struct {
		words string
		draw  func(b box)
	}{
		{"measured", func(b box) { p.d.add(rect{box: b, ink: full}) }},
		{"guessed", func(b box) { p.d.add(rect{box: b, ink: full}); p.inferred(b, 1) }},
		{"stale", func(b box) { p.d.add(rect{box: b, ink: full}); p.stale(b, 0) }},
		{"no data", func(b box) { p.missing(b, 0) }},
		{"alarm", func(b box) { p.d.add(rect{box: b, ink: full}); p.alarms(b, []Alarm{{}}) }},
		{"alarm pending", func(b box) { p.d.add(rect{box: b, ink: full}); p.alarms(b, []Alarm{{Pending: true}}) }},
	} {
		const swatch, tall, gap = 30, 20, 22
		t := text{words: k.words, size: small + 1, colour: p.theme.dim}
		if x+swatch+8+t.width() > p.d.width-margin {
			x, y = margin, y+tall+8
		}
		b := box{x, y - tall/2, swatch, tall}
		k.draw(b)
		t.at = point{x + swatch + 8, y + 4.5}
		p.d.add(t)
		x += swatch + 8 + t.width() + gap
	}
	return y + 10
}
