package heatmap

import (
	"fmt"
	"math"
	"strings"
)

// A sheet lays out an overview: its headline, its tiles, and the legend of a plan
// that has all cells.
type sheet struct {
	plan
	of *Overview
}

// layOut lays o out as a drawing.
func (o *Overview) layOut(look Look) (*drawing, error) {
	look, err := look.checked()
	if err != nil {
		return nil, err
	}
	if len(o.Racks) == 0 {
		return nil, fmt.Errorf("draw overview of %s: no shelves", o.Site)
	}
	a := o.arrange(look.units() - 2*margin)
	s := &sheet{plan{Map: &Map{Layer: o.Layer}, look: look, theme: look.theme(), scale: o.scale()}, o}
	s.colours = s.scale.colours(look.Palette)
	for _, t := range o.tiles() {
		s.Cells = append(s.Cells, t.Cells...)
	}
	s.d = &drawing{width: a.width + 2*margin, px: look.Width, title: plain(o.headline()), about: o.about()}
	s.d.shapes = make([]shape, 1, 64+32*len(o.tiles())) // the first is the ground
	top := s.title()
	s.put(a, point{margin, top})
	s.d.height = math.Ceil(s.legend(top + a.height))
	s.d.shapes[0] = rect{box: box{0, 0, s.d.width, s.d.height}, ink: ink{fill: s.theme.page}}
	return s.d, nil
}

// name says what the overview is of.
func (o *Overview) name() string {
	if o.Rack != "" {
		return "rack " + o.Site + "/" + o.Rack
	}
	return "site " + o.Site
}

func (o *Overview) headline() string {
	return o.name() + ", " + o.Layer.words() + ", " + stampOf(o.T)
}

// about says in words what the overview shows.
func (o *Overview) about() string {
	var b strings.Builder
	n := len(o.tiles())
	fmt.Fprintf(&b, "%s, seen from above, each with the cold aisle below. ", shelves(n))
	for _, c := range o.counts() {
		fmt.Fprintf(&b, "%d %s. ", c.n, c.word)
	}
	return strings.TrimSpace(b.String())
}

func shelves(n int) string {
	if n == 1 {
		return "1 shelf"
	}
	return fmt.Sprintf("%d shelves", n)
}

// A tally is how many shelves are in a state.
type tally struct {
	n           int
	state, word string
}

// counts returns how many shelves are not ok, by their state, the worst first.
func (o *Overview) counts() []tally {
	var out []tally
	for _, c := range []tally{{0, "critical", "critical"}, {0, "warning", "warning"}, {0, "unknown", "without data"}} {
		for _, t := range o.tiles() {
			if t.State == c.state {
				c.n++
			}
		}
		if c.n > 0 {
			out = append(out, c)
		}
	}
	return out
}

// title draws the headline and returns where it ends.
func (s *sheet) title() float64 {
	const big, below = 28, 16
	id := text{at: point{margin, 44}, words: s.of.name(), size: big, bold: true, colour: s.theme.ink}
	id.words = clip(strings.ToUpper(id.words[:1])+id.words[1:], big*1.12, s.inner())
	layer := text{at: point{margin, 70}, words: s.of.Layer.words(), size: below, colour: s.theme.ink}
	when := text{at: point{margin, 91}, words: stampOf(s.of.T), size: normal, colour: s.theme.dim}
	s.d.add(id, layer, when)
	if beside := id.at.x + id.width() + 14; s.d.width >= 720 {
		s.chips(point{beside, 23})
	} else {
		s.chips(point{margin + when.width() + 14, 76})
	}
	return 108
}

// chips says on small plates how many shelves are not ok, from at on to the right
// as far as there is room.
func (s *sheet) chips(at point) {
	for _, c := range s.of.counts() {
		words := text{words: fmt.Sprintf("%d %s", c.n, c.word), size: normal, bold: true, colour: s.theme.page}
		b := box{at.x, at.y, words.width() + 10, 24}
		if b.x+b.w > s.d.width-margin {
			return
		}
		fill := s.theme.caution
		if c.state == "critical" {
			fill = s.theme.alarm
		}
		s.d.add(rect{box: b, radius: 5, ink: ink{fill: fill}}, words.centred(b.middle()))
		at.x += b.w + 6
	}
}

// put draws racks and tiles where they stand, from a point on.
func (s *sheet) put(a arrangement, from point) {
	for i, place := range a.racks {
		r := s.of.Racks[i]
		name := text{at: point{from.x + place.x + 2, from.y + place.y + 17}, size: normal, bold: true, colour: s.theme.dim}
		name.words = clip(r.Name, normal*1.12, place.w)
		s.d.add(name)
		for k, t := range place.tiles {
			p := tilePlan{of: r.Tiles[k], at: t.moved(from)}
			p.plan = plan{Map: p.of.Map, look: Look{Alarms: p.of.Alarms}, theme: s.theme, scale: s.scale, colours: s.colours, d: s.d}
			p.draw()
		}
	}
}

// moved returns the place with from added.
func (p tilePlace) moved(from point) tilePlace {
	for _, b := range []*box{&p.box, &p.fans, &p.grid} {
		b.x, b.y = b.x+from.x, b.y+from.y
	}
	return p
}
