package web_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// asks asks a handler for a path with some headers.
func asks(h http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return ask(h, r)
}

func TestWhatManyAskForIsSentShorterToThoseWhoTakeIt(t *testing.T) {
	t.Parallel()
	h := bigWorld(t).server(t).Handler()
	for _, path := range []string{"/api/v1/shelves/" + shelfID, "/api/v1/shelves/" + shelfID + "/heatmap.svg", "/assets/app.js", "/"} {
		plain := asks(h, path)
		zipped := asks(h, path, "Accept-Encoding", "br, gzip;q=0.8")
		if plain.Header().Get("Content-Encoding") != "" || zipped.Header().Get("Content-Encoding") != "gzip" {
			t.Fatalf("%s: coded %q, %q", path, plain.Header().Get("Content-Encoding"), zipped.Header().Get("Content-Encoding"))
		}
		if plain.Header().Get("Vary") != "Accept-Encoding" || zipped.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: a proxy may mix them up: %v, %v", path, plain.Header(), zipped.Header())
		}
		if zipped.Body.Len()*2 > plain.Body.Len() {
			t.Errorf("%s: %d bytes, of %d", path, zipped.Body.Len(), plain.Body.Len())
		}
		tag, other := zipped.Header().Get("ETag"), plain.Header().Get("ETag")
		if tag == other {
			t.Errorf("%s: different bytes, one tag %s", path, tag)
		}
		if got := asks(h, path, "Accept-Encoding", "gzip", "If-None-Match", tag); got.Code != http.StatusNotModified {
			t.Errorf("%s: %d for a client that has it", path, got.Code)
		}
		if got := asks(h, path, "If-None-Match", other); got.Code != http.StatusNotModified {
			t.Errorf("%s: %d for a client that has it plain", path, got.Code)
		}
		if z, err := gzip.NewReader(zipped.Body); err != nil {
			t.Error(err)
		} else if text, err := io.ReadAll(z); err != nil || string(text) != plain.Body.String() {
			t.Errorf("%s: unpacked it is another: %v", path, err)
		}
	}
}

func TestWhatGzipDoesNotMakeShorterIsSentAsItIs(t *testing.T) {
	t.Parallel()
	h := newWorld(t).server(t).Handler()
	for _, path := range []string{"/api/v1/shelves/" + shelfID + "/heatmap.png", "/api/v1/shelves", "/api/v1/clock"} {
		if got := asks(h, path, "Accept-Encoding", "gzip"); got.Code != http.StatusOK || got.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s: %d, coded %q", path, got.Code, got.Header().Get("Content-Encoding"))
		}
	}
}
