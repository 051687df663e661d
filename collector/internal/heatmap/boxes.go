package heatmap

import "math"

// A boxes is any number of upright rectangles of one colour that fill whole
// pixels, so that neighbours touch without a seam.
type boxes struct {
	all  []box
	fill colour
}

func (s boxes) svg(b []byte) []byte {
	b = append(b, `<path d="`...)
	for _, one := range s.all {
		b = appendTenths(append(b, 'M'), one.x)
		b = appendTenths(append(b, ' '), one.y)
		b = appendTenths(append(b, 'h'), tenth(one.x+one.w)-tenth(one.x))
		b = appendTenths(append(b, 'v'), tenth(one.y+one.h)-tenth(one.y))
		b = appendTenths(append(b, 'h'), tenth(one.x)-tenth(one.x+one.w))
		b = append(b, 'z')
	}
	b = append(b, `" shape-rendering="crispEdges"`...)
	return append(paint(b, "fill", s.fill), "/>"...)
}

func (s boxes) paint(p *painter) {
	for _, one := range s.all {
		x0, y0, x1, y1 := p.pixels(one)
		for y := y0; y < y1 && x0 < x1; y++ {
			p.span(x0, x1, y, s.fill)
		}
	}
}

// tenth rounds to what a path holds.
func tenth(v float64) float64 { return math.Round(v*10) / 10 }

// A link leads somewhere from what follows, until its linkEnd. An image has none.
type link struct{ to string }

type linkEnd struct{}

func (l link) svg(b []byte) []byte {
	return append(escape(append(b, `<a href="`...), l.to), `">`...)
}

func (linkEnd) svg(b []byte) []byte { return append(b, "</a>"...) }

func (link) paint(*painter)    {}
func (linkEnd) paint(*painter) {}
