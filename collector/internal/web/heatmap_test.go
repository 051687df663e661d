package web_test

import (
	"bytes"
	"encoding/json"
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/watch"
)

func TestAMapComesInThreeFormats(t *testing.T) {
	t.Parallel()
	h := newWorld(t).server(t).Handler()
	tests := []struct {
		name, kind string
		check      func(body []byte) bool
	}{
		{"heatmap.svg?layer=soc&width=400&theme=dark", "image/svg+xml", func(b []byte) bool { return bytes.HasPrefix(b, []byte("<svg")) }},
		{"heatmap.png?layer=soc&width=200", "image/png", func(b []byte) bool { _, err := png.Decode(bytes.NewReader(b)); return err == nil }},
		{"heatmap.json?layer=soc", "application/json", json.Valid},
	}
	for _, tt := range tests {
		got := ask(h, httptest.NewRequest("GET", shelfAt+"/"+tt.name, nil))
		if got.Code != 200 || got.Header().Get("Content-Type") != tt.kind || !tt.check(got.Body.Bytes()) {
			t.Errorf("%s: %d %s %.200s", tt.name, got.Code, got.Header().Get("Content-Type"), got.Body)
		}
	}
}

func TestEveryLayerIsDrawn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.racks.states[shelfID]
	s.Slots[0].Normal = rack.Figure{V: 51.5}
	s.Slots[1].Normal = rack.Figure{Why: "not watched for long enough"}
	w.racks.states[shelfID] = s
	h := w.server(t).Handler()
	tests := []struct {
		path   string
		status int
		says   string
	}{
		{shelfAt + "/heatmap.svg?layer=delta", 200, "against its own normal"},
		{shelfAt + "/heatmap.json?layer=delta", 200, `{"slot":1,"value":0.5,"sd":0,"source":"measured"},{"slot":2,"value":null,"sd":null,"source":"missing"}`},
		{shelfAt + "/heatmap.json?layer=delta&at=2026-03-04T10:30:00Z", 200, `"t":"2026-03-04T10:30:00Z","layer":"delta"`},
		{shelfAt + "/heatmap.json?layer=smell", 400, "parameter layer"},
		{"/api/v1/shelves/hex/a1/s9/heatmap.svg?layer=delta", 404, "no shelf"},
		{shelfAt + "/heatmap.svg?layer=", 200, "<svg"},
		{shelfAt + "/heatmap.json?layer=excess", 200, `"layer":"excess"`},
	}
	for _, tt := range tests {
		got := ask(h, httptest.NewRequest("GET", tt.path, nil))
		if got.Code != tt.status || !strings.Contains(got.Body.String(), tt.says) {
			t.Errorf("%s: %d %.400s, want %d and %q", tt.path, got.Code, got.Body, tt.status, tt.says)
		}
	}
}

func TestAtAsksForThatMoment(t *testing.T) {
	t.Parallel()
	h := newWorld(t).server(t).Handler()
	for _, at := range []string{"2026-03-04T10:30:00Z", "1772620200", "2026-03-04T11:30:00%2B01:00", "2026-03-04T11:30:00+01:00"} {
		got := decode(t, ask(h, httptest.NewRequest("GET", shelfAt+"/heatmap.json?layer=soc&at="+at, nil)))
		if when := got.(map[string]any)["t"]; when != "2026-03-04T10:30:00Z" {
			t.Errorf("at=%s gives the map of %v", at, when)
		}
	}
}

func TestAMapOfThePastShowsWhatCameLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.server(t).Handler()
	get := func() string {
		return ask(h, httptest.NewRequest("GET", shelfAt+"/heatmap.json?layer=soc&at=2026-03-04T10:30:00Z", nil)).Body.String()
	}
	before := get()
	w.racks.states[shelfID] = shelfState(&w.racks.layout.Shelves[0], noon, 9)
	if after := get(); !strings.Contains(before, `"value":52,`) || !strings.Contains(after, `"value":61,`) {
		t.Errorf("slot 1 was 52 °C, and is found to have been 61: %s, then %s", before, after)
	}
}

func TestAMapIsDrawnOnceForAllWhoAsk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.racks.gate = make(chan struct{})
	h := w.server(t).Handler()
	answers := make([]*httptest.ResponseRecorder, 20)
	var viewers sync.WaitGroup
	for i := range answers {
		viewers.Go(func() { answers[i] = ask(h, httptest.NewRequest("GET", shelfAt+"/heatmap.svg?layer=soc", nil)) })
	}
	close(w.racks.gate)
	viewers.Wait()
	for _, a := range answers {
		if a.Code != 200 || !bytes.Equal(a.Body.Bytes(), answers[0].Body.Bytes()) {
			t.Fatalf("%d, %d bytes", a.Code, a.Body.Len())
		}
	}
	if w.racks.asked != 1 {
		t.Errorf("drawn %d times for 20 viewers, want once", w.racks.asked)
	}
}

func TestAChangeMakesANewMapAndNoChangeIs304(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.run(t)
	get := func(etag string) *http.Response {
		request, err := http.NewRequest("GET", r.url+shelfAt+"/heatmap.svg?layer=soc", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("If-None-Match", etag)
		return r.do(t, request)
	}
	first := get("")
	etag := first.Header.Get("ETag")
	if same := get(etag); first.StatusCode != 200 || etag == "" || same.StatusCode != 304 {
		t.Fatalf("%d %q, then %d, want 200 and 304", first.StatusCode, etag, same.StatusCode)
	}

	stream := r.stream(t, "")
	w.racks.set(shelfState(&w.racks.layout.Shelves[0], noon.Add(time.Second), 9))
	stream.want("shelf", shelfID)
	if changed := get(etag); changed.StatusCode != 200 || changed.Header.Get("ETag") == etag {
		t.Errorf("after a change: %d, %s", changed.StatusCode, changed.Header.Get("ETag"))
	}
	etag = get("").Header.Get("ETag")
	w.alerts.set(watch.Active{Alert: "SocTemperature", Severity: "critical", Site: "hex", Rack: "a1", Shelf: "s3", Slot: 1, State: "firing"})
	stream.want("alerts", "")
	if marked := get(etag); marked.StatusCode != 200 {
		t.Errorf("an alert does not show: %d", marked.StatusCode)
	}
}

func TestHostileNamesStayText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.racks.states[shelfID]
	s.Probes[0].Name, s.Fans[0].Name = hostile, hostile
	s.Figures.DeltaT = rack.Figure{Why: hostile}
	w.racks.states[shelfID] = s
	for _, layer := range []string{"air", "soc", "poe", "delta", "excess"} {
		got := w.get(t, shelfAt+"/heatmap.svg?layer="+layer).Body.String()
		if strings.Contains(got, "<script") || strings.Contains(got, "<img") {
			t.Errorf("layer %s: a name became markup: %.300s", layer, got)
		}
	}
}
