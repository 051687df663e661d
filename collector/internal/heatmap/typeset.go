package heatmap

import (
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// em is the size in which glyphs are kept, in px.
const em = 1000

// A typesetter sets texts in the Go fonts. It keeps the glyphs that it has met.
type typesetter struct {
	fonts  [2]*sfnt.Font // regular, bold
	buffer sfnt.Buffer
	glyphs map[glyphKey]glyph
}

type glyphKey struct {
	r    rune
	bold bool
}

// A glyph is the shape of a rune at a size of one em.
type glyph struct {
	segments sfnt.Segments
	advance  float64
}

func newTypesetter() (*typesetter, error) {
	t := &typesetter{glyphs: make(map[glyphKey]glyph)}
	for i, ttf := range [2][]byte{goregular.TTF, gobold.TTF} {
		f, err := sfnt.Parse(ttf)
		if err != nil {
			return nil, err
		}
		t.fonts[i] = f
	}
	return t, nil
}

// set paints one text.
func (t *typesetter) set(p *painter, s text) {
	var length float64
	for _, r := range s.words {
		length += t.glyph(glyphKey{r, s.bold}).advance
	}
	size := s.size * p.scale / em
	x := s.at.x*p.scale - [...]float64{0, 0.5, 1}[s.anchor]*length*size
	var o outline
	for _, r := range s.words {
		g := t.glyph(glyphKey{r, s.bold})
		o.glyph(g, point{x, s.at.y * p.scale}, size)
		x += g.advance * size
	}
	p.cover(&o, s.colour)
}

// glyph returns the glyph of a rune; that of a rune that the font lacks is its
// empty box.
func (t *typesetter) glyph(k glyphKey) glyph {
	g, ok := t.glyphs[k]
	if ok {
		return g
	}
	f := t.fonts[0]
	if k.bold {
		f = t.fonts[1]
	}
	// Errors mean a damaged font. The fonts are part of the program, and what
	// cannot be read stays blank.
	index, _ := f.GlyphIndex(&t.buffer, k.r)
	segments, _ := f.LoadGlyph(&t.buffer, index, fixed.I(em), nil)
	g.segments = append(g.segments, segments...) // the buffer owns the others
	advance, _ := f.GlyphAdvance(&t.buffer, index, fixed.I(em), font.HintingNone)
	g.advance = float64(advance) / 64
	t.glyphs[k] = g
	return g
}

// glyph adds a glyph at a place, in px, size times as large.
func (o *outline) glyph(g glyph, at point, size float64) {
	place := func(p fixed.Point26_6) point {
		return point{at.x + float64(p.X)/64*size, at.y + float64(p.Y)/64*size}
	}
	for _, s := range g.segments {
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			o.moveTo(place(s.Args[0]))
		case sfnt.SegmentOpLineTo:
			o.lineTo(place(s.Args[0]))
		case sfnt.SegmentOpQuadTo:
			o.curveTo(place(s.Args[0]), place(s.Args[1]))
		}
	}
}
