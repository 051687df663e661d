package heatmap_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
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

// decodeAPNG reads an animation as the W3C's third edition of PNG says, with a
// reader of single PNGs, and fails the test where it is not as that says.
func decodeAPNG(t *testing.T, data []byte, a heatmap.Animation) []*image.RGBA {
	t.Helper()
	chunks := chunksOf(t, data)
	if names := chunks[0].name + chunks[1].name; names != "IHDRacTL" || chunks[len(chunks)-1].name != "IEND" {
		t.Fatalf("begins with %s", names)
	}
	header, control := chunks[0].data, chunks[1].data
	if n, times := binary.BigEndian.Uint32(control), binary.BigEndian.Uint32(control[4:]); int(n) != a.Frames || times != 0 {
		t.Errorf("%d frames, %d times", n, times)
	}
	canvas := image.NewRGBA(image.Rect(0, 0, int(binary.BigEndian.Uint32(header)), int(binary.BigEndian.Uint32(header[4:]))))
	var frames []*image.RGBA
	var place image.Rectangle
	sequence := uint32(0)
	number := func(b []byte) {
		if got := binary.BigEndian.Uint32(b); got != sequence {
			t.Errorf("number %d in the sequence, want %d", got, sequence)
		}
		sequence++
	}
	for _, c := range chunks[2 : len(chunks)-1] {
		pixels := c.data
		switch c.name {
		case "fcTL":
			number(c.data)
			place = placeOf(c.data)
			if delay := binary.BigEndian.Uint16(c.data[20:]); delay != 15 || binary.BigEndian.Uint16(c.data[22:]) != 100 || !place.In(canvas.Rect) || place.Empty() {
				t.Errorf("frame %d: delay %d, at %v", len(frames), delay, place)
			}
			if c.data[24] != 0 || c.data[25] != 1 {
				t.Errorf("frame %d: disposed of by %d, blended by %d", len(frames), c.data[24], c.data[25])
			}
			continue
		case "fdAT":
			number(c.data)
			pixels = c.data[4:]
		}
		if whole := place == canvas.Rect; (c.name == "IDAT") != (len(frames) == 0) || len(frames) == 0 && !whole {
			t.Errorf("frame %d is in %s, at %v", len(frames), c.name, place)
		}
		draw.Draw(canvas, place, single(t, header, place.Size(), pixels), image.Point{}, draw.Over)
		copied := *canvas
		copied.Pix = bytes.Clone(canvas.Pix)
		frames = append(frames, &copied)
	}
	if len(frames) != a.Frames {
		t.Fatalf("%d frames, want %d", len(frames), a.Frames)
	}
	return frames
}

func placeOf(control []byte) image.Rectangle {
	v := func(i int) int { return int(binary.BigEndian.Uint32(control[i:])) }
	return image.Rect(v(12), v(16), v(12)+v(4), v(16)+v(8))
}

type chunk struct {
	name string
	data []byte
}

// chunksOf cuts a PNG into its chunks and checks their sums.
func chunksOf(t *testing.T, data []byte) (all []chunk) {
	t.Helper()
	if !bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")) {
		t.Fatal("no PNG")
	}
	for data = data[8:]; len(data) > 0; {
		n := binary.BigEndian.Uint32(data)
		c := chunk{string(data[4:8]), data[8 : 8+n]}
		if sum := binary.BigEndian.Uint32(data[8+n:]); sum != crc32.ChecksumIEEE(data[4:8+n]) {
			t.Errorf("check sum of %s", c.name)
		}
		all = append(all, c)
		data = data[12+n:]
	}
	return all
}

// single decodes the pixels of one frame as a PNG of its own.
func single(t *testing.T, header []byte, size image.Point, pixels []byte) image.Image {
	t.Helper()
	own := bytes.Clone(header)
	binary.BigEndian.PutUint32(own, uint32(size.X))
	binary.BigEndian.PutUint32(own[4:], uint32(size.Y))
	b := []byte("\x89PNG\r\n\x1a\n")
	for _, c := range []chunk{{"IHDR", own}, {"IDAT", pixels}, {"IEND", nil}} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(c.data)))
		from := len(b)
		b = append(append(b, c.name...), c.data...)
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[from:]))
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return img
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
