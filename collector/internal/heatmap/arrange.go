package heatmap

import (
	"math"
	"slices"
)

// Sizes of an overview, in units.
const (
	rackGap  = 18 // between racks
	rackHead = 26 // height of a rack's name
	tileGap  = 8  // between the shelves of a rack
	tilePad  = 8
	tileHead = 37 // height of a shelf's name and state
	fanRow   = 14 // height of the fans at the hot edge
	edge     = 3  // height of a line that stands for an aisle

	leastTile, mostTile = 144, 300 // widths
	flattest            = 2.8      // width by height of what is drawn of racks
)

// An arrangement is where the tiles of an overview stand, from 0, 0 on.
type arrangement struct {
	width, height float64
	used          float64 // of the width
	racks         []rackPlace
}

// A rackPlace is where a rack stands.
type rackPlace struct {
	box   // its name above, then the shelves
	tiles []tilePlace
}

// A tilePlace is where a shelf stands, and within it what.
type tilePlace struct {
	box
	fans box // empty without fans
	grid box // the slots
}

// arrange places the racks side by side, at least least wide in all; in several
// rows where one would be too flat to be looked at.
func (o *Overview) arrange(least float64) arrangement {
	for each := len(o.Racks); ; each = (each + 1) / 2 {
		if a := o.inRows(each, least); each == 1 || a.used <= flattest*a.height {
			return a
		}
	}
}

// inRows places so many racks a row, tiles as wide as there is room for.
func (o *Overview) inRows(each int, least float64) arrangement {
	gaps := rackGap * float64(each-1)
	w := math.Floor(min(max((least-gaps)/float64(each), leastTile), mostTile))
	used := w*float64(each) + gaps
	a := arrangement{width: max(least, used), used: used}
	left := math.Floor((a.width - used) / 2)
	for row := range slices.Chunk(o.Racks, each) {
		y := a.height
		for i, r := range row {
			p := r.place(point{left + float64(i)*(w+rackGap), y}, w)
			a.height = max(a.height, p.y+p.h)
			a.racks = append(a.racks, p)
		}
		a.height += rackGap
	}
	a.height -= rackGap
	return a
}

// place places the shelves of a rack one below the other.
func (r Rack) place(at point, w float64) rackPlace {
	p := rackPlace{box: box{at.x, at.y, w, rackHead}}
	for i, t := range r.Tiles {
		if i > 0 {
			p.h += tileGap
		}
		tile := t.place(point{at.x, at.y + p.h}, w)
		p.tiles = append(p.tiles, tile)
		p.h += tile.h
	}
	return p
}

// place places what a tile is made of: its name and state, the fans at the hot
// edge, the slots between two lines for the aisles.
func (t Tile) place(at point, w float64) tilePlace {
	inner := w - 2*tilePad
	p := tilePlace{}
	y := at.y + tilePad + tileHead
	if len(t.Fans) > 0 {
		p.fans = box{at.x + tilePad, y, inner, fanRow}
		y += fanRow
	}
	p.grid = box{at.x + tilePad, y + edge, inner, gridHeight(inner, t.Columns, t.Depth)}
	p.box = box{at.x, at.y, w, p.grid.y + p.grid.h + edge + tilePad - at.y}
	return p
}
