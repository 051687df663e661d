package heatmap

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIsolinesOfAPlane(t *testing.T) {
	t.Parallel()
	// 2 × 2 points at 0.25 and 0.75: values 10 to 12 from left to right, and so
	// 9 at the left edge and 13 at the right one.
	f := &Field{NX: 2, NY: 2, Value: []float64{10, 12, 10, 12}}
	s := surfaceOf(f, box{0, 0, 100, 40})
	got := s.isolines(11)
	want := []line{{points: []point{{50, 40}, {50, 30}, {50, 10}, {50, 0}}}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(line{}, point{}), roughly); diff != "" {
		t.Errorf("lines (-want +got)\n%s", diff)
	}
	if s.lo != 9 || s.hi != 13 {
		t.Errorf("values from %v to %v, want 9 to 13", s.lo, s.hi)
	}
	if lines := append(s.isolines(8.9), s.isolines(13.1)...); len(lines) != 0 {
		t.Errorf("lines beyond the values: %v", lines)
	}
}

// area returns the area of closed lines by the even-odd rule, for lines that
// lie apart or within each other.
func area(lines []line) float64 {
	var sum float64
	for _, l := range lines {
		for i, p := range l.points {
			q := l.points[(i+1)%len(l.points)]
			sum += (p.x*q.y - q.x*p.y) / 2
		}
	}
	return math.Abs(sum)
}

func TestRegionsClose(t *testing.T) {
	t.Parallel()
	plane := &Field{NX: 2, NY: 2, Value: []float64{10, 12, 10, 12}}
	saddle := &Field{NX: 2, NY: 2, Value: []float64{0, 9, 9, 0}}
	tests := []struct {
		name  string
		field *Field
		level float64
		parts int
		area  float64 // of 100 × 40; -1 is not told
	}{
		{"all of it", plane, 5, 1, 4000},
		{"the right half", plane, 11, 1, 2000},
		{"nothing", plane, 20, 0, 0},
		{"a saddle below its mean holds together", saddle, 4, 1, -1},
		{"and above it falls apart", saddle, 5, 2, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := surfaceOf(tt.field, box{0, 0, 100, 40}).region(tt.level)
			if len(got) != tt.parts || tt.area >= 0 && math.Abs(area(got)-tt.area) > 1e-9 {
				t.Errorf("%d parts of %.1f, want %d of %.1f", len(got), area(got), tt.parts, tt.area)
			}
			for _, l := range got {
				if !l.closed {
					t.Errorf("an outline is open: %v", l)
				}
			}
		})
	}
}

func TestGapsTakeTheNearestValue(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	got, ok := filled(&Field{NX: 4, NY: 1, Value: []float64{nan, 5, nan, nan}})
	if diff := cmp.Diff([]float64{5, 5, 5, 5}, got); diff != "" || !ok {
		t.Errorf("filled (-want +got), ok %v\n%s", ok, diff)
	}
	if _, ok := filled(&Field{NX: 2, NY: 1, Value: []float64{nan, nan}}); ok {
		t.Error("a field without values was filled")
	}
}

func TestHatchLinesStayInTheirBoxAndMeet(t *testing.T) {
	t.Parallel()
	whole := hatch(box{10, 20, 40, 30}, 7, true)
	halves := append(hatch(box{10, 20, 20, 30}, 7, true), hatch(box{30, 20, 20, 30}, 7, true)...)
	length := func(lines []line) float64 {
		sum := 0.0
		for _, l := range lines {
			a, b := l.points[0], l.points[1]
			sum += math.Hypot(b.x-a.x, b.y-a.y)
			for _, p := range l.points {
				if p.x < 10-1e-9 || p.x > 50+1e-9 || p.y < 20-1e-9 || p.y > 50+1e-9 {
					t.Errorf("%v is outside", p)
				}
			}
		}
		return sum
	}
	if a, b := length(whole), length(halves); math.Abs(a-b) > 1.5 || a == 0 { // the shortest bits are left out
		t.Errorf("%v of lines in the whole, %v in its halves", a, b)
	}
}

func TestAppendDecimal(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{0: "0", 1: "1", -1.5: "-1.5", 20.004: "20", 20.006: "20.01", 0.05: "0.05", -0.001: "0", 99.999: "100"} {
		if got := string(appendDecimal(nil, v)); got != want {
			t.Errorf("%v = %q, want %q", v, got, want)
		}
	}
}
