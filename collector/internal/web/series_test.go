package web_test

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/places"
	"thermarack/collector/internal/store"
)

// minutes is a series whose value at a full minute is that minute of the day.
func minutes(from, to time.Time) []store.Point {
	return every(time.Minute, func(t time.Time) float64 { return float64(t.Hour()*60 + t.Minute()) })(from, to)
}

func TestASeriesComesAsItIsOrInBuckets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.series["urn:dev:ow:28c1000000000000:temperature"] = minutes
	const sensor = "/api/v1/series?sensor=urn:dev:ow:28c1000000000000:temperature"
	tests := []struct{ name, query, want string }{
		{"from is in, to is out", "&from=2026-03-04T01:00:00Z&to=2026-03-04T01:02:00Z",
			`{"sensor":"urn:dev:ow:28c1000000000000:temperature","unit":"Cel","from":"2026-03-04T01:00:00Z","to":"2026-03-04T01:02:00Z","step":0,
			"points":[{"t":"2026-03-04T01:00:00Z","value":60},{"t":"2026-03-04T01:01:00Z","value":61}]}`},
		{"buckets stand on the grid of the epoch", "&from=1772586180&to=1772586840&step=5m",
			`{"sensor":"urn:dev:ow:28c1000000000000:temperature","unit":"Cel","from":"2026-03-04T01:03:00Z","to":"2026-03-04T01:14:00Z","step":300,
			"points":[{"t":"2026-03-04T01:00:00Z","mean":63.5,"min":63,"max":64},{"t":"2026-03-04T01:05:00Z","mean":67,"min":65,"max":69},
			{"t":"2026-03-04T01:10:00Z","mean":71.5,"min":70,"max":73}]}`},
		{"step in seconds, to is now when left out", "&from=2026-03-04T11:58:00Z&step=60",
			`{"sensor":"urn:dev:ow:28c1000000000000:temperature","unit":"Cel","from":"2026-03-04T11:58:00Z","to":"2026-03-04T12:00:00Z","step":60,
			"points":[{"t":"2026-03-04T11:58:00Z","mean":718,"min":718,"max":718},{"t":"2026-03-04T11:59:00Z","mean":719,"min":719,"max":719}]}`},
		{"a span without points", "&from=2026-03-04T01:00:01Z&to=2026-03-04T01:00:59Z",
			`{"sensor":"urn:dev:ow:28c1000000000000:temperature","unit":"Cel","from":"2026-03-04T01:00:01Z","to":"2026-03-04T01:00:59Z","step":0,"points":[]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(decode(t, w.get(t, sensor+tt.query)), literal(t, tt.want)); diff != "" {
				t.Errorf("-got +want\n%s", diff)
			}
		})
	}
}

func TestALongSeriesIsAskedForInWindows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.series["a:temperature"] = minutes
	got := decode(t, w.get(t, "/api/v1/series?sensor=a:temperature&from=2026-02-22T12:00:00Z&step=1h")).(map[string]any)
	points := got["points"].([]any)
	if len(points) != 240 {
		t.Errorf("%d hours in ten days", len(points))
	}
	last := points[239].(map[string]any)
	if last["min"] != 660.0 || last["max"] != 719.0 || last["mean"] != 689.5 {
		t.Errorf("the last hour is %v", last)
	}
}

func TestPlacesMeanWhatStandsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.racks.layout = parse(t, strings.Replace(small, "sites:", `switches: {sw: {mac: 0011223344ff}}
sites:`, 1)+`
`)
	w.racks.layout.Shelves[0].Slots[4].Switch, w.racks.layout.Shelves[0].Slots[4].Port = "sw", 7
	constant := func(v float64) func(from, to time.Time) []store.Point {
		return every(time.Minute, func(time.Time) float64 { return v })
	}
	w.series["urn:dev:mac:b827ebfffe000005_soc:temperature"] = constant(55)
	w.series["urn:dev:mac:001122fffe3344ff_port7:power"] = constant(4)
	w.series["urn:dev:ow:28c1000000000000:temperature"] = constant(24)
	w.series["urn:dev:ow:28a1000000000000:temperature"] = constant(29)
	w.series["urn:dev:ow:28a2000000000000:temperature"] = constant(33)
	w.series["urn:dev:mac:b827ebfffe000001_fan1:speed"] = constant(44)
	tests := []struct {
		place          string
		mean, min, max float64
	}{
		{"slot/5:temperature", 55, 55, 55},
		{"slot/5:power", 4, 4, 4},
		{"probe/c1:temperature", 24.5, 24.5, 24.5},
		{"face/hot:temperature", 30.5, 29, 32},
		{"fan/left:speed", 44, 44, 44},
	}
	for _, tt := range tests {
		got := decode(t, w.get(t, "/api/v1/series?step=60&from=1772620200&to=1772620260&sensor=place:hex/a1/s3/"+tt.place)).(map[string]any)
		want := map[string]any{"t": "2026-03-04T10:30:00Z", "mean": tt.mean, "min": tt.min, "max": tt.max}
		if diff := cmp.Diff(got["points"], any([]any{want})); diff != "" {
			t.Errorf("%s: -got +want\n%s", tt.place, diff)
		}
	}
}

func TestAFaceLeavesOutAProbeNeverHeardOf(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.series["urn:dev:ow:28a1000000000000:temperature"] = every(time.Minute, func(time.Time) float64 { return 29 })
	got := w.get(t, "/api/v1/series?step=60&from=1772620200&to=1772620260&sensor=place:hex/a1/s3/face/hot:temperature")
	if got.Code != 200 || !strings.Contains(got.Body.String(), `"mean":29,`) {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

// years are layouts, each valid for a day up to noon.
type years []*layout.Layout

func (y years) Periods(_ string, from, to time.Time) iter.Seq[places.Period] {
	var all []places.Period
	for i, l := range y {
		end := noon.Add(time.Duration(i+1-len(y)) * 24 * time.Hour)
		p := places.Period{From: end.Add(-24 * time.Hour), To: end, Layout: l}
		if p.From.Before(from) {
			p.From = from
		}
		if p.To.After(to) {
			p.To = to
		}
		if p.From.Before(p.To) {
			all = append(all, p)
		}
	}
	return slices.Values(all)
}

func TestAPlaceKeepsItsHistoryWhenALayoutPutsAnotherThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	edit := func(pairs ...string) *layout.Layout {
		return parse(t, strings.NewReplacer(pairs...).Replace(small))
	}
	w.opt.Layouts = years{
		edit("s3:", "s4:"), // there was no shelf yet
		edit("28a1000000000000", "28aa000000000000", "b827eb000005", "b827eb000009", "offset: -1", "offset: 1"),
		edit("h2,", "h9,"), // the second is another place
		w.racks.layout,
	}
	for name, v := range map[string]float64{
		"urn:dev:ow:28aa000000000000": 10, "urn:dev:ow:28a1000000000000": 20, "urn:dev:ow:28a2000000000000": 30,
		"urn:dev:mac:b827ebfffe000009_soc": 50, "urn:dev:mac:b827ebfffe000005_soc": 60,
	} {
		w.series[name+":temperature"] = every(6*time.Hour, func(time.Time) float64 { return v })
	}
	h := w.server(t).Handler()
	const days = "&from=2026-02-28T12:00:00Z&to=2026-03-04T12:00:00Z"
	tests := []struct{ query, want string }{
		{"place:hex/a1/s3/slot/5:temperature&from=2026-03-02T20:00:00Z", `2026-03-03T00:00:00Z 60, 2026-03-03T06:00:00Z 60, 2026-03-03T12:00:00Z 60, 2026-03-03T18:00:00Z 60, 2026-03-04T00:00:00Z 60, 2026-03-04T06:00:00Z 60`},
		{"place:hex/a1/s3/slot/5:temperature&from=2026-03-02T06:00:00Z&to=2026-03-03T00:00:00Z", `2026-03-02T06:00:00Z 50, 2026-03-02T12:00:00Z 60, 2026-03-02T18:00:00Z 60`},
		{"place:hex/a1/s3/probe/h1:temperature&step=24h" + days, `2026-03-01T00:00:00Z 10, 2026-03-02T00:00:00Z 15, 2026-03-03T00:00:00Z 20, 2026-03-04T00:00:00Z 20`},
		{"place:hex/a1/s3/probe/h2:temperature&step=24h" + days, `2026-03-01T00:00:00Z 31, 2026-03-02T00:00:00Z 31, 2026-03-03T00:00:00Z 29, 2026-03-04T00:00:00Z 29`},
		{"place:hex/a1/s4/slot/5:temperature" + days, `2026-02-28T12:00:00Z 60, 2026-02-28T18:00:00Z 60, 2026-03-01T00:00:00Z 60, 2026-03-01T06:00:00Z 60`},
		{"urn:dev:mac:b827ebfffe000009_soc:temperature&from=2026-03-04T00:00:00Z", `2026-03-04T00:00:00Z 50, 2026-03-04T06:00:00Z 50`},
	}
	for _, tt := range tests {
		d := decode(t, ask(h, httptest.NewRequest("GET", "/api/v1/series?sensor="+tt.query, nil))).(map[string]any)
		var got []string
		points, _ := d["points"].([]any)
		for _, p := range points {
			p := p.(map[string]any)
			if p["value"] == nil {
				p["value"] = p["mean"]
			}
			got = append(got, fmt.Sprintf("%v %v", p["t"], p["value"]))
		}
		if got := strings.Join(got, ", "); got != tt.want {
			t.Errorf("%s:\n got %s %v\nwant %s", tt.query, got, d["error"], tt.want)
		}
	}
	if got := ask(h, httptest.NewRequest("GET", "/api/v1/series?sensor=place:hex/a1/s3/slot/5:temperature&from=2026-02-28T12:00:00Z&to=2026-02-28T18:00:00Z", nil)); got.Code != 404 {
		t.Errorf("before there was a shelf: %d %s", got.Code, got.Body)
	}
	delete(w.series, "urn:dev:mac:b827ebfffe000009_soc:temperature") // older than the retention, say
	if got := ask(h, httptest.NewRequest("GET", "/api/v1/series?sensor=place:hex/a1/s3/slot/5:temperature"+days, nil)); got.Code != 200 {
		t.Errorf("one of two was never stored: %d %s", got.Code, got.Body)
	}
}

func TestWithoutALayoutFileAPlaceIsThatOfTheProvisionalLayout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.racks.provisional = true
	w.opt.Layouts = years{&layout.Layout{}}
	w.series["urn:dev:mac:b827ebfffe000005_soc:temperature"] = minutes
	if got := w.get(t, "/api/v1/series?sensor=place:hex/a1/s3/slot/5:temperature"); got.Code != 200 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

// slow is a store whose reads take until their context ends.
type slow struct{ ended chan error }

func (s slow) Range(ctx context.Context, _ string, _, _ time.Time) ([]store.Point, error) {
	<-ctx.Done()
	s.ended <- ctx.Err()
	return nil, ctx.Err()
}

func (s slow) Unit(context.Context, string) (string, error) { return "", nil }

func TestAReadEndsWithItsClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := slow{make(chan error, 1)}
	w.opt.Series = s
	r := w.run(t)
	for _, path := range []string{"series?sensor=a:temperature", "series?sensor=a:temperature&step=60", "export.csv?sensor=a:temperature", "export.csv?sensor=a:temperature&step=60"} {
		ctx, cancel := context.WithCancel(t.Context())
		asked, err := http.NewRequestWithContext(ctx, "GET", r.url+"/api/v1/"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			if answer, err := r.client.Do(asked); err == nil {
				answer.Body.Close()
			}
		}()
		cancelled := time.AfterFunc(20*time.Millisecond, cancel)
		if err := <-s.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: the read ended with %v", path, err)
		}
		cancelled.Stop()
		<-done
	}
}

func TestAReadEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := slow{make(chan error, 1)}
		w.opt.Series = s
		h := w.server(t).Handler()
		for _, path := range []string{"series?sensor=a:temperature", "series?sensor=a:temperature&step=60", "export.csv?sensor=a:temperature&step=60"} {
			begin := time.Now()
			got := ask(h, httptest.NewRequest("GET", "/api/v1/"+path, nil))
			if took := time.Since(begin); got.Code != 503 || took != 30*time.Second || !errors.Is(<-s.ended, context.DeadlineExceeded) {
				t.Errorf("%s: %d after %v", path, got.Code, took)
			}
		}
	})
}

func TestWrongQuestionsForASeriesNameTheParameter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.series["a:temperature"] = minutes
	h := w.server(t).Handler()
	tests := []struct {
		query  string
		status int
		says   string
	}{
		{"", 400, "parameter sensor"},
		{"sensor=temperature", 400, "parameter sensor"},
		{"sensor=" + strings.Repeat("a", 600) + ":b", 400, "parameter sensor"},
		{"sensor=never:temperature", 404, "no such series"},
		{"sensor=place:hex/a1:temperature", 400, "parameter sensor"},
		{"sensor=place:hex/a1/s9/slot/1:temperature", 404, "no shelf"},
		{"sensor=place:hex/a1/s3/door/1:temperature", 400, "parameter sensor"},
		{"sensor=place:hex/a1/s3/slot/99:temperature", 404, "nothing measures"},
		{"sensor=place:hex/a1/s3/slot/3:temperature", 404, "nothing measures"},
		{"sensor=place:hex/a1/s3/slot/1:power", 404, "nothing measures"},
		{"sensor=place:hex/a1/s3/fan/left:temperature", 404, "nothing measures"},
		{"sensor=place:hex/a1/s3/face/hot:temperature", 400, "parameter step"},
		{"sensor=a:temperature&from=x", 400, "parameter from"},
		{"sensor=a:temperature&to=x", 400, "parameter to"},
		{"sensor=a:temperature&from=10&to=10", 400, "parameter from"},
		{"sensor=a:temperature&from=0", 400, "parameter from"},
		{"sensor=a:temperature&step=x", 400, "parameter step"},
		{"sensor=a:temperature&step=0", 400, "parameter step"},
		{"sensor=a:temperature&step=1ms", 400, "parameter step"},
		{"sensor=a:temperature&step=-5m", 400, "parameter step"},
		{"sensor=a:temperature&step=NaN", 400, "parameter step"},
		{"sensor=a:temperature&step=1e300", 400, "parameter step"},
		{"sensor=a:temperature&step=1", 400, "parameter step"},
		{"sensor=a:temperature&from=2025-09-01T00:00:00Z", 400, "parameter from"}, // too many points
	}
	for _, tt := range tests {
		got := ask(h, httptest.NewRequest("GET", "/api/v1/series?"+tt.query, nil))
		if got.Code != tt.status || !strings.Contains(got.Body.String(), tt.says) {
			t.Errorf("%s: %d %s, want %d and %q", tt.query, got.Code, got.Body, tt.status, tt.says)
		}
	}
}

func TestExportIsTheSameAsCSV(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.series["a:temperature"] = every(time.Minute, func(t time.Time) float64 { return float64(t.Minute()) + 0.25 })
	tests := []struct {
		query string
		want  [][]string
	}{
		{"from=1772620200&to=1772620320", [][]string{{"time", "value"}, {"2026-03-04T10:30:00Z", "30.25"}, {"2026-03-04T10:31:00Z", "31.25"}}},
		{"from=1772620200&to=1772620320&step=2m", [][]string{{"time", "mean", "min", "max"}, {"2026-03-04T10:30:00Z", "30.75", "30.25", "31.25"}}},
		{"from=1772620201&to=1772620202", [][]string{{"time", "value"}}},
	}
	for _, tt := range tests {
		answer := w.get(t, "/api/v1/export.csv?sensor=a:temperature&"+tt.query)
		got, err := csv.NewReader(answer.Body).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, tt.want); diff != "" {
			t.Errorf("%s: -got +want\n%s", tt.query, diff)
		}
		if kind := answer.Header().Get("Content-Type"); !strings.HasPrefix(kind, "text/csv") {
			t.Errorf("content type %q", kind)
		}
	}
	if got := w.get(t, "/api/v1/export.csv?sensor=never:temperature"); got.Code != 404 || got.Header().Get("Content-Disposition") != "" {
		t.Errorf("never stored: %d %v", got.Code, got.Header())
	}
}

func TestWhatIsStoredShowsInTheNextAnswer(t *testing.T) {
	t.Parallel()
	for _, query := range []string{
		"",               // now is the end
		"&to=1772625600", // the end is now
		"&to=1772625700", // the end is yet to come
		"&to=1772625600&step=60",
		"&from=1772600000&to=1772620860", // an agent that was cut off sends its past
	} {
		w := newWorld(t)
		h := w.server(t).Handler()
		last := func(v float64) func(from, to time.Time) []store.Point {
			return func(_, to time.Time) []store.Point { return []store.Point{{Time: to.Add(-time.Minute), Value: v}} }
		}
		for _, path := range []string{"/api/v1/series", "/api/v1/export.csv"} {
			for _, want := range []float64{21.5, 22.5, 23.5} {
				w.series["a:temperature"] = last(want)
				got := ask(h, httptest.NewRequest("GET", path+"?sensor=a:temperature"+query, nil)).Body.String()
				if !strings.Contains(got, strconv.FormatFloat(want, 'f', -1, 64)) {
					t.Errorf("%s %s: %v was stored before, the answer is %s", path, query, want, got)
				}
			}
		}
	}
}

func TestASeriesHasTheUnitInWhichItIsStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, unit := range map[string]string{
		"urn:dev:ow:28a1000000000000:vibration": "m/s2", "urn:dev:ow:28a2000000000000:vibration": "m/s2",
		"urn:dev:ow:28a1000000000000:count": "", "urn:dev:ow:28a1000000000000:flow": "m3/s", "urn:dev:ow:28a2000000000000:flow": "l/s",
		"urn:dev:ow:28a2000000000000:level": "m", "a:temperature": "no unit of the store's is asked for",
	} {
		w.series[name], w.units[name] = minutes, unit
	}
	h := w.server(t).Handler()
	tests := []struct{ sensor, want string }{
		{"urn:dev:ow:28a1000000000000:vibration", "m/s2"},
		{"place:hex/a1/s3/probe/h1:vibration", "m/s2"},
		{"place:hex/a1/s3/face/hot:vibration", "m/s2"},
		{"place:hex/a1/s3/face/hot:flow", ""},   // of two units
		{"place:hex/a1/s3/face/hot:level", "m"}, // of one probe, the other has none
		{"urn:dev:ow:28a1000000000000:count", ""},
		{"a:temperature", "Cel"},
	}
	for _, tt := range tests {
		got := decode(t, ask(h, httptest.NewRequest("GET", "/api/v1/series?step=600&sensor="+tt.sensor, nil))).(map[string]any)
		if got["unit"] != tt.want {
			t.Errorf("%s: unit %v, want %q", tt.sensor, got["unit"], tt.want)
		}
	}
}

// half fails from the second window on.
type half struct{ calls int }

func (h *half) Range(_ context.Context, _ string, from, to time.Time) ([]store.Point, error) {
	if h.calls++; h.calls > 1 {
		return nil, errors.New("disk is gone")
	}
	return minutes(from, to), nil
}

func (h *half) Unit(context.Context, string) (string, error) { return "", nil }

func TestHalfAnExportIsNotTakenForAWholeOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.opt.Series = &half{}
	r := w.run(t)
	answer, err := r.client.Get(r.url + "/api/v1/export.csv?sensor=a:temperature&from=2026-03-01T00:00:00Z")
	if err != nil {
		return // cut before the first row arrived
	}
	defer answer.Body.Close()
	if _, err := csv.NewReader(answer.Body).ReadAll(); err == nil {
		t.Error("the file ends as if it were whole")
	}
}
