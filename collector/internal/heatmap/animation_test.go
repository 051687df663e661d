package heatmap_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/png"
	"io"
	"iter"
	"testing"
	"time"

	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/rack"
)

// warming is a shelf that warms by a kelvin a minute, then stands still for one,
// and then has stale and missing sensors.
func warming(t testing.TB, layer heatmap.Layer) []*heatmap.Map {
	t.Helper()
	var all []*heatmap.Map
	for minute := range 4 {
		state := warmShelf(true, 0, 0.5, 1)
		state.At = state.At.Add(time.Duration(min(minute, 2)) * time.Minute)
		for i := range state.Probes {
			state.Probes[i].V += float64(min(minute, 2)) * state.Probes[i].Y
		}
		for i := range state.Slots {
			state.Slots[i].SoC.V += float64(min(minute, 2))
		}
		all = append(all, mustNew(t, state, layer))
	}
	gone := broken()
	gone.At = gone.At.Add(5 * time.Minute)
	return append(all, mustNew(t, gone, layer))
}

// given yields maps.
func given(all []*heatmap.Map) iter.Seq2[*heatmap.Map, error] {
	return func(yield func(*heatmap.Map, error) bool) {
		for _, m := range all {
			if !yield(m, nil) {
				return
			}
		}
	}
}

// animation returns how maps are made into one.
func animation(t testing.TB, look heatmap.Look, all []*heatmap.Map) heatmap.Animation {
	t.Helper()
	a := heatmap.Animation{Look: look, Frames: len(all), Delay: 150 * time.Millisecond}
	for _, m := range all {
		high, err := heatmap.Height(m, look)
		if err != nil {
			t.Fatal(err)
		}
		a.Height = max(a.Height, high)
	}
	return a
}

// stills are the maps as single pictures, on the ground of an image that is as high
// as the tallest.
func stills(t testing.TB, a heatmap.Animation, all []*heatmap.Map) []*image.RGBA {
	t.Helper()
	var out []*image.RGBA
	for _, m := range all {
		var b bytes.Buffer
		if err := heatmap.WritePNG(&b, m, a.Look); err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(&b)
		if err != nil {
			t.Fatal(err)
		}
		canvas := image.NewRGBA(image.Rect(0, 0, a.Look.Width, a.Height))
		draw.Draw(canvas, canvas.Rect, image.NewUniform(img.At(0, 0)), image.Point{}, draw.Src)
		draw.Draw(canvas, canvas.Rect, img, image.Point{}, draw.Src)
		out = append(out, canvas)
	}
	return out
}

// A show is a look at a layer.
type show struct {
	name  string
	layer heatmap.Layer
	look  heatmap.Look
}

func shows() []show {
	return []show{
		{"narrow", heatmap.Air, heatmap.Look{Width: 360}},
		{"dark", heatmap.SoC, heatmap.Look{Width: 400, Dark: true, Palette: heatmap.Inferno}},
		{"all numbers", heatmap.Air, heatmap.Look{Width: 700, Numbers: true, Palette: heatmap.Viridis}},
	}
}

func TestAPNGHoldsEachMapAsItsPNGDoes(t *testing.T) {
	t.Parallel()
	for _, tt := range shows() {
		all := warming(t, tt.layer)
		a := animation(t, tt.look, all)
		var b bytes.Buffer
		if err := heatmap.WriteAPNG(&b, given(all), a); err != nil {
			t.Fatal(err)
		}
		got := decodeAPNG(t, b.Bytes(), a)
		for i, want := range stills(t, a, all) {
			if !bytes.Equal(got[i].Pix, want.Pix) {
				t.Errorf("%s: frame %d is another picture than the map's", tt.name, i)
			}
		}
		first, err := png.Decode(&b)
		if err != nil || first.Bounds() != got[0].Rect {
			t.Errorf("%s: for who knows no animation: %v", tt.name, err)
		}
	}
}

func TestGIFHoldsEachMapInItsOwnColours(t *testing.T) {
	t.Parallel()
	for _, tt := range shows() {
		all := warming(t, tt.layer)
		a := animation(t, tt.look, all)
		var b bytes.Buffer
		if err := heatmap.WriteGIF(&b, given(all), a); err != nil {
			t.Fatal(err)
		}
		got, err := gif.DecodeAll(&b)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Image) != len(all) || got.Delay[0] != 15 || got.LoopCount != 0 || got.Config.Width != tt.look.Width || got.Config.Height != a.Height {
			t.Fatalf("%s: %d frames, delay %v, loops %d, size %v", tt.name, len(got.Image), got.Delay, got.LoopCount, got.Config)
		}
		canvas := image.NewRGBA(image.Rect(0, 0, tt.look.Width, a.Height))
		for i, want := range stills(t, a, all) {
			draw.Draw(canvas, got.Image[i].Rect, got.Image[i], got.Image[i].Rect.Min, draw.Over)
			if far, other := faults(canvas, want); far > 24 || other > 0.25 {
				t.Errorf("%s frame %d: a colour is %d of 255 off, %.1f %% of the pixels are not exact", tt.name, i, far, 100*other)
			}
		}
	}
}

// faults returns by how much the worst pixel differs, in one of its colours, and
// how many differ at all.
func faults(got, want *image.RGBA) (far int, other float64) {
	differ := 0
	for i := 0; i < len(got.Pix); i += 4 {
		most := 0
		for k := range 3 {
			d := int(got.Pix[i+k]) - int(want.Pix[i+k])
			most = max(most, d, -d)
		}
		if most > 0 {
			differ++
		}
		far = max(far, most)
	}
	return far, float64(differ) / float64(len(got.Pix)/4)
}

// TestAnimationsKeepTheColoursOfTheScale looks at pixels of values: a colour that
// became its neighbour's would be another temperature.
func TestAnimationsKeepTheColoursOfTheScale(t *testing.T) {
	t.Parallel()
	state := shelf(12, 9)
	for i := range state.Slots {
		state.Slots[i].SoC = fresh(30 + float64(i)*0.55)
	}
	all := []*heatmap.Map{mustNew(t, state, heatmap.SoC)}
	a := animation(t, heatmap.Look{Width: 960, Numbers: true}, all)
	var b bytes.Buffer
	if err := heatmap.WriteGIF(&b, given(all), a); err != nil {
		t.Fatal(err)
	}
	got, err := gif.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	// The commonest colours of the map are those of the page and of the values.
	want := stills(t, a, all)[0]
	counts := map[color.Color]int{}
	for y := range want.Rect.Dy() {
		for x := range want.Rect.Dx() {
			counts[want.At(x, y)]++
		}
	}
	for y := range want.Rect.Dy() {
		for x := range want.Rect.Dx() {
			if c := want.At(x, y); counts[c] > 500 && color.RGBAModel.Convert(got.At(x, y)) != c {
				t.Fatalf("at %d, %d: %v, want %v", x, y, got.At(x, y), c)
			}
		}
	}
}

func TestALowerShelfIsDrawnOnTheGroundOfATallerOne(t *testing.T) {
	t.Parallel()
	all := []*heatmap.Map{mustNew(t, shelf(2, 2), heatmap.SoC), mustNew(t, warmShelf(true, 0, 1), heatmap.SoC), mustNew(t, shelf(12, 1), heatmap.SoC)}
	a := animation(t, heatmap.Look{Width: 300, Dark: true}, all)
	var b bytes.Buffer
	if err := heatmap.WriteAPNG(&b, given(all), a); err != nil {
		t.Fatal(err)
	}
	got := decodeAPNG(t, b.Bytes(), a)
	for i, want := range stills(t, a, all) {
		if !bytes.Equal(got[i].Pix, want.Pix) {
			t.Errorf("frame %d is another picture", i)
		}
	}
}

var errAway = errors.New("the store is away")

func TestAnAnimationThatIsNotAsAnnouncedIsAnError(t *testing.T) {
	t.Parallel()
	all := warming(t, heatmap.SoC)
	good := animation(t, heatmap.Look{Width: 300}, all)
	with := func(change func(*heatmap.Animation)) heatmap.Animation {
		a := good
		change(&a)
		return a
	}
	failing := func(yield func(*heatmap.Map, error) bool) {
		if yield(all[0], nil) {
			yield(nil, errAway)
		}
	}
	tests := []struct {
		name string
		maps iter.Seq2[*heatmap.Map, error]
		a    heatmap.Animation
		out  io.Writer
		ok   bool
	}{
		{"as announced", given(all), good, io.Discard, true},
		{"too few", given(all[:4]), good, io.Discard, false},
		{"too many", given(append(all, all[0])), good, io.Discard, false},
		{"none", given(nil), with(func(a *heatmap.Animation) { a.Frames = 0 }), io.Discard, false},
		{"higher", given(all), with(func(a *heatmap.Animation) { a.Height -= 10 }), io.Discard, false},
		{"too high", given(all), with(func(a *heatmap.Animation) { a.Height = 70000 }), io.Discard, false},
		{"too wide", given(all), with(func(a *heatmap.Animation) { a.Look.Width = 5000 }), io.Discard, false},
		{"too fast", given(all), with(func(a *heatmap.Animation) { a.Delay = time.Millisecond }), io.Discard, false},
		{"too slow", given(all), with(func(a *heatmap.Animation) { a.Delay = time.Hour }), io.Discard, false},
		{"a store that is away", failing, good, io.Discard, false},
		{"a full disk", given(all), good, fullDisk{}, false},
	}
	for _, tt := range tests {
		for format, write := range map[string]func(io.Writer, iter.Seq2[*heatmap.Map, error], heatmap.Animation) error{"PNG": heatmap.WriteAPNG, "GIF": heatmap.WriteGIF} {
			if err := write(tt.out, tt.maps, tt.a); (err == nil) != tt.ok {
				t.Errorf("%s, %s: err = %v", tt.name, format, err)
			}
		}
	}
	if err := heatmap.WriteGIF(io.Discard, failing, good); !errors.Is(err, errAway) {
		t.Errorf("the error of maps is lost: %v", err)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// BenchmarkAnimation makes pictures of 120 maps of a shelf of 108, 640 px wide.
func BenchmarkAnimation(b *testing.B) {
	var all []*heatmap.Map
	for i := range 120 {
		state := warmShelf(true, 0, 0.5, 1)
		state.At = state.At.Add(time.Duration(i) * time.Minute)
		drift(&state, float64(i)/20)
		all = append(all, mustNew(b, state, heatmap.Air))
	}
	a := animation(b, heatmap.Look{Width: 640}, all)
	for name, write := range map[string]func(io.Writer, iter.Seq2[*heatmap.Map, error], heatmap.Animation) error{"png": heatmap.WriteAPNG, "gif": heatmap.WriteGIF} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var size counter
			for b.Loop() {
				size = 0
				if err := write(&size, given(all), a); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(size)/float64(a.Frames), "B/frame")
		})
	}
}

// drift warms a shelf, most at the back.
func drift(state *rack.State, by float64) {
	for i := range state.Probes {
		state.Probes[i].V += by * state.Probes[i].Y
	}
	for i := range state.Slots {
		state.Slots[i].SoC.V += by * float64(i) / 100
	}
}

// A counter counts bytes.
type counter int

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}
