package heatmap

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"iter"
	"math"
	"time"

	"golang.org/x/image/vector"
)

// An Animation says how maps become a moving picture that repeats for ever.
type Animation struct {
	Look   Look
	Frames int           // how many maps there are, at least 1
	Height int           // px, of the tallest of them, see Height; lower ones have ground below
	Delay  time.Duration // from one map to the next, in steps of 10 ms up to a minute
}

func (a Animation) check() (Animation, error) {
	var err error
	a.Look, err = a.Look.checked()
	switch {
	case err != nil:
	case a.Frames < 1:
		err = errors.New("animate map: there is no frame")
	case a.Height < 1 || a.Height > math.MaxUint16:
		err = fmt.Errorf("animate map: height %d: want 1 to %d px", a.Height, math.MaxUint16)
	case a.Delay < 10*time.Millisecond || a.Delay > time.Minute:
		err = fmt.Errorf("animate map: delay %v: want 10 ms to a minute", a.Delay)
	}
	return a, err
}

// hundredths is the delay in 1/100 s.
func (a Animation) hundredths() uint16 { return uint16(a.Delay / (10 * time.Millisecond)) }

// Height returns how high the image of a map is, in px. It depends on the shelf and
// the look, and not on what was measured. The error says what is wrong with either.
func Height(m *Map, look Look) (int, error) {
	d, err := layOut(m, look)
	if err != nil {
		return 0, err
	}
	return d.pixels().Y, nil
}

// pixels is the size of the image.
func (d *drawing) pixels() image.Point {
	return image.Pt(d.px, int(math.Round(d.height*float64(d.px)/d.width)))
}

// A format writes the parts of a moving picture. The first still is the whole image.
type format interface {
	begin() error
	still(s still) error
	end() error
}

// A still is one image of a moving picture: what has changed since the one before.
type still struct {
	img  *image.RGBA // opaque
	last *image.RGBA // the one before; nil for the first
	area image.Rectangle

	colours []colour // of values and theme: what must not become another
}

// changed tells whether the pixel that begins at i of Pix has.
func (s still) changed(i int) bool {
	if s.last == nil {
		return true
	}
	return binary.LittleEndian.Uint32(s.img.Pix[i:]) != binary.LittleEndian.Uint32(s.last.Pix[i:])
}

// animate draws one map after the other, and holds two of them at a time.
func animate(maps iter.Seq2[*Map, error], a Animation, to format) error {
	setter, err := newTypesetter()
	if err != nil {
		return fmt.Errorf("animate map: %w", err)
	}
	p := &painter{raster: vector.NewRasterizer(0, 0), setter: setter}
	var last, spare *image.RGBA
	n := 0
	for m, err := range maps {
		if err != nil {
			return err
		}
		if n == 0 {
			if err := to.begin(); err != nil {
				return err
			}
		}
		if n++; n > a.Frames {
			return fmt.Errorf("animate map: more than the %d frames that were announced", a.Frames)
		}
		if p.img = spare; spare == nil {
			p.img = image.NewRGBA(image.Rect(0, 0, a.Look.Width, a.Height))
		}
		if err := a.paint(m, p); err != nil {
			return err
		}
		if err := to.still(still{p.img, last, difference(p.img, last), a.colours(m)}); err != nil {
			return err
		}
		last, spare = p.img, last
	}
	if n < a.Frames {
		return fmt.Errorf("animate map: %d of the %d frames that were announced", n, a.Frames)
	}
	return to.end()
}

// paint draws a map over the whole image of p.
func (a Animation) paint(m *Map, p *painter) error {
	d, err := layOut(m, a.Look)
	if err != nil {
		return err
	}
	if high := d.pixels().Y; high > a.Height {
		return fmt.Errorf("animate map: a map of %d px in an image of %d", high, a.Height)
	}
	p.scale = float64(d.px) / d.width
	p.blank(a.Look.theme().page)
	for _, s := range d.shapes {
		s.paint(p)
	}
	return nil
}

// colours returns those of a map's values and of what surrounds them.
func (a Animation) colours(m *Map) []colour {
	t := a.Look.theme()
	return append(scaleOf(m.Layer, m.Limits).colours(a.Look.Palette),
		t.page, t.panel, t.ink, t.dim, t.rule, t.hot, t.hotInk, t.cold, t.coldInk, t.alarm, t.caution)
}

// difference returns the least rectangle that holds all pixels in which two images
// differ, never an empty one; all of it without a last.
func difference(img, last *image.RGBA) image.Rectangle {
	if last == nil {
		return img.Rect
	}
	area := image.Rectangle{}
	s := still{img: img, last: last}
	for y := range img.Rect.Dy() {
		row := y * img.Stride
		if bytes.Equal(img.Pix[row:row+img.Stride], last.Pix[row:row+img.Stride]) {
			continue
		}
		left, right := 0, img.Rect.Dx()
		for !s.changed(row + 4*left) {
			left++
		}
		for !s.changed(row + 4*(right-1)) {
			right--
		}
		area = area.Union(image.Rect(left, y, right, y+1))
	}
	if area.Empty() {
		return image.Rect(0, 0, 1, 1)
	}
	return area
}

// WriteAPNG writes maps as one animated PNG, which what knows no animation shows as
// its first map. It reads maps one by one and keeps none.
//
// The error is that of maps, or w's, or says what is wrong with a.
//
// Format: W3C, Portable Network Graphics, third edition.
func WriteAPNG(w io.Writer, maps iter.Seq2[*Map, error], a Animation) error {
	a, err := a.check()
	if err != nil {
		return err
	}
	return animate(maps, a, &apng{out: w, Animation: a})
}

// WriteGIF writes maps as one animated GIF. It reads maps one by one and keeps none.
//
// A frame has up to 255 colours: those of the scale and the theme, then those that
// most pixels have. All others are replaced by the nearest; nothing is dithered.
//
// The error is that of maps, or w's, or says what is wrong with a.
//
// Format: CompuServe, Graphics Interchange Format, version 89a.
func WriteGIF(w io.Writer, maps iter.Seq2[*Map, error], a Animation) error {
	a, err := a.check()
	if err != nil {
		return err
	}
	return animate(maps, a, &gif{out: w, Animation: a})
}
