package influx

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
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
			Series: store.Series{Node: "b827eb000001", Device: "urn:dev:ow:28", Quantity: wire.QuantityTemperature, Unit: "Cel"},
			Point:  store.Point{Time: time.Unix(int64(i), 0), Value: 20},
		}
		if _, err := s.Append(t.Context(), []store.Sample{sample}); err != nil {
			t.Fatal(err)
		}
		want += fmt.Sprintf("b827eb000001 urn:dev:ow:28:temperature=20 %d\n", i*1000)
	}
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestALookupThatStallsEnds has a server that begins its answers and never ends
// them: nothing would be stored any more.
func TestALookupThatStallsEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(Options{URL: "http://influx.example.net:8086", Bucket: "racks"})
		if err != nil {
			t.Fatal(err)
		}
		s.transport.base = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go stall(theirs)
			return ours, nil
		}}
		begin := time.Now()
		_, err = s.Append(t.Context(), []store.Sample{{
			Series: store.Series{Node: "b827eb000001", Device: "urn:dev:ow:28", Quantity: wire.QuantityTemperature, Unit: "Cel"},
			Point:  store.Point{Time: begin, Value: 20},
		}})
		if !errors.Is(err, store.ErrAway) || !strings.Contains(err.Error(), "no whole answer") || time.Since(begin) != requestTime {
			t.Errorf("after %v: %v, want ErrAway after %v", time.Since(begin), err, requestTime)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// stall begins to answer a request, and waits until the client hangs up.
func stall(conn net.Conn) {
	defer conn.Close()
	buffered := bufio.NewReader(conn)
	if _, err := http.ReadRequest(buffered); err != nil {
		return
	}
	go func() {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n")
	}()
	_, _ = io.Copy(io.Discard, buffered) // the request's body, until the end
}

// TestARequestThatIsNotSentIsClosed holds what http.RoundTripper asks for.
func TestARequestThatIsNotSentIsClosed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("me:secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	transport, err := newTransport(file, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	body, _ := io.Pipe()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1/api/v2/write", body)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := transport.RoundTrip(request)
	if answer != nil {
		answer.Body.Close()
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("err = %v, want that the token is not there", err)
	}
	if _, err := body.Read(nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("reading the body: %v, want that it is closed", err)
	}
}
