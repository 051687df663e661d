package heatmap_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"io"
	"testing"

	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/rack"
)

func painted(t *testing.T, state rack.State, layer heatmap.Layer, look heatmap.Look) image.Image {
	t.Helper()
	var b bytes.Buffer
	if err := heatmap.WritePNG(&b, mustNew(t, state, layer), look); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// near tells whether two colours differ by no more than rounding.
func near(a, b color.Color) bool {
	ar, ag, ab, aa := a.RGBA()
	br, bg, bb, ba := b.RGBA()
	for _, d := range [4]int{int(ar) - int(br), int(ag) - int(bg), int(ab) - int(bb), int(aa) - int(ba)} {
		if d > 0x300 || d < -0x300 {
			return false
		}
	}
	return true
}

// count counts the pixels of a colour.
func count(img image.Image, c color.Color) int {
	n := 0
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			if near(img.At(x, y), c) {
				n++
			}
		}
	}
	return n
}

func TestWritePNGHasTheSizeOfTheSVG(t *testing.T) {
	t.Parallel()
	for _, width := range []int{200, 360, 801, 960} {
		img := painted(t, small(), heatmap.Air, heatmap.Look{Width: width})
		if got := img.Bounds().Dx(); got != width {
			t.Errorf("width = %d, want %d", got, width)
		}
		if ratio := float64(img.Bounds().Dy()) / float64(width); ratio < 0.5 || ratio > 1.6 {
			t.Errorf("height = %.2f × width %d, want a picture", ratio, width)
		}
	}
}

func TestPNGIsPaintedInTheColoursOfTheScale(t *testing.T) {
	t.Parallel()
	state := shelf(2, 2)
	for i := range state.Slots {
		state.Slots[i].SoC = fresh([]float64{30, 90, 60, 60}[i]) // both ends and the middle
	}
	img := painted(t, state, heatmap.SoC, heatmap.Look{Width: 960})
	// Slots 1 and 2 are the lower two; their middles lie a quarter and three
	// quarters along the width, a little off the number.
	for _, tt := range []struct {
		name string
		x    int
		want color.RGBA
	}{
		{"30 °C is the dark end of cividis", 200, color.RGBA{0x00, 0x23, 0x50, 255}},
		{"90 °C is the bright end", 700, color.RGBA{0xfe, 0xe8, 0x38, 255}},
	} {
		found := false
		for y := range img.Bounds().Dy() {
			found = found || near(img.At(tt.x, y), tt.want)
		}
		if !found {
			t.Errorf("%s: no such pixel in column %d", tt.name, tt.x)
		}
	}
}

func TestPNGShowsAlarmsInRed(t *testing.T) {
	t.Parallel()
	red := color.RGBA{0xd3, 0x00, 0x1f, 255}
	calm := count(painted(t, small(), heatmap.Air, heatmap.Look{}), red)
	loud := count(painted(t, small(), heatmap.Air, heatmap.Look{Alarms: alarms()}), red)
	if loud < calm+2000 { // the key has a little red of its own
		t.Errorf("%d red pixels with alarms, %d without, want many more", loud, calm)
	}
}

func TestPNGGroundFollowsTheLook(t *testing.T) {
	t.Parallel()
	light := painted(t, small(), heatmap.Air, heatmap.Look{}).At(2, 2)
	dark := painted(t, small(), heatmap.Air, heatmap.Look{Dark: true}).At(2, 2)
	if !near(light, color.White) || !near(dark, color.RGBA{0x0f, 0x14, 0x19, 255}) {
		t.Errorf("ground is %v and %v, want white and nearly black", light, dark)
	}
}

func TestPNGIsGroundDownToItsLastRow(t *testing.T) {
	t.Parallel()
	for width := 355; width < 365; width++ { // heights of any fraction of a pixel
		img := painted(t, small(), heatmap.SoC, heatmap.Look{Width: width})
		if got := img.At(width/2, img.Bounds().Dy()-1); !near(got, color.White) {
			t.Errorf("%d px wide: the last row is %v, want white", width, got)
		}
	}
}

func TestPNGIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	m := mustNew(t, broken(), heatmap.Air)
	var a, b bytes.Buffer
	for _, w := range []io.Writer{&a, &b} {
		if err := heatmap.WritePNG(w, m, heatmap.Look{Alarms: alarms()}); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("the second image differs from the first")
	}
}
