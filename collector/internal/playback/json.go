package playback

import (
	"context"
	"encoding/json"
	"io"
	"math"
	"time"

	"thermarack/collector/internal/rack"
)

// WriteJSON writes all frames as one compact document, which docs/http.md
// describes. Cells are those of the map at each moment: the same value, standard
// deviation and source as in its JSON.
//
// Nothing is written before all is known. The error is that of Frames, or w's.
func (r *Reel) WriteJSON(ctx context.Context, w io.Writer) error {
	films := make([]film, len(r.Sections))
	for i, s := range r.Sections {
		films[i] = newFilm(s)
	}
	for f, err := range r.Frames(ctx) {
		if err != nil {
			return err
		}
		films[f.Section].add(f)
	}
	_, err := w.Write(r.json(films))
	return err
}

// json appends the parts of the document.
func (r *Reel) json(films []film) []byte {
	b := []byte{'{'}
	b = value(member(b, "shelf"), r.Shelf)
	b = value(member(b, "layer"), r.Layer)
	b = value(member(b, "first"), r.time(0))
	b = value(member(b, "step"), r.Step.Seconds())
	b = value(member(b, "frames"), r.Request.Frames)
	b = value(member(b, "scale"), scale)
	b = append(member(b, "sections"), '[')
	for i := range films {
		if i > 0 {
			b = append(b, ',')
		}
		b = films[i].appendTo(b)
	}
	b = append(b, ']')
	b = value(member(b, "bookmarks"), r.bookmarks())
	return append(b, "}\n"...)
}

// time returns the moment that a frame shows, whether there was a shelf or not.
func (r *Reel) time(frame int) time.Time {
	return r.To.Truncate(time.Millisecond).UTC().Add(-time.Duration(r.Request.Frames-1-frame) * r.Step)
}

// A film is a section as it was.
type film struct {
	Section
	cells   []celled
	socs    []sensed
	powers  []sensed
	probes  []sensed
	fans    []sensed
	figures [5]track // in the order of shown
}

func newFilm(s Section) film {
	shelf := s.Past.Shelf()
	return film{
		Section: s,
		cells:   make([]celled, len(shelf.Slots)), socs: make([]sensed, len(shelf.Slots)), powers: make([]sensed, len(shelf.Slots)),
		probes: make([]sensed, len(shelf.Probes)), fans: make([]sensed, len(shelf.Fans)),
	}
}

// shown are the figures of a shelf that change from frame to frame.
func shown(f rack.Figures) [5]rack.Figure {
	return [5]rack.Figure{f.Inlet, f.HotAir, f.DeltaT, f.Power, f.AirFlow}
}

// shownNames are what the other answers call them.
func shownNames() [5]string { return [5]string{"inlet", "hot_air", "delta_t", "power", "air_flow"} }

func (f *film) add(frame Frame) {
	for i, c := range frame.Map.Cells {
		f.cells[i].add(c)
	}
	for i, slot := range frame.State.Slots {
		f.socs[i].add(slot.SoC)
		f.powers[i].add(slot.Power)
	}
	for i, p := range frame.State.Probes {
		f.probes[i].add(p.Value)
	}
	for i, fan := range frame.State.Fans {
		f.fans[i].add(fan.Value)
	}
	for i, figure := range shown(frame.State.Figures) {
		if !figure.Ok() {
			figure.V = math.NaN()
		}
		f.figures[i].add(figure.V)
	}
}

func (f *film) appendTo(b []byte) []byte {
	shelf := f.Past.Shelf()
	b = append(b, '{')
	b = value(member(b, "from"), f.First)
	b = value(member(b, "frames"), len(f.Times))
	b = value(member(b, "columns"), shelf.Columns)
	b = value(member(b, "depth"), shelf.Depth)
	b = value(member(b, "limits"), limits{shelf.Limits.Inlet, shelf.Limits.Hot, shelf.Limits.SoC, shelf.Limits.Critical})
	b = list(member(b, "slots"), len(shelf.Slots), f.slot)
	b = list(member(b, "probes"), len(shelf.Probes), f.probe)
	b = list(member(b, "fans"), len(shelf.Fans), f.fan)
	b = append(member(b, "figures"), '{')
	for i, name := range shownNames() {
		b = f.figures[i].appendTo(member(b, name))
	}
	return append(b, "}}"...)
}

// limits are those of a shelf, as the other answers name them.
type limits struct {
	Inlet    float64 `json:"inlet"`
	Hot      float64 `json:"hot"`
	SoC      float64 `json:"soc"`
	Critical float64 `json:"critical"`
}

// slot appends the members of the slot at an index: its cell of the map, and what
// its own sensors said.
func (f *film) slot(b []byte, i int) []byte {
	slot := f.Past.Shelf().Slots[i]
	b = value(member(b, "slot"), slot.Number)
	b = orNull(member(b, "node"), string(slot.Node))
	b = f.cells[i].value.appendTo(member(b, "value"))
	b = f.cells[i].sd.appendTo(member(b, "sd"))
	b = letters(member(b, "source"), f.cells[i].sources)
	b = f.socs[i].appendTo(b, "soc", "soc_state")
	return f.powers[i].appendTo(b, "power", "power_state")
}

func (f *film) probe(b []byte, i int) []byte {
	p := f.Past.Shelf().Probes[i]
	b = value(member(b, "name"), p.Name)
	b = value(member(b, "sensor"), p.Sensor)
	b = value(member(b, "face"), p.Face)
	b = value(member(b, "x"), p.X)
	b = value(member(b, "y"), p.Y)
	return f.probes[i].appendTo(b, "value", "state")
}

func (f *film) fan(b []byte, i int) []byte {
	fan := f.Past.Shelf().Fans[i]
	b = value(member(b, "name"), fan.Name)
	b = value(member(b, "healthy"), fan.Healthy)
	return f.fans[i].appendTo(b, "value", "state")
}

// list appends n objects.
func list(b []byte, n int, members func([]byte, int) []byte) []byte {
	b = append(b, '[')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(members(append(b, '{'), i), '}')
	}
	return append(b, ']')
}

// value appends what always has a JSON form: strings, and finite numbers, which are
// all that a layout holds.
func value(b []byte, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic("no JSON of ours: " + err.Error())
	}
	return append(b, text...)
}

func orNull(b []byte, s string) []byte {
	if s == "" {
		return append(b, "null"...)
	}
	return value(b, s)
}
