package playback_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/places"
	"thermarack/collector/internal/playback"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/store"
	"thermarack/collector/internal/store/memory"
)

// frames plays a request to its end, or fails the test.
func frames(t *testing.T, s *shop, r playback.Request) []playback.Frame {
	t.Helper()
	reel, err := s.player.Open(r)
	if err != nil {
		t.Fatal(err)
	}
	var all []playback.Frame
	for f, err := range reel.Frames(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	if len(all) != reel.Count() {
		t.Errorf("%d frames of %d", len(all), reel.Count())
	}
	return all
}

// likeTheMap fails the test if a frame is not what the model and the map say of its
// moment.
func likeTheMap(t *testing.T, s *shop, layer heatmap.Layer, f playback.Frame) {
	t.Helper()
	state, err := s.model.State(t.Context(), shelfID, f.State.At)
	if err != nil {
		t.Fatal(err)
	}
	m, err := heatmap.New(state, layer)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f.State, state, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("state of frame %d at %v: -got +want\n%s", f.Index, f.State.At, diff)
	}
	if diff := cmp.Diff(f.Map, m, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("map of frame %d at %v: -got +want\n%s", f.Index, f.State.At, diff)
	}
}

// TestFramesAreTheMapsOfTheirMoments plays spans of random length and step over a
// history with gaps of random length, in which nodes also speak off the grid; and
// one that is read in several parts.
func TestFramesAreTheMapsOfTheirMoments(t *testing.T) {
	t.Parallel()
	l := shelfOf(t, 2, 2)
	s := open(memory.New(1000*time.Hour), l, nil, nil)
	dice := rand.New(rand.NewPCG(3, 4))
	past, _ := s.model.Past(l, shelfID)
	begin := noon.Add(-60 * time.Hour)
	for _, record := range past.Records() {
		var samples []store.Sample
		for at := begin; at.Before(noon); at = at.Add(time.Duration(1+dice.IntN(40)) * time.Second) {
			if dice.IntN(200) == 0 {
				at = at.Add(time.Duration(dice.ExpFloat64() * float64(2*time.Hour)))
			}
			samples = append(samples, sampleOf(record, at.Add(time.Duration(dice.IntN(1000))*time.Millisecond), 20+10*dice.Float64()))
		}
		if _, err := s.series.Append(t.Context(), samples); err != nil {
			t.Fatal(err)
		}
	}
	long := playback.Request{Shelf: shelfID, From: noon.Add(-50 * time.Hour), To: noon, Frames: 600, Layer: heatmap.SoC}
	for _, f := range frames(t, s, long) {
		likeTheMap(t, s, heatmap.SoC, f)
	}
	for range 25 {
		to := begin.Add(time.Duration(dice.Int64N(int64(61 * time.Hour))))
		n := 1 + dice.IntN(8)
		span := time.Duration(dice.Int64N(int64(50*time.Hour))) + time.Duration(n)*time.Second
		if dice.IntN(2) == 0 {
			span = time.Duration(dice.Int64N(int64(10*time.Minute))) + time.Duration(n)*time.Second
		}
		for _, f := range frames(t, s, playback.Request{Shelf: shelfID, From: to.Add(-span), To: to, Frames: n, Layer: heatmap.Air}) {
			likeTheMap(t, s, heatmap.Air, f)
		}
	}
}

func TestTheLastFrameIsTheEndAndTheOthersAreEvenlyBeforeIt(t *testing.T) {
	t.Parallel()
	s := open(memory.New(0), shelfOf(t, 2, 2), nil, nil)
	berlin := time.FixedZone("CET", 3600)
	// The night in which clocks there go from 1:59 to 3:00.
	to := time.Date(2026, 3, 29, 5, 0, 0, 0, berlin)
	all := frames(t, s, playback.Request{Shelf: shelfID, From: to.Add(-6 * time.Hour), To: to, Frames: 360, Layer: heatmap.SoC})
	if len(all) != 360 {
		t.Fatalf("%d frames", len(all))
	}
	for i, f := range all {
		want := time.Date(2026, 3, 28, 22, 1+i, 0, 0, time.UTC)
		if !f.State.At.Equal(want) || f.State.At.Location() != time.UTC || f.Index != i {
			t.Fatalf("frame %d shows %v, want %v", f.Index, f.State.At, want)
		}
	}
}

// moved is the shelf of two by two in which the Pi of slot 1 has been replaced, and
// a probe too.
func moved(t *testing.T) (before, after *layout.Layout) {
	after = shelfOf(t, 2, 2)
	after.Shelves[0].Slots[0].Node = "b827eb0000ff"
	after.Shelves[0].Probes[0].Offset = -0.5
	return shelfOf(t, 2, 2), after
}

func TestAChangeOfTheLayoutBeginsASection(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	before, after := moved(t)
	first := remember(t, dir, before, noon.Add(-24*time.Hour))
	kept := memory.New(0)
	fill(t, open(kept, before, first, nil), before, noon.Add(-time.Hour), noon)
	changed := noon.Add(-30*time.Minute + 500*time.Millisecond)
	second := remember(t, dir, after, changed)
	fill(t, open(kept, after, second, nil), onlyNew(after), noon.Add(-30*time.Minute), noon)
	s := open(kept, after, second, nil)
	reel, err := s.player.Open(playback.Request{Shelf: shelfID, From: noon.Add(-time.Hour), To: noon, Frames: 60, Layer: heatmap.Air})
	if err != nil {
		t.Fatal(err)
	}
	if len(reel.Sections) != 2 || reel.Sections[1].First != 30 || len(reel.Sections[0].Times) != 30 {
		t.Fatalf("sections: %+v", reel.Sections)
	}
	for i, want := range []*layout.Layout{before, after} {
		if got := reel.Sections[i].Past.Shelf().Slots[0].Node; got != want.Shelves[0].Slots[0].Node {
			t.Errorf("section %d has %s in slot 1", i, got)
		}
	}
	for _, f := range frames(t, s, reel.Request) {
		likeTheMap(t, s, heatmap.Air, f)
	}
}

// onlyNew is a layout with nothing but the Pi that moved brought.
func onlyNew(l *layout.Layout) *layout.Layout {
	cut := *l
	shelf := l.Shelves[0]
	shelf.Columns, shelf.Depth, shelf.Slots, shelf.Probes, shelf.Fans = 1, 1, shelf.Slots[:1], nil, nil
	shelf.Slots = []layout.Slot{{Number: 1, Node: shelf.Slots[0].Node}}
	cut.Shelves = []layout.Shelf{shelf}
	return &cut
}

func TestALayoutThatChangesElsewhereBeginsNoSection(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one := shelfOf(t, 2, 2)
	remember(t, dir, one, noon.Add(-24*time.Hour))
	other := shelfOf(t, 2, 2)
	added := other.Shelves[0]
	added.Name = "s4"
	added.Slots = []layout.Slot{{Number: 1}, {Number: 2}, {Number: 3}, {Number: 4}}
	added.Probes, added.Fans = nil, nil
	other.Shelves = append(other.Shelves, added)
	s := open(memory.New(0), other, remember(t, dir, other, noon.Add(-30*time.Minute)), nil)
	for shelf, sections := range map[string]int{shelfID: 1, "hex/a1/s4": 1} {
		reel, err := s.player.Open(playback.Request{Shelf: shelf, From: noon.Add(-time.Hour), To: noon, Frames: 60, Layer: heatmap.SoC})
		if err != nil || len(reel.Sections) != sections {
			t.Fatal(err, len(reel.Sections))
		}
		if n := reel.Count(); shelf != shelfID && n != 31 {
			t.Errorf("%d frames of a shelf that was there for the last half hour, want 31", n)
		}
	}
	_, err := s.player.Open(playback.Request{Shelf: "hex/a1/s4", From: noon.Add(-2 * time.Hour), To: noon.Add(-time.Hour), Frames: 60, Layer: heatmap.SoC})
	if !errors.Is(err, playback.ErrNoShelf) {
		t.Errorf("before it was there: %v", err)
	}
}

// remember opens a history of layouts in which l is in force from a moment on.
func remember(t *testing.T, dir string, l *layout.Layout, now time.Time) *places.History {
	t.Helper()
	h, err := places.Open(places.Options{Dir: dir, Layout: l, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestTheStoreIsReadOnceForAllFrames(t *testing.T) {
	t.Parallel()
	l := shelfOf(t, 4, 3)
	counted := &countedStore{Store: memory.New(0)}
	s := open(counted, l, nil, nil)
	past, _ := s.model.Past(l, shelfID)
	frames(t, s, playback.Request{Shelf: shelfID, From: noon.Add(-6 * time.Hour), To: noon, Frames: 1500, Layer: heatmap.SoC})
	if got, want := len(counted.read), len(past.Records()); got != want {
		t.Errorf("the store was asked %d times for %d records", got, want)
	}
}

func TestALongSpanIsReadInPartsThatLeaveNothingOutAndReadNothingTwice(t *testing.T) {
	t.Parallel()
	const lookback = 12 * stale
	tests := []struct {
		name  string
		span  time.Duration
		n     int
		parts int
		read  time.Duration
	}{
		{"frames close together", 50 * time.Hour, 600, 3, 50*time.Hour - 5*time.Minute + lookback},
		{"frames so far apart that what is between is left out", 20 * 24 * time.Hour, 10, 10, 10 * lookback},
		{"frames half an hour apart", 24 * time.Hour, 48, 1, 24*time.Hour - 30*time.Minute + lookback},
	}
	for _, tt := range tests {
		counted := &countedStore{Store: memory.New(0)}
		l := rackful(1, 1)
		s := open(counted, l, nil, nil)
		frames(t, s, playback.Request{Shelf: "hex/provisional/1", From: noon.Add(-tt.span), To: noon, Frames: tt.n, Layer: heatmap.SoC})
		var sum time.Duration
		end := time.Time{}
		for _, r := range counted.read {
			sum += r[1].Sub(r[0])
			if length := r[1].Sub(r[0]); length > 24*time.Hour || r[0].Before(end) {
				t.Errorf("%s: reads %v from %v, after %v", tt.name, length, r[0], end)
			}
			end = r[1]
		}
		if len(counted.read) != tt.parts || sum.Round(time.Second) != tt.read || !end.Equal(noon.Add(time.Millisecond)) {
			t.Errorf("%s: %d parts of %v until %v, want %d of %v", tt.name, len(counted.read), sum, end, tt.parts, tt.read)
		}
	}
}

// A countedStore remembers what it was asked, and answers nothing after the first
// limit of questions when that is not 0.
type countedStore struct {
	*memory.Store
	limit int

	mu   sync.Mutex
	read [][2]time.Time
}

var errBroken = errors.New("the disk is broken")

func (c *countedStore) Range(ctx context.Context, name string, from, to time.Time) ([]store.Point, error) {
	c.mu.Lock()
	c.read = append(c.read, [2]time.Time{from, to})
	n := len(c.read)
	c.mu.Unlock()
	if c.limit > 0 && n > c.limit {
		return nil, errBroken
	}
	return c.Store.Range(ctx, name, from, to)
}

func TestWhatTheStoreCannotReadEndsThePlayback(t *testing.T) {
	t.Parallel()
	s := open(&countedStore{Store: memory.New(0), limit: 5}, shelfOf(t, 4, 3), nil, nil)
	reel, err := s.player.Open(playback.Request{Shelf: shelfID, From: noon.Add(-time.Hour), To: noon, Frames: 60, Layer: heatmap.SoC})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err = range reel.Frames(t.Context()) {
		n++
	}
	if !errors.Is(err, errBroken) || n != 1 {
		t.Errorf("after %d frames: %v", n, err)
	}
	if err := reel.WriteJSON(t.Context(), nil); !errors.Is(err, errBroken) {
		t.Errorf("as JSON: %v", err)
	}
}

func TestWhoLeavesLeavesNothingInTheMaking(t *testing.T) {
	t.Parallel()
	s := open(memory.New(0), shelfOf(t, 4, 3), nil, nil)
	r := playback.Request{Shelf: shelfID, From: noon.Add(-time.Hour), To: noon, Frames: 60, Layer: heatmap.SoC}
	synctest.Test(t, func(t *testing.T) { // fails if a goroutine is left
		reel, err := s.player.Open(r)
		if err != nil {
			t.Fatal(err)
		}
		for range reel.Frames(t.Context()) {
			break
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		n := 0
		for _, err = range reel.Frames(ctx) {
			if n++; n == 10 {
				cancel()
			}
		}
		if !errors.Is(err, context.Canceled) || n > 30 {
			t.Errorf("after %d frames: %v", n, err)
		}
	})
}

func TestRequestsOutOfBoundsSayWhichPart(t *testing.T) {
	t.Parallel()
	s := open(memory.New(0), shelfOf(t, 2, 2), nil, nil)
	big := open(memory.New(0), rackful(50, 40), nil, nil)
	tests := []struct {
		name  string
		shop  *shop
		span  time.Duration
		n     int
		part  string
		shelf string
	}{
		{"no frame", s, time.Hour, 0, "frames", shelfID},
		{"too many", s, time.Hour, playback.MostFrames + 1, "frames", shelfID},
		{"closer than a second", s, 10 * time.Second, 11, "frames", shelfID},
		{"backwards", s, -time.Hour, 10, "from", shelfID},
		{"nothing", s, 0, 1, "from", shelfID},
		{"longer than a month", s, 32 * 24 * time.Hour, 10, "from", shelfID},
		{"more than fits into memory", big, time.Hour, 1001, "frames", "hex/provisional/1"},
		{"as much as fits", big, time.Hour, 1000, "", "hex/provisional/1"},
	}
	for _, tt := range tests {
		_, err := tt.shop.player.Open(playback.Request{Shelf: tt.shelf, From: noon.Add(-tt.span), To: noon, Frames: tt.n, Layer: heatmap.SoC})
		var fault playback.RequestError
		if got := errors.As(err, &fault); got != (tt.part != "") || fault.Part != tt.part {
			t.Errorf("%s: %v, want one about %q", tt.name, err, tt.part)
		}
	}
}

var _ rack.History = (*countedStore)(nil)
