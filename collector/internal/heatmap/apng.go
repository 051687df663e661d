package heatmap

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"io"
)

// Fields of PNG chunks.
const (
	pngRGBA  = 6 // colour type
	pngKeep  = 0 // after a frame, leave it in place
	pngOver  = 1 // lay a frame over what is there
	pngPlain = 0 // filter of a row: none
	pngUp    = 2 // filter of a row: the difference from the row above
)

// An apng writes an animated PNG. A frame after the first is laid over the one
// before, with nothing where nothing has changed.
type apng struct {
	out io.Writer
	Animation
	sequence uint32 // of the next chunk of the animation
	pixels   bytes.Buffer
	zip      *zlib.Writer
	row      []byte
}

func (p *apng) begin() error {
	header := binary.BigEndian.AppendUint32(nil, uint32(p.Look.Width))
	header = binary.BigEndian.AppendUint32(header, uint32(p.Height))
	header = append(header, 8, pngRGBA, 0, 0, 0) // bits a sample, deflate, filters, not interlaced
	frames := binary.BigEndian.AppendUint32(nil, uint32(p.Frames))
	frames = binary.BigEndian.AppendUint32(frames, 0) // for ever

	b := appendChunk([]byte("\x89PNG\r\n\x1a\n"), "IHDR", header)
	_, err := p.out.Write(appendChunk(b, "acTL", frames))
	return err
}

func (p *apng) still(s still) error {
	if err := p.deflate(s); err != nil {
		return err
	}
	control := binary.BigEndian.AppendUint32(nil, p.next())
	for _, v := range []int{s.area.Dx(), s.area.Dy(), s.area.Min.X, s.area.Min.Y} {
		control = binary.BigEndian.AppendUint32(control, uint32(v))
	}
	control = binary.BigEndian.AppendUint16(control, p.hundredths())
	control = binary.BigEndian.AppendUint16(control, 100)
	b := appendChunk(nil, "fcTL", append(control, pngKeep, pngOver))
	if s.last == nil {
		b = appendChunk(b, "IDAT", p.pixels.Bytes())
	} else {
		numbered := binary.BigEndian.AppendUint32(nil, p.next())
		b = appendChunk(b, "fdAT", append(numbered, p.pixels.Bytes()...))
	}
	_, err := p.out.Write(b)
	return err
}

func (p *apng) next() uint32 {
	p.sequence++
	return p.sequence - 1
}

// deflate fills p.pixels with what has changed.
func (p *apng) deflate(s still) (err error) {
	p.pixels.Reset()
	if p.zip == nil {
		if p.zip, err = zlib.NewWriterLevel(&p.pixels, zlib.BestSpeed); err != nil {
			return err
		}
	}
	p.zip.Reset(&p.pixels)
	for y := s.area.Min.Y; y < s.area.Max.Y; y++ {
		if _, err := p.zip.Write(p.scan(s, y)); err != nil {
			return err
		}
	}
	return p.zip.Close()
}

// scan returns a row of what has changed, filtered. A whole image is flat and
// repeats from row to row; what has changed of one is mostly nothing.
func (p *apng) scan(s still, y int) []byte {
	p.row = append(p.row[:0], pngPlain)
	from := y*s.img.Stride + 4*s.area.Min.X
	pixels := s.img.Pix[from : from+4*s.area.Dx()]
	if s.last == nil && y > 0 {
		p.row[0] = pngUp
		above := s.img.Pix[from-s.img.Stride:]
		for i, v := range pixels {
			p.row = append(p.row, v-above[i])
		}
		return p.row
	}
	for i := 0; i < len(pixels); i += 4 {
		if s.changed(from + i) {
			p.row = append(p.row, pixels[i:i+4]...)
		} else {
			p.row = append(p.row, 0, 0, 0, 0)
		}
	}
	return p.row
}

func (p *apng) end() error {
	_, err := p.out.Write(appendChunk(nil, "IEND", nil))
	return err
}
