package web_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"image/gif"
	"image/png"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"thermarack/agent/wire"
	"thermarack/agent/wire/clock"
	"thermarack/collector/internal/playback"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/store"
	"thermarack/collector/internal/store/memory"
	"thermarack/collector/internal/watch"
)

// playable gives a world ten minutes before noon that can be played, and an alert
// in them. Of its three Pis the last falls silent on the way.
func (w *world) playable(tb testing.TB) *rack.Model {
	tb.Helper()
	kept := memory.New(0)
	model := rack.New(rack.Options{Layout: w.racks.layout, History: kept, Stale: time.Minute, Clock: clock.Clock{}})
	shelf := &w.racks.layout.Shelves[0]
	var samples []store.Sample
	note := func(at time.Time, record, unit string, v float64) {
		device, quantity, _ := wire.SplitName(record)
		samples = append(samples, store.Sample{
			Series: store.Series{Site: "hex", Node: "b827eb000001", Device: device, Quantity: quantity, Unit: unit},
			Point:  store.Point{Time: at, Value: v},
		})
	}
	for at := noon.Add(-10 * time.Minute); !at.After(noon); at = at.Add(10 * time.Second) {
		age := noon.Sub(at)
		for i, slot := range shelf.Slots {
			if silent := i == 4 && age < 5*time.Minute; slot.Node != "" && !silent {
				note(at, slot.Node.Device("soc")+":temperature", "Cel", 50+float64(i)+math.Sin(age.Minutes()))
			}
		}
		for i, p := range shelf.Probes {
			note(at, p.Sensor+":temperature", "Cel", 22+float64(i)+age.Minutes()/7)
		}
		note(at, shelf.Fans[0].Speed, "1/s", 44)
	}
	if _, err := kept.Append(tb.Context(), samples); err != nil {
		tb.Fatal(err)
	}
	marks := watch.NewJournal(watch.Marks{}, noon.Add(-time.Hour))
	for i, event := range []watch.Event{watch.Fired, watch.Resolved} {
		marks.Note(watch.Change{At: noon.Add(time.Duration(i-6) * time.Minute), Event: event, Active: watch.Active{
			Alert: "SocTemperature", Severity: "warning", Site: "hex", Rack: "a1", Shelf: "s3", Slot: 2, Summary: "hot",
		}})
	}
	w.opt.Playback = playback.New(playback.Options{Shelves: model, Series: kept, Bookmarks: marks})
	return model
}

func TestAPlaybackIsTheMapAtEachMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.opt.Racks = w.playable(t)
	h := w.server(t).Handler()
	for _, layer := range []string{"air", "soc"} {
		got := ask(h, httptest.NewRequest("GET", shelfAt+"/playback?frames=9&from=2026-03-04T11:51:00Z&layer="+layer, nil))
		var film film
		if err := json.Unmarshal(got.Body.Bytes(), &film); err != nil || len(film.Sections) != 1 {
			t.Fatalf("%v: %d %s", err, got.Code, got.Body)
		}
		for frame := range film.Frames {
			at := film.First.Add(time.Duration(float64(frame) * film.Step * float64(time.Second)))
			picture := ask(h, httptest.NewRequest("GET", fmt.Sprintf("%s/heatmap.json?layer=%s&at=%s", shelfAt, layer, at.Format(time.RFC3339)), nil))
			var m mapped
			if err := json.Unmarshal(picture.Body.Bytes(), &m); err != nil || len(m.Cells) != 12 {
				t.Fatalf("%v in %s", err, picture.Body)
			}
			for i, cell := range m.Cells {
				if got, want := film.Sections[0].Slots[i].at(frame), cell.shown(); got != want {
					t.Errorf("%s at %v slot %d: %s, the map has %s", layer, at, cell.Slot, got, want)
				}
			}
		}
	}
}

// film is what a player reads of a playback.
type film struct {
	First    time.Time
	Step     float64
	Frames   int
	Sections []struct{ Slots []playedSlot }
}

type playedSlot struct {
	Value, SD []*int
	Source    string
}

// at says what a slot's cell is at a frame.
func (s playedSlot) at(frame int) string {
	return fmt.Sprintf("%s ± %s %c", hundredths(s.Value, frame), hundredths(s.SD, frame), s.Source[frame])
}

// hundredths returns a number of a list that is in hundredths.
func hundredths(list []*int, frame int) string {
	sum := 0
	for i, d := range list {
		if d != nil {
			sum += *d
		}
		if i == frame && d != nil {
			return fmt.Sprint(float64(sum) / 100)
		}
	}
	return "null"
}

type mapped struct{ Cells []mappedCell }

type mappedCell struct {
	Slot      int
	Value, SD *float64
	Source    string
}

// shown says what a cell of a map is, in the letters of a playback.
func (c mappedCell) shown() string {
	number := func(v *float64) string {
		if v == nil {
			return "null"
		}
		return fmt.Sprint(*v)
	}
	letter := map[string]string{"measured": "M", "inferred": "I", "stale": "S", "missing": "-"}[c.Source]
	return number(c.Value) + " ± " + number(c.SD) + " " + letter
}

func TestAPlaybackIsZippedForWhoCanReadIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.playable(t)
	h := w.server(t).Handler()
	path := shelfAt + "/playback?frames=60&from=2026-03-04T11:50:00Z"
	plain := ask(h, httptest.NewRequest("GET", path, nil))
	if plain.Code != 200 || plain.Header().Get("Content-Encoding") != "" {
		t.Fatalf("%d %v", plain.Code, plain.Header())
	}
	tests := map[string]bool{
		"gzip": true, "br, gzip;q=0.8": true, "deflate,gzip": true,
		"": false, "br": false, "gzip;q=0": false, "gzip;q=0.0": false, "gzip;q=x": false, "xgzip": false,
	}
	for accepts, want := range tests {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Accept-Encoding", accepts)
		got := ask(h, r)
		if zipped := got.Header().Get("Content-Encoding") == "gzip"; zipped != want || got.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: %v", accepts, got.Header())
		}
		if want != (got.Header().Get("ETag") != plain.Header().Get("ETag")) {
			t.Errorf("%q: the tag must tell zipped from plain", accepts)
		}
		if !want {
			continue
		}
		z, err := gzip.NewReader(got.Body)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(z); err != nil || !bytes.Equal(text, plain.Body.Bytes()) {
			t.Errorf("%q: %v, %d bytes unzipped of %d", accepts, err, len(text), plain.Body.Len())
		}
	}
}

func TestAPastThatIsOverMayBeKeptByTheBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.playable(t)
	w.opt.Settled = 3 * time.Minute
	h := w.server(t).Handler()
	tests := map[string]string{"11:56:59": "private, max-age=3600", "11:57:00": "no-cache", "12:00:00": "no-cache"}
	for to, want := range tests {
		path := shelfAt + "/playback?frames=3&from=2026-03-04T11:50:00Z&to=2026-03-04T" + to + "Z"
		first := ask(h, httptest.NewRequest("GET", path, nil))
		if got := first.Header().Get("Cache-Control"); first.Code != 200 || got != want {
			t.Errorf("to %s: %d, Cache-Control %q, want %q", to, first.Code, got, want)
		}
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("If-None-Match", first.Header().Get("ETag"))
		if again := ask(h, r); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
			t.Errorf("asked again: %d", again.Code)
		}
	}
}

func TestWhatCannotBePlayedSaysWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.playable(t)
	h := w.server(t).Handler()
	tests := []struct {
		path string
		code int
		want string
	}{
		{"/playback?frames=0", 400, "parameter frames: want 1 to 1500"},
		{"/playback?frames=1501", 400, "parameter frames: want 1 to 1500"},
		{"/playback?frames=many", 400, "parameter frames"},
		{"/playback?frames=12&from=1772625590&to=1772625600", 400, "parameter frames: want 10 at most"},
		{"/playback?from=1772625600&to=1772625600", 400, "parameter from: is not before to"},
		{"/playback?from=0", 400, "parameter from: is more than 31 days before to"},
		{"/playback?from=yesterday", 400, "parameter from: want RFC 3339"},
		{"/playback?layer=moon", 400, "parameter layer"},
		{"/playback.png?frames=601", 400, "parameter frames: want 1 to 600"},
		{"/playback.gif?width=1601", 400, "parameter width: want 200 to 1600"},
		{"/playback.gif?palette=rainbow", 400, "parameter palette"},
		{"/playback.jpeg", 404, "want heatmap.svg"},
	}
	for _, tt := range tests {
		got := ask(h, httptest.NewRequest("GET", shelfAt+tt.path, nil))
		if got.Code != tt.code || !strings.Contains(got.Body.String(), tt.want) {
			t.Errorf("%s: %d %s, want %d %s", tt.path, got.Code, got.Body, tt.code, tt.want)
		}
		decode(t, got)
	}
	if got := ask(h, httptest.NewRequest("GET", "/api/v1/shelves/hex/a1/s9/playback", nil)); got.Code != 404 {
		t.Errorf("another shelf: %d %s", got.Code, got.Body)
	}
	if got := newWorld(t).get(t, shelfAt+"/playback"); got.Code != http.StatusNotImplemented {
		t.Errorf("without a history: %d", got.Code)
	}
}

func TestASpanIsAMovingPicture(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.playable(t)
	h := w.server(t).Handler()
	const span = "?frames=4&from=2026-03-04T11:52:00Z&width=300"
	got := ask(h, httptest.NewRequest("GET", shelfAt+"/playback.gif"+span, nil))
	if got.Code != 200 || got.Header().Get("Content-Type") != "image/gif" {
		t.Fatalf("%d %v %s", got.Code, got.Header(), got.Body)
	}
	moving, err := gif.DecodeAll(got.Body)
	if err != nil || len(moving.Image) != 4 || moving.Config.Width != 300 {
		t.Errorf("GIF: %v", err)
	}
	got = ask(h, httptest.NewRequest("GET", shelfAt+"/playback.png"+span, nil))
	if got.Code != 200 || got.Header().Get("Content-Type") != "image/apng" {
		t.Fatalf("%d %v", got.Code, got.Header())
	}
	if frames := bytes.Count(got.Body.Bytes(), []byte("fcTL")); frames != 4 {
		t.Errorf("%d frames", frames)
	}
	if first, err := png.Decode(got.Body); err != nil || first.Bounds().Dx() != 300 {
		t.Errorf("PNG: %v", err)
	}
}

func TestWhoLeavesEndsThePlayback(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/playback", "/playback.gif?frames=5"} {
		w := newWorld(t)
		model := w.playable(t)
		waits := waitingSeries{asked: make(chan struct{}, 99)}
		w.opt.Playback = playback.New(playback.Options{Shelves: model, Series: waits})
		h := w.server(t).Handler()
		ctx, leave := context.WithCancel(t.Context())
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			ask(h, httptest.NewRequest("GET", shelfAt+path, nil).WithContext(ctx))
		}()
		<-waits.asked
		leave()
		<-answered // or the test runs into its time limit
	}
}

// A waitingSeries answers when nobody waits any more.
type waitingSeries struct{ asked chan struct{} }

func (s waitingSeries) Range(ctx context.Context, _ string, _, _ time.Time) ([]store.Point, error) {
	s.asked <- struct{}{}
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestTwoPlaybacksAreMadeAtATimeAndOthersWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		waits := waitingSeries{asked: make(chan struct{}, 999)}
		w.opt.Playback = playback.New(playback.Options{Shelves: w.playable(t), Series: waits})
		h := w.server(t).Handler()
		codes := make(chan int, 5)
		for range 5 {
			go func() { codes <- ask(h, httptest.NewRequest("GET", shelfAt+"/playback", nil)).Code }()
		}
		time.Sleep(11 * time.Second) // fake time: longer than others wait
		synctest.Wait()
		if n := len(codes); n != 3 {
			t.Errorf("%d were answered, want three", n)
		}
		for range len(codes) {
			if code := <-codes; code != http.StatusServiceUnavailable {
				t.Errorf("one that waited: %d, want 503", code)
			}
		}
		for range 2 { // after as long as an answer may take
			if code := <-codes; code != http.StatusServiceUnavailable {
				t.Errorf("one that takes too long: %d, want 503", code)
			}
		}
	})
}

func FuzzPlaybackParameters(f *testing.F) {
	for _, seed := range []string{
		"frames=3", "frames=3&from=1772625000&to=1772625600", "from=2026-03-04T11:00:00%2B01:00&frames=2&layer=soc",
		"to=253402300799&from=0", "frames=-1", "from=1e300", "to=NaN&frames=1500", "layer=excess&frames=1",
	} {
		f.Add(seed)
	}
	w := newWorld(f)
	w.playable(f)
	h := w.server(f).Handler()
	f.Fuzz(func(t *testing.T, query string) {
		if values, err := url.ParseQuery(query); err != nil || len(values.Get("frames")) > 2 {
			t.Skip("what is allowed and long is tested elsewhere")
		}
		r := httptest.NewRequest("GET", shelfAt+"/playback", nil)
		r.URL.RawQuery = query
		got := ask(h, r)
		if got.Code >= 500 && got.Code != http.StatusNotImplemented || !json.Valid(got.Body.Bytes()) {
			t.Errorf("%q: %d %.300s", query, got.Code, got.Body)
		}
	})
}
