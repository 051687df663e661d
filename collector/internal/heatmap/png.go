package heatmap

import (
	"fmt"
	"image"
	"image/draw"
	"io"
	"math"

	"golang.org/x/image/vector"
)

// WritePNG writes m as one PNG image, look.Width px wide: what WriteSVG draws, in
// the Go fonts. The error says what is wrong with look, or is w's.
func WritePNG(w io.Writer, m *Map, look Look) error {
	d, err := layOut(m, look)
	if err != nil {
		return err
	}
	return d.png(w, look.theme().page)
}

// png writes the drawing on a ground.
func (d *drawing) png(w io.Writer, ground colour) error {
	p, err := newPainter(d)
	if err != nil {
		return fmt.Errorf("draw map: %w", err)
	}
	p.blank(ground)
	for _, s := range d.shapes {
		s.paint(p)
	}
	return encodePNG(w, p.img)
}

// blank fills the whole image: the last row of pixels may be in the drawing in part
// only.
func (p *painter) blank(c colour) {
	for y := range p.img.Rect.Dy() {
		p.span(0, p.img.Rect.Dx(), y, c)
	}
}

// A painter paints shapes into an image.
type painter struct {
	img    *image.RGBA
	scale  float64 // px a unit
	raster *vector.Rasterizer
	mask   []uint8 // scratch of cover
	setter *typesetter
}

func newPainter(d *drawing) (*painter, error) {
	t, err := newTypesetter()
	if err != nil {
		return nil, err
	}
	scale := float64(d.px) / d.width
	return &painter{
		img:    image.NewRGBA(image.Rect(0, 0, d.px, int(math.Round(d.height*scale)))),
		scale:  scale,
		raster: vector.NewRasterizer(0, 0),
		setter: t,
	}, nil
}

func (r rect) paint(p *painter) {
	if r.radius == 0 {
		p.fillBox(r.box, r.fill)
		if r.line.a > 0 {
			p.frame(r)
		}
		return
	}
	outline := []line{{r.round(), true}}
	p.fill(outline, r.fill)
	p.stroke(outline, r.ink)
}

func (c disc) paint(p *painter) {
	outline := []line{{circle(c.at, c.radius, 32), true}}
	p.fill(outline, c.fill)
	p.stroke(outline, c.ink)
}

func (t trail) paint(p *painter) {
	p.fill(t.lines, t.fill)
	p.stroke(t.lines, t.ink)
}

func (t text) paint(p *painter) { p.setter.set(p, t) }

func (group) paint(*painter)    {}
func (groupEnd) paint(*painter) {}

// paint looks up each pixel. It interpolates along the rows of nodes first.
func (s bands) paint(p *painter) {
	x0, y0, x1, y1 := p.pixels(s.box)
	unit := 1 / p.scale
	across := samples(s.surface.xs, float64(x0)*unit, unit, x1-x0)
	// the side rises with y downwards only when it is read from its end
	along := samples(s.surface.ys, float64(y1)*unit, -unit, y1-y0)
	row := make([]float64, s.surface.w)
	first, most := s.scale.band(s.scale.lo), len(s.colours)-1
	perStep := 1 / s.scale.step
	for k, a := range along {
		front := s.surface.values[a.i*s.surface.w:]
		back := front[s.surface.w:]
		for i := range row {
			row[i] = front[i] + (back[i]-front[i])*a.share
		}
		y := y1 - 1 - k
		for n, b := range across {
			v := row[b.i] + (row[b.i+1]-row[b.i])*b.share
			p.set(x0+n, y, s.colours[min(max(int(v*perStep)-first, 0), most)])
		}
	}
}

// pixels returns a box in whole pixels, within the image.
func (p *painter) pixels(b box) (x0, y0, x1, y1 int) {
	r := image.Rect(p.round(b.x), p.round(b.y), p.round(b.x+b.w), p.round(b.y+b.h)).Intersect(p.img.Rect)
	return r.Min.X, r.Min.Y, r.Max.X, r.Max.Y
}

func (p *painter) round(v float64) int { return int(math.Round(v * p.scale)) }

// set makes a pixel opaque in c.
func (p *painter) set(x, y int, c colour) {
	i := y*p.img.Stride + 4*x
	px := p.img.Pix[i : i+4 : i+4]
	px[0], px[1], px[2], px[3] = c.r, c.g, c.b, 255
}

// blend lays c over a pixel with an opacity a of 0 to 65535.
func (p *painter) blend(x, y int, c colour, a uint32) {
	i := y*p.img.Stride + 4*x
	px := p.img.Pix[i : i+4 : i+4]
	for k, v := range [3]uint8{c.r, c.g, c.b} {
		px[k] = uint8((uint32(v)*a + uint32(px[k])*(65535-a)) / 65535)
	}
	px[3] = 255
}

// fillBox fills an upright rectangle, with its edges covering parts of pixels.
func (p *painter) fillBox(b box, c colour) {
	if c.a == 0 {
		return
	}
	x0, x1 := max(b.x*p.scale, 0), min((b.x+b.w)*p.scale, float64(p.img.Rect.Dx()))
	y0, y1 := max(b.y*p.scale, 0), min((b.y+b.h)*p.scale, float64(p.img.Rect.Dy()))
	for y := int(y0); float64(y) < y1; y++ {
		down := min(y1, float64(y+1)) - max(y0, float64(y))
		inner, outer := int(math.Ceil(x0)), int(x1) // whole pixels
		whole := down == 1 && c.a == 255 && inner < outer
		if whole {
			p.span(inner, outer, y, c)
		}
		for x := int(x0); float64(x) < x1; x++ {
			if whole && x == inner {
				x = outer
			}
			if cover := down * (min(x1, float64(x+1)) - max(x0, float64(x))); cover > 0 {
				p.blend(x, y, c, uint32(float64(c.a)*cover*257+0.5))
			}
		}
	}
}

// span makes the pixels of a row from x0 to before x1 opaque in c.
func (p *painter) span(x0, x1, y int, c colour) {
	p.set(x0, y, c)
	row := p.img.Pix[y*p.img.Stride+4*x0 : y*p.img.Stride+4*x1]
	for done := 4; done < len(row); done *= 2 {
		copy(row[done:], row[:done])
	}
}

// frame draws the line of a rect with square corners.
func (p *painter) frame(r rect) {
	if r.dash > 0 {
		p.stroke([]line{{r.corners(), true}}, r.ink)
		return
	}
	w := r.width
	out, in := r.inset(-w/2), r.inset(w/2)
	p.fillBox(box{out.x, out.y, out.w, w}, r.line)
	p.fillBox(box{out.x, in.y + in.h, out.w, w}, r.line)
	p.fillBox(box{out.x, in.y, w, in.h}, r.line)
	p.fillBox(box{in.x + in.w, in.y, w, in.h}, r.line)
}

// fill fills polygons that do not overlap each other.
func (p *painter) fill(lines []line, c colour) {
	if c.a == 0 {
		return
	}
	var o outline
	for _, l := range lines {
		o.polygon(l.points, p.scale)
	}
	p.cover(&o, c)
}

// stroke draws along lines.
func (p *painter) stroke(lines []line, k ink) {
	if k.line.a == 0 || k.width == 0 {
		return
	}
	var o outline
	for _, l := range lines {
		for _, dash := range dashes(l, k.dash) {
			o.along(dash, k.width, p.scale)
		}
	}
	p.cover(&o, k.line)
}

// cover paints what an outline encloses. Parts outside the image are lost.
func (p *painter) cover(o *outline, c colour) {
	area := o.bounds().Intersect(p.img.Rect)
	if area.Empty() {
		return
	}
	p.raster.Reset(area.Dx(), area.Dy())
	p.raster.DrawOp = draw.Src
	o.replay(p.raster, area)
	mask := p.cleanMask(area.Size())
	p.raster.Draw(mask, mask.Rect, image.Opaque, image.Point{})
	for y := range area.Dy() {
		for x, m := range mask.Pix[y*mask.Stride:][:area.Dx()] {
			if m != 0 {
				p.blend(area.Min.X+x, area.Min.Y+y, c, uint32(c.a)*uint32(m)*65535/(255*255))
			}
		}
	}
}

// cleanMask returns a mask of that size. Most of what an outline spans is not
// covered: to look for what is takes less time than to blend all of it.
func (p *painter) cleanMask(size image.Point) *image.Alpha {
	n := size.X * size.Y
	if cap(p.mask) < n {
		p.mask = make([]uint8, n)
	}
	return &image.Alpha{Pix: p.mask[:n], Stride: size.X, Rect: image.Rectangle{Max: size}}
}

func (hit) paint(*painter) {}
