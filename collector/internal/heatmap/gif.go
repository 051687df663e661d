package heatmap

import (
	"bytes"
	"cmp"
	"compress/lzw"
	"encoding/binary"
	"io"
	"maps"
	"math"
	"math/bits"
	"slices"
)

// Colours of a frame: the first shows what is below.
const (
	gifBelow    = 0
	mostColours = 255 // beside it
	mostCommon  = 128 // of these, by how many pixels have them
)

// A gif writes an animated GIF. A frame after the first is laid over the one
// before, with nothing where nothing has changed.
type gif struct {
	out io.Writer
	Animation
	indices []byte // of the pixels of a frame in its table
}

func (g *gif) begin() error {
	b := binary.LittleEndian.AppendUint16([]byte("GIF89a"), uint16(g.Look.Width))
	b = binary.LittleEndian.AppendUint16(b, uint16(g.Height))
	b = append(b, 0, 0, 0)                                          // each frame has a table of its own
	b = append(b, "\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"...) // repeat for ever
	_, err := g.out.Write(b)
	return err
}

func (g *gif) still(s still) error {
	t := tableOf(s)
	g.indices = g.indices[:0]
	for y := s.area.Min.Y; y < s.area.Max.Y; y++ {
		for i := range s.row(y) {
			index := byte(gifBelow)
			if s.changed(i) {
				index = t.index(s.rgb(i))
			}
			g.indices = append(g.indices, index)
		}
	}
	depth := max(bits.Len(uint(len(t.colours))), 2) // bits an index
	b := g.control()
	b = append(b, 0x2c) // image descriptor
	for _, v := range []int{s.area.Min.X, s.area.Min.Y, s.area.Dx(), s.area.Dy()} {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	b = append(b, 0x80|byte(depth-1)) // it has a table of 2^depth colours
	b = append(b, make([]byte, 3)...) // gifBelow
	for _, c := range t.colours {
		b = append(b, byte(c>>16), byte(c>>8), byte(c))
	}
	b = append(b, make([]byte, 3*(1<<depth-1-len(t.colours)))...)
	b, err := appendLZW(append(b, byte(depth)), g.indices, depth)
	if err != nil {
		return err
	}
	_, err = g.out.Write(b)
	return err
}

// control returns what says how long a frame stands, that it is left in place, and
// which of its colours is none.
func (g *gif) control() []byte {
	b := []byte{0x21, 0xf9, 4, 1<<2 | 1}
	b = binary.LittleEndian.AppendUint16(b, g.hundredths())
	return append(b, gifBelow, 0)
}

func (g *gif) end() error {
	_, err := g.out.Write([]byte{0x3b})
	return err
}

// appendLZW appends compressed data in blocks of up to 255 bytes.
func appendLZW(b, data []byte, depth int) ([]byte, error) {
	var out bytes.Buffer
	z := lzw.NewWriter(&out, lzw.LSB, depth)
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	for block := range slices.Chunk(out.Bytes(), 255) {
		b = append(append(b, byte(len(block))), block...)
	}
	return append(b, 0), nil
}

// row yields where the pixels of a row of what has changed begin in Pix.
func (s still) row(y int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		from := y*s.img.Stride + 4*s.area.Min.X
		for i := from; i < from+4*s.area.Dx(); i += 4 {
			if !yield(i) {
				return
			}
		}
	}
}

// rgb returns the pixel that begins at i of Pix as 0xrrggbb.
func (s still) rgb(i int) uint32 {
	p := s.img.Pix[i : i+3 : i+3]
	return uint32(p[0])<<16 | uint32(p[1])<<8 | uint32(p[2])
}

// A table is the colours of one frame.
type table struct {
	colours []uint32        // 0xrrggbb; index 0 is that after gifBelow
	found   map[uint32]byte // index of each colour that has been asked for
}

// tableOf returns the colours of what has changed: all of them, if there are few
// enough; else first those that must not become another, then the commonest, and
// at last those that are the least like any of these: so no colour is far from
// that which stands for it.
func tableOf(s still) table {
	counts := map[uint32]int{}
	for y := s.area.Min.Y; y < s.area.Max.Y; y++ {
		for i := range s.row(y) {
			if s.changed(i) {
				counts[s.rgb(i)]++
			}
		}
	}
	if len(counts) > mostColours {
		for _, c := range s.colours {
			if rgb := uint32(c.r)<<16 | uint32(c.g)<<8 | uint32(c.b); counts[rgb] > 0 {
				counts[rgb] = math.MaxInt
			}
		}
	}
	t := table{found: map[uint32]byte{}}
	t.colours = slices.SortedFunc(maps.Keys(counts), func(a, b uint32) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	if len(t.colours) > mostColours {
		t.colours = scatter(t.colours, mostCommon, mostColours)
	}
	for i, c := range t.colours {
		t.found[c] = byte(i + 1)
	}
	return t
}

// scatter returns the first colours, and of the others, one by one, that which is
// farthest from all that are returned: n in all, of which there are more.
func scatter(colours []uint32, first, n int) []uint32 {
	chosen, others := slices.Clone(colours[:first]), colours[first:]
	away := make([]int, len(others)) // from the nearest chosen
	for i, c := range others {
		away[i] = math.MaxInt
		for _, old := range chosen {
			away[i] = min(away[i], distance(c, old))
		}
	}
	for len(chosen) < n {
		farthest := others[slices.Index(away, slices.Max(away))]
		chosen = append(chosen, farthest)
		for i, c := range others {
			away[i] = min(away[i], distance(c, farthest))
		}
	}
	return chosen
}

// index returns the index of a colour, or of the nearest.
func (t table) index(rgb uint32) byte {
	if i, ok := t.found[rgb]; ok {
		return i
	}
	best, least := 0, math.MaxInt
	for i, c := range t.colours {
		if d := distance(c, rgb); d < least {
			best, least = i, d
		}
	}
	t.found[rgb] = byte(best + 1)
	return byte(best + 1)
}

// distance is how far two colours are apart, squared.
func distance(a, b uint32) int {
	sum := 0
	for shift := 0; shift < 24; shift += 8 {
		d := int(a>>shift&255) - int(b>>shift&255)
		sum += d * d
	}
	return sum
}
