package heatmap

import (
	"fmt"
	"math"
)

// A Look says how a map is drawn. The zero Look is 960 px wide, light, in
// Cividis.
type Look struct {
	Width   int     // px, 200 to 4000; 0 is 960. The height follows.
	Palette Palette // of the values
	Dark    bool    // light text on a dark ground, for a dim room
	Numbers bool    // print a number in every cell of the air as well, where it fits
	Alarms  []Alarm // what to outline
}

// An Alarm marks one place on the map with a red outline and stripes. One
// that names no place is only counted in the headline.
type Alarm struct {
	Slot     int      // from 1, or 0
	Probe    string   // name, or ""
	Fans     []string // names of the fans it is about; one alert may be about several
	Severity string   // "warning" or "critical"; critical has the heavier outline
	Pending  bool     // not yet fired: the outline is dashed, without stripes
}

// Widths that a map can be drawn in, in px.
const (
	leastWidth   = 200
	mostWidth    = 4000
	defaultWidth = 960
)

// checked returns the look with its defaults, or what is wrong with it.
func (l Look) checked() (Look, error) {
	if l.Width == 0 {
		l.Width = defaultWidth
	}
	if l.Width < leastWidth || l.Width > mostWidth {
		return l, fmt.Errorf("draw map: width %d: want %d to %d px", l.Width, leastWidth, mostWidth)
	}
	if l.Palette < Cividis || l.Palette > Viridis {
		return l, fmt.Errorf("draw map: palette %d: want Cividis, Inferno or Viridis", l.Palette)
	}
	return l, nil
}

// units returns how many units wide the drawing is. Text is laid out in units:
// a small image shows less, larger.
func (l Look) units() float64 {
	const least, full, fullFrom = 420, 960, 720
	return math.Round(min(max(float64(l.Width)*full/fullFrom, least), full))
}

// A theme is the colours of everything but the values.
type theme struct {
	page, panel     colour // ground; cells without a value
	ink, dim, rule  colour // text, lesser text, lines
	hot, hotInk     colour // hot aisle
	cold, coldInk   colour // cold aisle
	alarm, caution  colour
	fieldLine, veil colour // lines over values; what fades them
}

func (l Look) theme() theme {
	if l.Dark {
		return theme{
			page: hex(0x0f1419), panel: hex(0x1c242d),
			ink: hex(0xf0f4f8), dim: hex(0x9aa9b7), rule: hex(0x33404c),
			hot: hex(0x2b1b15), hotInk: hex(0xf2a07b), cold: hex(0x12222f), coldInk: hex(0x7cc0f4),
			alarm: hex(0xff4b5c), caution: hex(0xffb454),
			fieldLine: hex(0xffffff), veil: hex(0x0f1419),
		}
	}
	return theme{
		page: hex(0xffffff), panel: hex(0xeef1f4),
		ink: hex(0x14202b), dim: hex(0x566573), rule: hex(0xcfd6dd),
		hot: hex(0xfdefe7), hotInk: hex(0xa8471f), cold: hex(0xe7f2fb), coldInk: hex(0x1a639e),
		alarm: hex(0xd3001f), caution: hex(0x9a5200),
		fieldLine: hex(0xffffff), veil: hex(0xffffff),
	}
}
