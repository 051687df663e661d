package playback

import (
	"math"
	"strconv"

	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/rack"
)

// scale is how many counts a unit has: as fine as the JSON of a map.
const scale = 100

// mostShown is the largest number that is shown, so that the difference of two is
// exact in JavaScript. No sensor of ours comes near it.
const mostShown = 1e12

// A track is what one thing did over the frames of a section, as JSON: counts, each
// as its difference from the last one that was known, or null.
type track struct {
	text  []byte
	last  int64
	known bool // any of it
}

// add appends a value; what is no number, or none of ours, is not known.
func (t *track) add(v float64) {
	if len(t.text) > 0 {
		t.text = append(t.text, ',')
	}
	if math.IsNaN(v) || math.Abs(v) > mostShown {
		t.text = append(t.text, "null"...)
		return
	}
	counts := int64(math.Round(v * scale))
	t.text = strconv.AppendInt(t.text, counts-t.last, 10)
	t.last, t.known = counts, true
}

// appendTo appends the track as a list, or null when nothing of it is known.
func (t *track) appendTo(b []byte) []byte {
	if !t.known {
		return append(b, "null"...)
	}
	return append(append(append(b, '['), t.text...), ']')
}

// A sensed track is that of a sensor, with a letter a frame for its state.
type sensed struct {
	track
	states []byte
}

func (s *sensed) add(v rack.Value) {
	letter := byte('-')
	switch v.State {
	case rack.Fresh:
		letter = 'F'
	case rack.Stale:
		letter = 'S'
	}
	s.states = append(s.states, letter)
	if v.State == rack.Missing {
		v.V = math.NaN()
	}
	s.track.add(v.V)
}

// appendTo appends the track and its states as members of an object.
func (s *sensed) appendTo(b []byte, name, states string) []byte {
	b = s.track.appendTo(member(b, name))
	return letters(member(b, states), s.states)
}

// A celled track is that of a cell of the map, with a letter a frame for where its
// value comes from.
type celled struct {
	value, sd track
	sources   []byte
}

func (c *celled) add(cell heatmap.Cell) {
	letter := byte('-')
	switch cell.Source {
	case heatmap.Measured:
		letter = 'M'
	case heatmap.Inferred:
		letter = 'I'
	case heatmap.Stale:
		letter = 'S'
	}
	c.sources = append(c.sources, letter)
	c.value.add(cell.Value)
	c.sd.add(cell.SD)
}

// member appends the name of a member of an object, which is plain ASCII.
func member(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(append(append(b, '"'), name...), `":`...)
}

// letters appends a string of plain letters.
func letters(b, s []byte) []byte { return append(append(append(b, '"'), s...), '"') }
