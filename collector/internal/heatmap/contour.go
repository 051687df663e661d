package heatmap

import "math"

// A surface is a field ready to be drawn: values at the crossings of a grid that
// reaches to the edges of its box, with a ring of bottomless points on top of
// the edge, by which every region closes.
type surface struct {
	w, h    int       // nodes, with the ring
	xs, ys  []float64 // where they are; ys falls, because row 0 is at the lower edge
	values  []float64
	lo, hi  float64 // of the values without the ring
	nothing bool    // the field has no value at all

	links [][2]int32 // scratch of trace, all zero between calls
	knots []int32
}

// bottom is below every level, and finite so that it can be interpolated.
const bottom = -1e300

// surfaceOf spreads a field over a box: row 0 at its lower edge. Points without
// a value take the nearest one's; the caller covers them.
func surfaceOf(f *Field, b box) *surface {
	s := &surface{w: f.NX + 4, h: f.NY + 4, lo: math.Inf(1), hi: math.Inf(-1)}
	values, ok := filled(f)
	if !ok {
		return &surface{nothing: true}
	}
	s.xs = spread(f.NX, b.x, b.w)
	s.ys = spread(f.NY, b.y+b.h, -b.h)
	s.values = make([]float64, s.w*s.h)
	s.links = make([][2]int32, 2*s.w*s.h)
	for j := range s.h {
		for i := range s.w {
			k := j*s.w + i
			if i == 0 || j == 0 || i == s.w-1 || j == s.h-1 {
				s.values[k] = bottom
				continue
			}
			v := f.reach(values, i-2, j-2)
			s.values[k] = v
			s.lo, s.hi = min(s.lo, v), max(s.hi, v)
		}
	}
	return s
}

// reach returns the value at grid point (i, j). One step outside, it goes on half
// a step as the last two points do: there the edge is.
func (f *Field) reach(values []float64, i, j int) float64 {
	x, y := min(max(i, 0), f.NX-1), min(max(j, 0), f.NY-1)
	v := values[y*f.NX+x]
	if inner := min(max(x-(i-x), 0), f.NX-1); i != x {
		v += (v - values[y*f.NX+inner]) / 2
	}
	if inner := min(max(y-(j-y), 0), f.NY-1); j != y {
		v += (values[y*f.NX+x] - values[inner*f.NX+x]) / 2
	}
	return v
}

// spread places n points and twice both edges along a side.
func spread(n int, from, length float64) []float64 {
	out := make([]float64, n+4)
	for i := range out {
		t := min(max((float64(i)-1.5)/float64(n), 0), 1)
		out[i] = from + t*length
	}
	return out
}

// filled returns the values of f with gaps taken from the nearest point, as
// steps along the grid count; ok is false if there is none.
func filled(f *Field) (values []float64, ok bool) {
	values = append(values, f.Value...)
	var queue []int
	for k, v := range values {
		if !math.IsNaN(v) {
			queue = append(queue, k)
		}
	}
	ok = len(queue) > 0
	for len(queue) > 0 {
		k := queue[0]
		queue = queue[1:]
		x, y := k%f.NX, k/f.NX
		for _, n := range [4]struct {
			in bool
			k  int
		}{{x > 0, k - 1}, {x < f.NX-1, k + 1}, {y > 0, k - f.NX}, {y < f.NY-1, k + f.NX}} {
			if n.in && math.IsNaN(values[n.k]) {
				values[n.k] = values[k]
				queue = append(queue, n.k)
			}
		}
	}
	return values, ok
}

// region returns the outlines of where the surface is at least level.
func (s *surface) region(level float64) []line { return s.trace(level, 0) }

// isolines returns where the surface is exactly level: open lines from edge to
// edge, and rings.
func (s *surface) isolines(level float64) []line { return s.trace(level, 1) }

// A tracer follows one level through the surface by marching squares. Its knots
// are the edges of the grid that the level crosses: first those along x, then
// those along y. Each has at most two neighbours.
type tracer struct {
	*surface
	level float64
	links [][2]int32 // neighbours + 1 of each knot; 0 is none
	knots []int32    // the crossed edges, in the order in which they were met
}

// trace leaves out so many rings of cells.
func (s *surface) trace(level float64, ring int) []line {
	if s.nothing || level <= s.lo && ring > 0 || level > s.hi {
		return nil
	}
	t := &tracer{surface: s, level: level, links: s.links, knots: s.knots[:0]}
	for j := ring; j < s.h-1-ring; j++ {
		for i := ring; i < s.w-1-ring; i++ {
			t.square(i, j)
		}
	}
	lines := t.lines() // it takes all links away again
	s.knots = t.knots
	return lines
}

// saddle is the code of a square whose lines cut off its lower left and upper
// right corner; 5 is that of one where they cut off the others.
const saddle = 8

// square links the edges of the square above and right of node (i, j) that the
// level crosses. A saddle is joined as its mean says.
func (t *tracer) square(i, j int) {
	k := j*t.w + i
	a, b, c, d := t.values[k], t.values[k+1], t.values[k+t.w+1], t.values[k+t.w]
	low, right, high, left := int32(k), int32(t.w*t.h+k+1), int32(k+t.w), int32(t.w*t.h+k)
	code := 0
	for bit, v := range [4]float64{a, b, c, d} {
		if v >= t.level {
			code |= 1 << bit
		}
	}
	if code == 5 || code == 10 { // a saddle: which corners belong together?
		if alone := (a+b+c+d)/4 < t.level; alone == (code == 5) {
			code = saddle
		} else {
			code = 5
		}
	} else if code > 7 {
		code = 15 - code // the same line
	}
	switch code {
	case 1:
		t.link(low, left)
	case 2:
		t.link(low, right)
	case 3:
		t.link(left, right)
	case 4:
		t.link(right, high)
	case 5:
		t.link(low, right)
		t.link(high, left)
	case 6:
		t.link(low, high)
	case 7:
		t.link(high, left)
	case saddle:
		t.link(low, left)
		t.link(right, high)
	}
}

func (t *tracer) link(a, b int32) {
	t.join(a, b)
	t.join(b, a)
}

func (t *tracer) join(from, to int32) {
	l := &t.links[from]
	if l[0] == 0 {
		l[0] = to + 1
		t.knots = append(t.knots, from)
		return
	}
	l[1] = to + 1
}

// lines walks along the links: first from the loose ends, then around what is
// left.
func (t *tracer) lines() []line {
	var out []line
	for _, loose := range []bool{true, false} {
		for _, k := range t.knots {
			l := t.links[k]
			if l[0] != 0 && (!loose || l[1] == 0) {
				out = append(out, line{points: t.walk(k), closed: !loose})
			}
		}
	}
	return out
}

// walk follows and removes the links from knot k on.
func (t *tracer) walk(k int32) []point {
	var points []point
	for {
		points = append(points, t.crossing(k))
		l := t.links[k]
		t.links[k] = [2]int32{}
		switch {
		case t.linked(l[0]):
			k = l[0] - 1
		case t.linked(l[1]):
			k = l[1] - 1
		default:
			return points
		}
	}
}

// linked tells whether a neighbour has not been visited.
func (t *tracer) linked(neighbour int32) bool {
	return neighbour != 0 && t.links[neighbour-1][0] != 0
}

// crossing returns where the level crosses an edge.
func (t *tracer) crossing(edge int32) point {
	k, step := int(edge), 1
	if k >= t.w*t.h {
		k, step = k-t.w*t.h, t.w
	}
	a, b := t.values[k], t.values[k+step]
	share := (t.level - a) / (b - a)
	i, j := k%t.w, k/t.w
	if step == 1 {
		return point{t.xs[i] + share*(t.xs[i+1]-t.xs[i]), t.ys[j]}
	}
	return point{t.xs[i], t.ys[j] + share*(t.ys[j+1]-t.ys[j])}
}

// A sample is a place along a side: share of the way from node i to the next.
type sample struct {
	i     int
	share float64
}

// samples locates n places, the k-th at from + (k+½) × step, along a side that
// rises or falls like step. Beyond the side they are at its ends.
func samples(side []float64, from, step float64, n int) []sample {
	out := make([]sample, n)
	i := 1
	for k := range out {
		p := from + (float64(k)+0.5)*step
		for i < len(side)-3 && (p-side[i+1])*step > 0 {
			i++
		}
		out[k] = sample{i, min(max((p-side[i])/(side[i+1]-side[i]), 0), 1)}
	}
	return out
}
