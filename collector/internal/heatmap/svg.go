package heatmap

import (
	"io"
	"math"
	"strconv"
	"unicode/utf8"
)

// WriteSVG writes m as one SVG document, look.Width px wide.
//
// The document has no script, no style and no reference to anything outside, so
// that it works under a strict content security policy. Slots, probes and fans
// are groups with the attributes data-slot, data-probe and data-fan, and a title
// that says their value. The same map and look give the same bytes.
//
// The error says what is wrong with look, or is w's.
func WriteSVG(w io.Writer, m *Map, look Look) error {
	d, err := layOut(m, look)
	if err != nil {
		return err
	}
	_, err = w.Write(d.svg())
	return err
}

const fontFamily = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

func (d *drawing) svg() []byte {
	b := make([]byte, 0, 128<<10)
	b = append(b, `<svg xmlns="http://www.w3.org/2000/svg"`...)
	b = attribute(b, "width", float64(d.px))
	b = attribute(b, "height", math.Round(d.height*float64(d.px)/d.width))
	b = append(b, ` viewBox="0 0 `...)
	b = appendDecimal(b, d.width)
	b = appendDecimal(append(b, ' '), d.height)
	b = append(b, `" role="img" font-family="`+fontFamily+`"><title>`...)
	b = escape(b, d.title)
	b = append(b, "</title><desc>"...)
	b = escape(b, d.about)
	b = append(b, "</desc>\n"...)
	for _, s := range d.shapes {
		b = append(s.svg(b), '\n')
	}
	return append(b, "</svg>\n"...)
}

func (r rect) svg(b []byte) []byte {
	b = append(b, "<rect"...)
	b = attribute(b, "x", r.x)
	b = attribute(b, "y", r.y)
	b = attribute(b, "width", r.w)
	b = attribute(b, "height", r.h)
	if r.radius > 0 {
		b = attribute(b, "rx", r.radius)
	}
	return append(r.ink.svg(b), "/>"...)
}

func (h hit) svg(b []byte) []byte {
	b = append(b, "<rect"...)
	b = attribute(b, "x", h.x)
	b = attribute(b, "y", h.y)
	b = attribute(b, "width", h.w)
	b = attribute(b, "height", h.h)
	return append(b, ` fill-opacity="0"/>`...)
}

func (c disc) svg(b []byte) []byte {
	b = append(b, "<circle"...)
	b = attribute(b, "cx", c.at.x)
	b = attribute(b, "cy", c.at.y)
	b = attribute(b, "r", c.radius)
	return append(c.ink.svg(b), "/>"...)
}

func (t trail) svg(b []byte) []byte {
	b = append(b, `<path d="`...)
	for _, l := range t.lines {
		for i, p := range l.points {
			switch i {
			case 0:
				b = append(b, 'M')
			case 1:
				b = append(b, 'L')
			default:
				b = append(b, ' ')
			}
			b = appendTenths(b, p.x)
			b = appendTenths(append(b, ' '), p.y)
		}
		if l.closed {
			b = append(b, 'Z')
		}
	}
	b = append(b, '"')
	if t.fill.a > 0 {
		b = append(b, ` fill-rule="evenodd"`...)
	} else {
		b = append(b, ` stroke-linecap="round" stroke-linejoin="round"`...)
	}
	return append(t.ink.svg(b), "/>"...)
}

func (t text) svg(b []byte) []byte {
	b = append(b, "<text"...)
	b = attribute(b, "x", t.at.x)
	b = attribute(b, "y", t.at.y)
	b = attribute(b, "font-size", t.size)
	if t.bold {
		b = append(b, ` font-weight="700"`...)
	}
	b = append(b, [...]string{"", ` text-anchor="middle"`, ` text-anchor="end"`}[t.anchor]...)
	b = append(paint(b, "fill", t.colour), '>')
	return append(escape(b, t.words), "</text>"...)
}

func (g group) svg(b []byte) []byte {
	b = append(b, "<g "...)
	b = append(b, g.data...)
	b = append(escape(append(b, `="`...), g.value), `"><title>`...)
	return append(escape(b, g.title), "</title>"...)
}

func (groupEnd) svg(b []byte) []byte { return append(b, "</g>"...) }

func (s bands) svg(b []byte) []byte {
	for i, t := range s.trails() {
		if i > 0 {
			b = append(b, '\n')
		}
		b = t.svg(b)
	}
	return b
}

// svg appends the presentation attributes of an ink.
func (k ink) svg(b []byte) []byte {
	if k.fill.a == 0 {
		b = append(b, ` fill="none"`...)
	} else {
		b = paint(b, "fill", k.fill)
	}
	if k.line.a == 0 || k.width == 0 {
		return b
	}
	b = paint(b, "stroke", k.line)
	if k.width != 1 {
		b = attribute(b, "stroke-width", k.width)
	}
	if k.dash > 0 {
		b = attribute(b, "stroke-dasharray", k.dash)
	}
	return b
}

// paint appends a colour as one attribute, or two if it is not opaque.
func paint(b []byte, name string, c colour) []byte {
	const digits = "0123456789abcdef"
	b = append(append(append(b, ' '), name...), `="#`...)
	for _, v := range [3]uint8{c.r, c.g, c.b} {
		b = append(b, digits[v>>4], digits[v&15])
	}
	b = append(b, '"')
	if c.a < 255 {
		b = append(append(append(b, ' '), name...), `-opacity="`...)
		b = append(appendDecimal(b, float64(c.a)/255), '"')
	}
	return b
}

func attribute(b []byte, name string, v float64) []byte {
	b = append(append(append(b, ' '), name...), `="`...)
	return append(appendDecimal(b, v), '"')
}

// appendTenths appends v rounded to 0.1, enough for a point of a curve.
func appendTenths(b []byte, v float64) []byte {
	n := int64(math.Round(v * 10))
	if n < 0 {
		b, n = append(b, '-'), -n
	}
	b = strconv.AppendInt(b, n/10, 10)
	if n%10 != 0 {
		b = append(b, '.', byte('0'+n%10))
	}
	return b
}

// escape appends s as XML character data that may also stand in an attribute.
// What XML has no place for becomes U+FFFD.
func escape(b []byte, s string) []byte {
	for _, r := range s {
		switch {
		case r == '<':
			b = append(b, "&lt;"...)
		case r == '>':
			b = append(b, "&gt;"...)
		case r == '&':
			b = append(b, "&amp;"...)
		case r == '"':
			b = append(b, "&#34;"...)
		case r == '\'':
			b = append(b, "&#39;"...)
		case r < ' ' || r == 0xfffe || r == 0xffff:
			b = utf8.AppendRune(b, utf8.RuneError)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}
