package heatmap

import "fmt"

// A Palette is a sequence of colours for growing values, from dark to light in
// even steps of perceived lightness, so that it also reads in grey and with any
// colour vision. The zero Palette is Cividis. Delta and Excess are drawn from blue
// over grey to red whatever is chosen: their colours tell above from below.
type Palette int

// The palettes.
const (
	Cividis Palette = iota // blue to yellow; made for colour vision deficiency
	Inferno                // black over red to pale yellow
	Viridis                // violet over green to yellow

	coolWarm // blue over grey to red: for a layer of which 0 is the middle
)

// ParsePalette returns the palette of that name; "" is Cividis. The error names
// the palettes that there are.
func ParsePalette(s string) (Palette, error) {
	switch s {
	case "", "cividis":
		return Cividis, nil
	case "inferno":
		return Inferno, nil
	case "viridis":
		return Viridis, nil
	}
	return 0, fmt.Errorf("parse palette %q: want cividis, inferno or viridis", s)
}

const anchors = 18

// anchors returns every 15th of the 256 sRGB colours that the authors
// published; between them a straight line stays within what eyes can tell.
//
// Sources: Cividis from Nuñez, Anderton and Renslow, PLOS ONE 13(7) 2018,
// e0199239; Inferno and Viridis by Smith and van der Walt, given to the public
// domain at https://bids.github.io/colormap. coolWarm is computed after Moreland,
// Diverging Color Maps for Scientific Visualization (2009), from 0x3b4cc0 to
// 0xb40426: straight lines in polar CIELAB, to a grey of magnitude 88 and back.
func (p Palette) anchors() [anchors]uint32 {
	switch p {
	case Inferno:
		return [anchors]uint32{
			0x000004, 0x0a0722, 0x1e0c45, 0x380962, 0x510e6c, 0x69166e, 0x801f6c, 0x982766, 0xb0315b,
			0xc63d4d, 0xd94d3d, 0xe9612b, 0xf47918, 0xfa9407, 0xfcb014, 0xf8cd37, 0xf2ea69, 0xfcffa4,
		}
	case Viridis:
		return [anchors]uint32{
			0x440154, 0x481769, 0x472a7a, 0x433d84, 0x3d4e8a, 0x355e8d, 0x2e6d8e, 0x297b8e, 0x23898e,
			0x1f978b, 0x21a585, 0x2eb37c, 0x46c06f, 0x65cb5e, 0x89d548, 0xb0dd2f, 0xd8e219, 0xfde725,
		}
	case coolWarm:
		return [anchors]uint32{
			0x3b4cc0, 0x4d66d6, 0x5f7fe8, 0x7396f5, 0x88abfd, 0x9dbdff, 0xb1cbfc, 0xc4d6f3, 0xd5dbe5,
			0xe5d9d2, 0xf0cebc, 0xf6bea4, 0xf7ab8c, 0xf39475, 0xea7a5f, 0xdc5d4a, 0xca3b37, 0xb40426,
		}
	}
	return [anchors]uint32{
		0x00224e, 0x002d68, 0x163770, 0x2e416d, 0x3f4c6c, 0x4e566c, 0x5c616e, 0x696b71, 0x767676,
		0x838179, 0x928c78, 0xa09875, 0xafa471, 0xbfb06b, 0xcfbd62, 0xdfca57, 0xf0d846, 0xfee838,
	}
}

// at returns the colour for t from 0 to 1; beyond, that of the nearer end.
func (p Palette) at(t float64) colour {
	a := p.anchors()
	t = min(max(t, 0), 1) * (anchors - 1)
	i := min(int(t), anchors-2)
	return hex(a[i]).mix(hex(a[i+1]), t-float64(i))
}

// A colour is sRGB with straight alpha. The zero colour paints nothing.
type colour struct{ r, g, b, a uint8 }

// hex returns the opaque colour 0xrrggbb.
func hex(rgb uint32) colour { return colour{uint8(rgb >> 16), uint8(rgb >> 8), uint8(rgb), 255} }

// mix returns the opaque colour that lies t of the way from c to d.
func (c colour) mix(d colour, t float64) colour {
	blend := func(a, b uint8) uint8 { return uint8(float64(a) + (float64(b)-float64(a))*t + 0.5) }
	return colour{blend(c.r, d.r), blend(c.g, d.g), blend(c.b, d.b), 255}
}

// fade returns c with an opacity from 0 to 1.
func (c colour) fade(opacity float64) colour {
	c.a = uint8(min(max(opacity, 0), 1)*255 + 0.5)
	return c
}

// bright tells whether dark text reads better on c than light text, by the luma
// of ITU-R BT.601.
func (c colour) bright() bool {
	return 299*int(c.r)+587*int(c.g)+114*int(c.b) > 128_000
}
