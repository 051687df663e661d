package influx

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
)

// TestWhatIsWrittenToAnotherHostIsCompressed makes a server here pass for one
// elsewhere.
func TestWhatIsWrittenToAnotherHostIsCompressed(t *testing.T) {
	t.Parallel()
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v2/write" {
			return
		}
		unpacked, err := gzip.NewReader(r.Body)
		if err != nil || r.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("encoding %q: %v", r.Header.Get("Content-Encoding"), err)
			return
		}
		body, err := io.ReadAll(unpacked)
		if err != nil {
			t.Error(err)
		}
		got += string(body)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(server.Close)
	s, err := Open(Options{URL: "http://influx.example.net:8086", Bucket: "racks"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.transport.base = &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}}
	want := ""
	for i := range 3 { // the compressor is used again
		sample := store.Sample{
			Series: store.Series{Device: "urn:dev:ow:28", Quantity: wire.QuantityTemperature, Unit: "Cel"},
			Point:  store.Point{Time: time.Unix(int64(i), 0), Value: 20},
		}
		if _, err := s.Append(t.Context(), []store.Sample{sample}); err != nil {
			t.Fatal(err)
		}
		want += fmt.Sprintf("thermarack,sensor=urn:dev:ow:28 temperature=20 %d\n", i*1000)
	}
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
