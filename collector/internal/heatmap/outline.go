package heatmap

import (
	"image"
	"math"

	"golang.org/x/image/vector"
)

// An outline is what a rasteriser is to fill, in px.
type outline struct {
	steps  []step
	lo, hi point
}

// A step goes to a point, straight or by one control point.
type step struct {
	move, curve bool
	control, to point
}

func (o *outline) moveTo(p point) { o.add(step{move: true, to: p}) }
func (o *outline) lineTo(p point) { o.add(step{to: p}) }

func (o *outline) curveTo(control, p point) { o.add(step{curve: true, control: control, to: p}) }

func (o *outline) add(s step) {
	if len(o.steps) == 0 {
		o.lo, o.hi = s.to, s.to
	}
	o.include(s.to)
	if s.curve {
		o.include(s.control)
	}
	o.steps = append(o.steps, s)
}

func (o *outline) include(p point) {
	o.lo = point{min(o.lo.x, p.x), min(o.lo.y, p.y)}
	o.hi = point{max(o.hi.x, p.x), max(o.hi.y, p.y)}
}

// bounds returns the pixels that the outline may touch.
func (o *outline) bounds() image.Rectangle {
	if len(o.steps) == 0 {
		return image.Rectangle{}
	}
	return image.Rect(int(math.Floor(o.lo.x)), int(math.Floor(o.lo.y)), int(math.Ceil(o.hi.x)), int(math.Ceil(o.hi.y)))
}

// replay draws the outline into a rasteriser of an area, held within its edges.
func (o *outline) replay(r *vector.Rasterizer, area image.Rectangle) {
	hold := func(p point) (x, y float32) {
		x = float32(min(max(p.x-float64(area.Min.X), 0), float64(area.Dx())))
		y = float32(min(max(p.y-float64(area.Min.Y), 0), float64(area.Dy())))
		return x, y
	}
	for i, s := range o.steps {
		x, y := hold(s.to)
		switch {
		case s.move:
			if i > 0 {
				r.ClosePath()
			}
			r.MoveTo(x, y)
		case s.curve:
			cx, cy := hold(s.control)
			r.QuadTo(cx, cy, x, y)
		default:
			r.LineTo(x, y)
		}
	}
	r.ClosePath()
}

// polygon adds a closed polygon given in units.
func (o *outline) polygon(points []point, scale float64) {
	for i, p := range points {
		p = point{p.x * scale, p.y * scale}
		if i == 0 {
			o.moveTo(p)
		} else {
			o.lineTo(p)
		}
	}
}

// along adds a line of some width, in units: one outline around it, so that no
// part of it counts twice.
func (o *outline) along(l line, width, scale float64) {
	points := distinct(l)
	if len(points) < 2 {
		return
	}
	left := make([]point, len(points))
	right := make([]point, len(points))
	for i, p := range points {
		n := side(points, i, l.closed)
		left[i] = point{p.x + n.x*width/2, p.y + n.y*width/2}
		right[len(points)-1-i] = point{p.x - n.x*width/2, p.y - n.y*width/2}
	}
	if l.closed {
		o.polygon(left, scale)
		o.polygon(right, scale)
		return
	}
	o.polygon(append(left, right...), scale)
}

// distinct returns the points of l without immediate repetitions.
func distinct(l line) []point {
	var out []point
	for _, p := range l.points {
		if len(out) == 0 || p != out[len(out)-1] {
			out = append(out, p)
		}
	}
	if n := len(out); l.closed && n > 1 && out[0] == out[n-1] {
		out = out[:n-1]
	}
	return out
}

// side returns how far the edge of a line of width 2 is from its point i: along
// the normal, at a corner along the mitre.
func side(points []point, i int, closed bool) point {
	n := len(points)
	before, after := points[max(i-1, 0)], points[min(i+1, n-1)]
	if closed {
		before, after = points[(i+n-1)%n], points[(i+1)%n]
	}
	a, b := unitNormal(before, points[i]), unitNormal(points[i], after)
	switch {
	case before == points[i]:
		return b
	case after == points[i]:
		return a
	}
	const sharpest = 0.5 // longer mitres are cut
	sum := point{a.x + b.x, a.y + b.y}
	k := 2 / max(sum.x*sum.x+sum.y*sum.y, sharpest)
	return point{sum.x * k, sum.y * k}
}

// unitNormal returns the normal of unit length on the way from a to b.
func unitNormal(a, b point) point {
	length := math.Hypot(b.x-a.x, b.y-a.y)
	if length == 0 {
		return point{}
	}
	return point{-(b.y - a.y) / length, (b.x - a.x) / length}
}

// circle returns n points around a middle.
func circle(at point, radius float64, n int) []point {
	out := make([]point, n)
	for i := range out {
		sin, cos := math.Sincos(-2 * math.Pi * float64(i) / float64(n))
		out[i] = point{at.x + radius*cos, at.y + radius*sin}
	}
	return out
}

// corners returns the corners of a box.
func (b box) corners() []point {
	return []point{{b.x, b.y}, {b.x, b.y + b.h}, {b.x + b.w, b.y + b.h}, {b.x + b.w, b.y}}
}

// round returns the outline of a box with round corners.
func (r rect) round() []point {
	radius := min(r.radius, r.w/2, r.h/2)
	inner := r.inset(radius)
	const arc = 8 // steps a corner
	var out []point
	for i, c := range inner.corners() {
		for k := range arc + 1 {
			// from the corner at the upper left, anticlockwise as seen
			angle := math.Pi/2*float64(i) + math.Pi/2*float64(k)/arc
			sin, cos := math.Sincos(angle)
			out = append(out, point{c.x - radius*sin, c.y - radius*cos})
		}
	}
	return out
}

// dashes cuts a line into dashes with gaps of the same length; 0 leaves it whole.
func dashes(l line, dash float64) []line {
	points := l.points
	if dash <= 0 || len(points) == 0 {
		return []line{l}
	}
	if l.closed {
		points = append(points[:len(points):len(points)], points[0])
	}
	var out []line
	current := []point{points[0]}
	left, on := dash, true
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		for length := math.Hypot(b.x-a.x, b.y-a.y); length > left; length = math.Hypot(b.x-a.x, b.y-a.y) {
			a = point{a.x + (b.x-a.x)*left/length, a.y + (b.y-a.y)*left/length}
			if on {
				out = append(out, line{points: append(current, a)})
			}
			current, left, on = []point{a}, dash, !on
		}
		left -= math.Hypot(b.x-a.x, b.y-a.y)
		current = append(current, b)
	}
	if on {
		out = append(out, line{points: current})
	}
	return out
}
