package heatmap

import (
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// WriteJSON writes o as one JSON object and a newline, compact enough to be drawn
// anew with every change by who has no room for 10,000 objects:
//
//	{"site","rack","t","layer","scale":{"unit","low","high","colours":[…],"marks":[{"value","name"}…]},"width","height",
//	 "racks":[{"rack","box":[x,y,w,h],"shelves":[{"shelf","state","delta_t","columns","depth","box","grid","values":[…],"sources":"…",
//	   "fans":[{"name","condition"}…],"alarms":[{"slot","probe","x","y","fans":[…],"severity","pending"}…]}…]}…]}
//
// t is RFC 3339 in UTC; rack is null for a site. Values are in the layer's unit,
// rounded to 0.1, in the order of the slots; null is missing. sources has a letter
// a slot: m measured, i inferred, s stale, - missing. Boxes are in units, y downwards, as WriteSVG places them at its
// usual width; a grid has its slots from the lower left on, x and y of an alarm are
// those of its probe. Colours are those of look's palette, of equally wide
// bands from low to high. The error says what is wrong with look, or is w's.
func (o *Overview) WriteJSON(w io.Writer, look Look) error {
	look, err := look.checked()
	if err != nil {
		return err
	}
	a := o.arrange(Look{Width: defaultWidth}.units() - 2*margin)
	b := make([]byte, 0, 4096+1024*len(o.Racks)+8*len(o.tiles())*128)
	b = appendString(append(b, `{"site":`...), o.Site)
	b = appendName(append(b, `,"rack":`...), o.Rack)
	b = o.T.UTC().AppendFormat(append(b, `,"t":"`...), time.RFC3339)
	b = appendString(append(b, `","layer":`...), string(o.Layer))
	b = o.appendScale(append(b, `,"scale":`...), look.Palette)
	b = appendDecimal(append(b, `,"width":`...), a.width)
	b = appendDecimal(append(b, `,"height":`...), a.height)
	b = append(b, `,"racks":[`...)
	for i, r := range o.Racks {
		b = r.appendTo(comma(b, i), a.racks[i])
	}
	_, err = w.Write(append(b, "]}\n"...))
	return err
}

// comma separates element i of a list from the one before.
func comma(b []byte, i int) []byte {
	if i > 0 {
		return append(b, ',')
	}
	return b
}

// appendName appends a name, or null for none.
func appendName(b []byte, name string) []byte {
	if name == "" {
		return append(b, "null"...)
	}
	return appendString(b, name)
}

func (o *Overview) appendScale(b []byte, p Palette) []byte {
	c := ColoursOf(o.Layer, o.limits(), p)
	b = appendString(append(b, `{"unit":`...), c.Unit)
	b = appendDecimal(append(b, `,"low":`...), c.Low)
	b = appendDecimal(append(b, `,"high":`...), c.High)
	b = append(b, `,"colours":["`...)
	b = append(append(b, strings.Join(c.RGB, `","`)...), `"],"marks":[`...)
	for i, m := range o.scale().marks {
		b = appendDecimal(append(comma(b, i), `{"value":`...), m.at)
		b = append(appendName(append(b, `,"name":`...), m.name), '}')
	}
	return append(b, "]}"...)
}

func (r Rack) appendTo(b []byte, place rackPlace) []byte {
	b = appendString(append(b, `{"rack":`...), r.Name)
	b = place.box.appendTo(append(b, `,"box":`...))
	b = append(b, `,"shelves":[`...)
	for i, t := range r.Tiles {
		b = t.appendTo(comma(b, i), place.tiles[i])
	}
	return append(b, "]}"...)
}

func (t Tile) appendTo(b []byte, place tilePlace) []byte {
	b = appendString(append(b, `{"shelf":`...), t.Shelf)
	b = appendString(append(b, `,"state":`...), t.State)
	b = append(b, `,"delta_t":`...)
	if f := t.Figures.DeltaT; f.Ok() {
		b = appendNumber(b, f.V)
	} else {
		b = append(b, "null"...)
	}
	b = strconv.AppendInt(append(b, `,"columns":`...), int64(t.Columns), 10)
	b = strconv.AppendInt(append(b, `,"depth":`...), int64(t.Depth), 10)
	b = place.box.appendTo(append(b, `,"box":`...))
	b = place.grid.appendTo(append(b, `,"grid":`...))
	b = t.appendSlots(b)
	b = append(b, `,"fans":[`...)
	for i, f := range t.Fans {
		b = appendString(append(comma(b, i), `{"name":`...), f.Name)
		b = appendString(append(b, `,"condition":`...), conditionOf(f).word())
		b = append(b, '}')
	}
	b = append(b, `],"alarms":[`...)
	for i, a := range t.Alarms {
		b = t.appendAlarm(comma(b, i), a)
	}
	return append(b, "]}"...)
}

func (t Tile) appendSlots(b []byte) []byte {
	b = append(b, `,"values":[`...)
	for i, c := range t.Cells {
		b = comma(b, i)
		if c.has() {
			b = appendTenths(b, c.Value)
		} else {
			b = append(b, "null"...)
		}
	}
	b = append(b, `],"sources":"`...)
	for _, c := range t.Cells {
		b = append(b, c.letter())
	}
	return append(b, '"')
}

// letter says where a cell's value comes from.
func (c Cell) letter() byte {
	switch {
	case !c.has():
		return '-'
	case c.Source == Inferred:
		return 'i'
	case c.Source == Stale:
		return 's'
	}
	return 'm'
}

func (t Tile) appendAlarm(b []byte, a Alarm) []byte {
	b = append(b, `{"slot":`...)
	if a.Slot > 0 {
		b = strconv.AppendInt(b, int64(a.Slot), 10)
	} else {
		b = append(b, "null"...)
	}
	x, y := math.NaN(), math.NaN()
	for _, q := range t.Probes {
		if a.Probe != "" && q.Name == a.Probe {
			x, y = q.X, q.Y
		}
	}
	b = appendName(append(b, `,"probe":`...), a.Probe)
	b = appendNumber(append(b, `,"x":`...), x)
	b = appendNumber(append(b, `,"y":`...), y)
	b = append(b, `,"fans":[`...)
	for i, name := range a.Fans {
		b = appendString(comma(b, i), name)
	}
	b = appendString(append(b, `],"severity":`...), a.Severity)
	return append(strconv.AppendBool(append(b, `,"pending":`...), a.Pending), '}')
}

// appendTo appends a box as [x,y,w,h].
func (b box) appendTo(to []byte) []byte {
	to = appendDecimal(append(to, '['), b.x)
	for _, v := range []float64{b.y, b.w, b.h} {
		to = appendDecimal(append(to, ','), v)
	}
	return append(to, ']')
}
