package heatmap

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"io"
)

// encodePNG writes an opaque image as PNG (ISO/IEC 15948), three bytes a pixel.
//
// Every row is stored as its difference from the one above. For a drawing of
// flat areas that is near the best of the five filters, and image/png, which
// tries all of them, takes more time than the whole drawing does.
func encodePNG(w io.Writer, img *image.RGBA) error {
	size := img.Rect.Size()
	header := binary.BigEndian.AppendUint32(nil, uint32(size.X))
	header = binary.BigEndian.AppendUint32(header, uint32(size.Y))
	header = append(header, 8, 2, 0, 0, 0) // bits a sample, RGB, deflate, filters, not interlaced

	pixels, err := deflateRows(img)
	if err != nil {
		return err
	}
	out := append(make([]byte, 0, len(pixels)+64), "\x89PNG\r\n\x1a\n"...)
	out = appendChunk(out, "IHDR", header)
	out = appendChunk(out, "IDAT", pixels)
	out = appendChunk(out, "IEND", nil)
	_, err = w.Write(out)
	return err
}

// appendChunk appends length, name, data, and the check sum over the last two.
func appendChunk(b []byte, name string, data []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	from := len(b)
	b = append(append(b, name...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[from:]))
}

// deflateRows returns the filtered rows of img, compressed.
func deflateRows(img *image.RGBA) ([]byte, error) {
	var out bytes.Buffer
	z, err := zlib.NewWriterLevel(&out, zlib.BestSpeed)
	if err != nil {
		return nil, err
	}
	const up = 2 // the filter
	width := img.Rect.Dx()
	row := make([]byte, 1+3*width)
	above := make([]byte, 4*width)
	for y := range img.Rect.Dy() {
		pix := img.Pix[y*img.Stride:][:4*width]
		row[0] = up
		for i, k := 0, 1; i < len(pix); i, k = i+4, k+3 {
			row[k] = pix[i] - above[i]
			row[k+1] = pix[i+1] - above[i+1]
			row[k+2] = pix[i+2] - above[i+2]
		}
		if _, err := z.Write(row); err != nil {
			return nil, err
		}
		above = pix
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
