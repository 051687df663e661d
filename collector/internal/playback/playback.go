// Package playback computes what a shelf looked like over a span of time: frame by
// frame, each the same as the map of that moment.
//
// The store is read once for all frames, and a frame is drawn from what was the
// newest then. When the layout of the shelf changed within the span, another
// section begins.
package playback

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"time"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/places"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/store"
	"thermarack/collector/internal/watch"
)

// Bounds on one playback.
const (
	MostFrames = 1500
	LongestFor = 31 * 24 * time.Hour
	LeastStep  = time.Second

	mostValues = 2_000_000 // records × frames, 16 bytes each: a shelf of 108 has 240 records
)

// ErrNoShelf reports a shelf that no layout had in the span.
var ErrNoShelf = errors.New("no such shelf in the layouts of that time")

// A RequestError says what of a request is out of bounds.
type RequestError struct {
	Part string // "from" or "frames"
	Why  string
}

func (e RequestError) Error() string { return "play back: " + e.Part + ": " + e.Why }

// Shelves know what is in force now, and build the states of a shelf. They are
// safe for concurrent use.
type Shelves interface {
	Layout() *layout.Layout
	Provisional() bool
	Past(l *layout.Layout, shelf string) (rack.Past, bool)
}

// Layouts know what a shelf was when; see places.History.
type Layouts interface {
	Periods(shelf string, from, to time.Time) iter.Seq[places.Period]
}

// Series is what is stored of a record name, from inclusive, to exclusive, in time
// order. The error is store.ErrNoSeries for a name never stored.
type Series interface {
	Range(ctx context.Context, name string, from, to time.Time) ([]store.Point, error)
}

// Bookmarks know when alerts of a shelf fired and were resolved; see
// watch.Journal.
type Bookmarks interface {
	Marks(shelf string, from, to time.Time) (marks []watch.Mark, since time.Time)
}

// Options say what a Player is made from.
type Options struct {
	Shelves   Shelves
	Series    Series
	Layouts   Layouts   // nil: the layout of Shelves was always valid
	Bookmarks Bookmarks // nil: nothing is known of alerts
}

// A Player makes reels. It is safe for concurrent use.
type Player struct{ opt Options }

// New returns a player.
func New(o Options) *Player { return &Player{o} }

// A Request says what is to be played.
type Request struct {
	Shelf    string // its id
	From, To time.Time
	Frames   int // 1 to MostFrames
	Layer    heatmap.Layer
}

// step is the time from one frame to the next, in whole ms.
func (r Request) step() time.Duration {
	return (r.To.Sub(r.From) / time.Duration(r.Frames)).Truncate(time.Millisecond)
}

func (r Request) check() error {
	span := r.To.Sub(r.From)
	switch {
	case r.Frames < 1 || r.Frames > MostFrames:
		return RequestError{"frames", fmt.Sprintf("want 1 to %d", MostFrames)}
	case span <= 0:
		return RequestError{"from", "is not before to"}
	case span > LongestFor:
		return RequestError{"from", "is more than 31 days before to"}
	case r.step() < LeastStep:
		return RequestError{"frames", fmt.Sprintf("want %d at most for this span: one a second", span/LeastStep)}
	}
	return nil
}

// A Reel is what will be played: nothing of it has been read yet.
type Reel struct {
	Request
	Step     time.Duration
	Sections []Section // in time order; a moment at which there was no such shelf is in none

	player *Player
}

// A Section is a run of frames during which the shelf stood as it did.
type Section struct {
	Times []time.Time // of its frames, at least one
	First int         // which frame of the reel the first of them is
	Past  rack.Past
}

// A Frame is a shelf at one moment.
type Frame struct {
	Section int // its index in the reel
	Index   int // of the frame in the reel
	State   rack.State
	Map     *heatmap.Map
}

// Open returns the reel of a request. Frames are evenly apart, and the last shows
// the moment To: of six hours in 360 frames, the first is a minute after From.
//
// The error is a RequestError for what is out of bounds, or wraps ErrNoShelf.
func (p *Player) Open(r Request) (*Reel, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	reel := &Reel{Request: r, Step: r.step(), player: p}
	var times []time.Time
	to := r.To.Truncate(time.Millisecond).UTC()
	for i := range r.Frames {
		times = append(times, to.Add(-time.Duration(r.Frames-1-i)*reel.Step))
	}
	for period := range p.periods(r.Shelf, times[0], to.Add(time.Millisecond)) {
		reel.add(period, times)
	}
	if len(reel.Sections) == 0 {
		return nil, fmt.Errorf("shelf %.200q: %w", r.Shelf, ErrNoShelf)
	}
	for _, s := range reel.Sections {
		if n := len(s.Past.Records()); n*len(s.Times) > mostValues {
			return nil, RequestError{"frames", fmt.Sprintf("want %d at most for a shelf of %d sensors", mostValues/n, n)}
		}
	}
	return reel, nil
}

// periods yields what a shelf was over a span. Without a layout file the
// provisional one is all there is, for the past too.
func (p *Player) periods(shelf string, from, to time.Time) iter.Seq[places.Period] {
	return func(yield func(places.Period) bool) {
		known := false
		if p.opt.Layouts != nil && !p.opt.Shelves.Provisional() {
			for period := range p.opt.Layouts.Periods(shelf, from, to) {
				known = true
				if !yield(period) {
					return
				}
			}
		}
		if !known {
			yield(places.Period{From: from, To: to, Layout: p.opt.Shelves.Layout()})
		}
	}
}

// add adds the frames of a period: to the last section, when nothing that can be
// seen has changed.
func (r *Reel) add(period places.Period, times []time.Time) {
	from, _ := slices.BinarySearchFunc(times, period.From, time.Time.Compare)
	to, _ := slices.BinarySearchFunc(times, period.To, time.Time.Compare)
	if from == to {
		return
	}
	past, ok := r.player.opt.Shelves.Past(period.Layout, r.Shelf)
	if !ok {
		return
	}
	if n := len(r.Sections); n > 0 {
		last := &r.Sections[n-1]
		if last.First+len(last.Times) == from && same(last.Past, past) {
			last.Times = times[last.First:to]
			return
		}
	}
	r.Sections = append(r.Sections, Section{Times: times[from:to], First: from, Past: past})
}

// same tells whether two make the same states.
func same(a, b rack.Past) bool {
	return reflect.DeepEqual(a.Shelf(), b.Shelf()) && slices.Equal(a.Records(), b.Records())
}

// Count returns how many frames there are.
func (r *Reel) Count() (n int) {
	for _, s := range r.Sections {
		n += len(s.Times)
	}
	return n
}
