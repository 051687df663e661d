package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/watch"
)

func (y years) Shelves(at time.Time) (ids []string) {
	i := len(y) - 1 - int(noon.Sub(at)/(24*time.Hour))
	for _, shelf := range y[min(max(i, 0), len(y)-1)].Shelves {
		ids = append(ids, shelf.ID())
	}
	return ids
}

const twoSites = `
version: 1
sites:
  hex: {racks: {a1: {shelves: {s3: {columns: 4, depth: 3, nodes: {1: b827eb000001, 5: b827eb000005}}, s10: {columns: 2, depth: 2}}}, a10: {shelves: {s1: {columns: 2, depth: 2, nodes: {1: b827eb0000a1}}}}}}
  oct: {racks: {a1: {shelves: {s3: {columns: 2, depth: 2}}}}}
`

// severalWorld has two sites, of which hex has two racks and three shelves.
func severalWorld(tb testing.TB) *world {
	tb.Helper()
	w := newWorld(tb)
	w.racks = newRacks(parse(tb, twoSites))
	w.opt.Racks = w.racks
	return w
}

// An overviewDoc is the part of an overview that tests look at.
type overviewDoc struct {
	Site, Layer string
	Rack        *string
	T           time.Time
	Racks       []struct {
		Rack    string
		Shelves []struct {
			Shelf, State, Sources string
			Values                []*float64
			Alarms                []struct {
				Slot    *int
				Pending bool
			}
		}
	}
}

func (d overviewDoc) shelves() (ids []string) {
	for _, r := range d.Racks {
		for _, s := range r.Shelves {
			ids = append(ids, s.Shelf)
		}
	}
	return ids
}

func overviewOf(t *testing.T, h http.Handler, path string) (d overviewDoc) {
	t.Helper()
	got := ask(h, httptest.NewRequest("GET", path, nil))
	if got.Code != 200 {
		t.Fatalf("%s: %d %s", path, got.Code, got.Body)
	}
	if err := json.Unmarshal(got.Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAnOverviewHasTheShelvesOfItsPlace(t *testing.T) {
	t.Parallel()
	h := severalWorld(t).server(t).Handler()
	tests := []struct {
		path string
		want []string
	}{
		{"/api/v1/sites/hex/heatmap.json", []string{"hex/a1/s3", "hex/a1/s10", "hex/a10/s1"}},
		{"/api/v1/sites/oct/heatmap.json", []string{"oct/a1/s3"}},
		{"/api/v1/racks/hex/a1/heatmap.json", []string{"hex/a1/s3", "hex/a1/s10"}}, // and none of a10
		{"/api/v1/sites/hex/heatmap.json?shelf=hex/a10/s1&shelf=hex/a1/s3&shelf=hex/a1/s3", []string{"hex/a1/s3", "hex/a10/s1"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, overviewOf(t, h, tt.path).shelves()); diff != "" {
			t.Errorf("%s, -want +got\n%s", tt.path, diff)
		}
	}
	if d := overviewOf(t, h, "/api/v1/racks/hex/a1/heatmap.json?layer=soc"); d.Rack == nil || *d.Rack != "a1" || d.Site != "hex" || d.Layer != "soc" {
		t.Errorf("the rack says that it is %+v", d)
	}
}

func TestAnOverviewComesInThreeFormats(t *testing.T) {
	t.Parallel()
	h := severalWorld(t).server(t).Handler()
	for _, place := range []string{"/api/v1/sites/hex/", "/api/v1/racks/hex/a1/"} {
		for name, want := range map[string]struct {
			kind  string
			check func([]byte) bool
		}{
			"heatmap.svg?layer=soc&width=400&theme=dark": {"image/svg+xml", func(b []byte) bool { return bytes.Contains(b, []byte(`<a href="/?shelf=hex/a1/s10">`)) }},
			"heatmap.png?layer=soc&width=300": {"image/png", func(b []byte) bool {
				img, err := png.Decode(bytes.NewReader(b))
				return err == nil && img.Bounds().Dx() == 300
			}},
			"heatmap.json?palette=inferno": {"application/json", json.Valid},
		} {
			got := ask(h, httptest.NewRequest("GET", place+name, nil))
			policy := got.Header().Get("Content-Security-Policy")
			if got.Code != 200 || got.Header().Get("Content-Type") != want.kind || !want.check(got.Body.Bytes()) || !strings.Contains(policy, "default-src 'none'; style-src 'none'; sandbox") {
				t.Errorf("%s: %d %s, policy %q\n%.300s", name, got.Code, got.Header().Get("Content-Type"), policy, got.Body)
			}
		}
	}
}

func TestAnOverviewSaysWhatItCannotShow(t *testing.T) {
	t.Parallel()
	h := severalWorld(t).server(t).Handler()
	tests := []struct {
		path   string
		status int
		says   string
	}{
		{"/api/v1/sites/dec/heatmap.svg", 404, `no shelf of site \"dec\"`},
		{"/api/v1/racks/hex/b1/heatmap.svg", 404, `no shelf of rack \"hex/b1\"`},
		{"/api/v1/sites/hex%2Fa1/heatmap.svg", 404, "no shelf of site"},
		{"/api/v1/racks/hex%2Fa1/s3/heatmap.svg", 404, "no shelf of rack"},
		{"/api/v1/sites/hex/heatmap.svg?shelf=oct/a1/s3", 404, `no shelf \"oct/a1/s3\"`},
		{"/api/v1/sites/hex/heatmap.svg?shelf=hex/a1/s99", 404, "no shelf"},
		{"/api/v1/sites/hex/heatmap.svg?shelf=x" + strings.Repeat("&shelf=x", 100), 400, "more than 100 times"},
		{"/api/v1/sites/hex/heatmap.gif", 404, "want heatmap.svg"},
		{"/api/v1/sites/hex/heatmap.svg?layer=smell", 400, "parameter layer"},
		{"/api/v1/sites/hex/heatmap.svg?palette=jet", 400, "parameter palette"},
		{"/api/v1/sites/hex/heatmap.svg?width=4001", 400, "parameter width"},
		{"/api/v1/sites/hex/heatmap.svg?theme=pink", 400, "parameter theme"},
		{"/api/v1/sites/hex/heatmap.svg?at=yesterday", 400, "parameter at"},
	}
	for _, tt := range tests {
		if got := ask(h, httptest.NewRequest("GET", tt.path, nil)); got.Code != tt.status || !strings.Contains(got.Body.String(), tt.says) {
			t.Errorf("%s: %d %.300s, want %d and %q", tt.path, got.Code, got.Body, tt.status, tt.says)
		}
	}
}

func TestAnOverviewOfThePastHasTheShelvesOfThen(t *testing.T) {
	t.Parallel()
	w := severalWorld(t)
	then := parse(t, strings.Replace(twoSites, "a10: {", "a9: {", 1))
	w.racks.states["hex/a9/s1"] = newRacks(then).states["hex/a9/s1"]
	w.opt.Layouts = years{then, w.racks.layout}
	w.alerts.set(watch.Active{Alert: "SocTemperature", Severity: "critical", Site: "hex", Rack: "a1", Shelf: "s3", Slot: 1, State: "firing"})
	h := w.server(t).Handler()
	d := overviewOf(t, h, "/api/v1/sites/hex/heatmap.json?layer=soc&at=2026-03-03T10:30:00Z")
	if diff := cmp.Diff([]string{"hex/a1/s3", "hex/a1/s10", "hex/a9/s1"}, d.shelves()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if s := d.Racks[0].Shelves[0]; s.State != "ok" || len(s.Alarms) > 0 || d.T.Format(time.RFC3339) != "2026-03-03T10:30:00Z" {
		t.Errorf("what fires now shows at %v: %+v", d.T, s)
	}

	// What the layout of then does not have is left out, and all of it is 404.
	delete(w.racks.states, "hex/a9/s1")
	if got := overviewOf(t, h, "/api/v1/sites/hex/heatmap.json?at=2026-03-03T10:30:00Z").shelves(); len(got) != 2 {
		t.Errorf("%v, want the two that are known", got)
	}
	if got := ask(h, httptest.NewRequest("GET", "/api/v1/racks/hex/a9/heatmap.json?at=2026-03-03T10:30:00Z", nil)); got.Code != 404 {
		t.Errorf("%d %s, want 404", got.Code, got.Body)
	}
}

func TestOnlyShelvesThatChangedAreComputedAnew(t *testing.T) {
	t.Parallel()
	w := severalWorld(t)
	r := w.run(t)
	asked := func() int {
		w.racks.mu.Lock()
		defer w.racks.mu.Unlock()
		n := w.racks.asked
		w.racks.asked = 0
		return n
	}
	get := func(query string) (d overviewDoc) {
		answer, err := http.Get(r.url + "/api/v1/sites/hex/heatmap.json?layer=soc" + query)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if err := json.NewDecoder(answer.Body).Decode(&d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	stream := r.stream(t, "")
	get("")
	if n := asked(); n != 3 {
		t.Errorf("at first %d states were read, want those of the 3 shelves", n)
	}
	w.racks.set(shelfState(&w.racks.layout.Shelves[1], noon.Add(time.Second), 9)) // a1/s3
	stream.want("shelf", "hex/a1/s3")
	d := get("&shelf=hex/a1/s3") // as the page asks for what has changed
	if n := asked(); n != 1 || *d.Racks[0].Shelves[0].Values[0] != 61 {
		t.Errorf("after a change %d states were read, and slot 1 is at %v", n, *d.Racks[0].Shelves[0].Values[0])
	}
	w.alerts.set(watch.Active{Alert: "SocTemperature", Severity: "warning", Site: "hex", Rack: "a1", Shelf: "s3", Slot: 5, State: "pending"})
	stream.want("alerts", "")
	d = get("")
	if s := d.Racks[0].Shelves[0]; asked() != 0 || len(s.Alarms) != 1 || *s.Alarms[0].Slot != 5 || !s.Alarms[0].Pending || s.State != "ok" {
		t.Errorf("an alert that is pending: %+v", s)
	}
}

func TestHostileNamesOfAnOverviewStayText(t *testing.T) {
	t.Parallel()
	w := severalWorld(t)
	s := w.racks.states["hex/a1/s3"]
	evil := *s.Shelf
	evil.Fans = []layout.Fan{{Name: hostile, Healthy: 40}}
	s.Shelf, s.Fans = &evil, []rack.Fan{{Fan: evil.Fans[0], Value: rack.Value{V: 1, Time: noon, State: rack.Fresh}}}
	s.Figures.DeltaT = rack.Figure{Why: hostile}
	w.racks.states["hex/a1/s3"] = s
	got := w.get(t, "/api/v1/sites/hex/heatmap.svg").Body.String()
	if strings.Contains(got, "<script") || strings.Contains(got, "<img") || !strings.Contains(got, "&lt;script") {
		t.Errorf("a name became markup: %.300s", got)
	}
	decode(t, w.get(t, "/api/v1/sites/hex/heatmap.json"))
}

// FuzzOverview asks for overviews with any parameters: each answer is a map, or
// says in JSON what is wrong with the request.
func FuzzOverview(f *testing.F) {
	for _, seed := range [][2]string{
		{"sites/hex/heatmap.json", "layer=soc"}, {"sites/hex/heatmap.svg", "at=1772600000&width=200&theme=dark"}, {"racks/hex/a1/heatmap.png", "width=200&palette=viridis"},
		{"racks/hex/a1/heatmap.json", "shelf=hex/a1/s3&shelf=%00"}, {"sites/%2F/heatmap.svg", "layer=&at=-1"}, {"racks/hex/a1/heatmap.svg", "width=1e9&at=9999999999999"},
	} {
		f.Add(seed[0], seed[1])
	}
	w := severalWorld(f)
	h := w.server(f).Handler()
	f.Fuzz(func(t *testing.T, path, query string) {
		u := url.URL{Path: "/api/v1/" + path, RawQuery: query}
		request, err := http.NewRequest("GET", u.String(), nil)
		if err != nil || strings.Contains(query, "width=") && len(query) > 200 {
			t.Skip()
		}
		got := ask(h, request)
		switch kind := got.Header().Get("Content-Type"); {
		case got.Code >= 500:
			t.Errorf("%s: %d %s", &u, got.Code, got.Body)
		case got.Code == 200 && kind == "image/png":
			if _, err := png.DecodeConfig(got.Body); err != nil {
				t.Errorf("%s: %v", &u, err)
			}
		case kind == "application/json" && !json.Valid(got.Body.Bytes()):
			t.Errorf("%s: %s", &u, got.Body)
		}
	})
}

// large is the layout of a site of 10,000 Pis: 93 shelves of 108 with two fans and
// twelve probes, ten a rack.
func large() string {
	var b strings.Builder
	b.WriteString("version: 1\nsites: {hex: {racks: {\n")
	node := 0
	for r := range 10 {
		fmt.Fprintf(&b, "r%d: {shelves: {\n", r+1)
		for s := range min(10, 93-10*r) {
			fmt.Fprintf(&b, "s%d: {columns: 12, depth: 9, nodes: {", s+1)
			for slot := range 108 {
				node++
				fmt.Fprintf(&b, "%d: b827eb%06x, ", slot+1, node)
			}
			b.WriteString("}, probes: [")
			for p := range 12 {
				face := []string{"cold", "inside", "hot"}[p/4]
				fmt.Fprintf(&b, `{name: %c%d, sensor: "urn:dev:ow:28%014x", x: %g, y: %g, face: %s}, `, face[0], p%4, 1000*r+100*s+p, 0.125+0.25*float64(p%4), 0.5*float64(p/4), face)
			}
			fmt.Fprintf(&b, `], fans: [{name: left, speed: "urn:dev:mac:b827ebfffe%06x_fan1:speed", healthy: 40}, {name: right, speed: "urn:dev:mac:b827ebfffe%06x_fan2:speed", healthy: 40}]},`+"\n", node, node)
		}
		b.WriteString("}},\n")
	}
	return b.String() + "}}}\n"
}

// largeWorld is a site of 10,000 Pis.
func largeWorld(tb testing.TB) *world {
	tb.Helper()
	w := newWorld(tb)
	w.racks = newRacks(parse(tb, large()))
	w.opt.Racks = w.racks
	return w
}

// A site of 10,000 Pis should take 50 ms at most when nothing changed, and little
// more when one shelf of 93 did.
func BenchmarkOverview(b *testing.B) {
	w := largeWorld(b)
	get := func(b *testing.B, h http.Handler, query string) {
		if got := ask(h, httptest.NewRequest("GET", "/api/v1/sites/hex/heatmap.json?"+query, nil)); got.Code != 200 {
			b.Fatal(got.Code, got.Body)
		}
	}
	for _, layer := range []string{"layer=air", "layer=soc"} {
		b.Run(layer+"/cold", func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				h := w.server(b).Handler()
				b.StartTimer()
				get(b, h, layer)
			}
		})
		h := w.server(b).Handler()
		b.Run(layer+"/shelves known", func(b *testing.B) {
			n := 0
			for b.Loop() {
				n++
				get(b, h, layer+fmt.Sprint("&width=", 200+n%3800)) // another look, the same shelves
			}
		})
		b.Run(layer+"/same", func(b *testing.B) {
			for b.Loop() {
				get(b, h, layer)
			}
		})
	}
}
