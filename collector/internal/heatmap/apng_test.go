package heatmap_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/draw"
	"image/png"
	"testing"

	"thermarack/collector/internal/heatmap"
)

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
