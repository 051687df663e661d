package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"thermarack/agent/wire/clock"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/store"
	"thermarack/collector/internal/store/memory"
	"thermarack/collector/internal/store/tsdb"
	"thermarack/collector/internal/web"
)

// A desk answers what the commands backup, record and export ask: a running
// collector, or the same handlers on the directory of one that is at rest.
type desk struct {
	url    string // without a path
	client http.Client
	close  func() error
}

// deskAt returns the desk of a running collector.
func deskAt(url string) *desk {
	direct := &http.Transport{Proxy: nil, DisableCompression: true}
	return &desk{url: url, client: http.Client{Transport: direct}, close: func() error {
		direct.CloseIdleConnections()
		return nil
	}}
}

// reach returns the desk of a data directory. While a collector runs on it, that
// one answers; otherwise the directory is opened, and no collector can start until
// the desk is closed. shelves is where places stand, for a directory; nil: none
// can be asked for.
func reach(data string, shelves *layout.Layout, stderr io.Writer) (*desk, error) {
	if _, err := os.Stat(data); err != nil {
		return nil, fmt.Errorf("read the data of a collector: %w", err)
	}
	claimed, err := claimData(data)
	if errors.Is(err, errInUse) {
		a, err := readAddresses(data)
		return deskAt("http://" + fromHere(a.HTTP)), err
	}
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	kept, err := openKept(data, log)
	if err != nil {
		return nil, errors.Join(err, claimed.release())
	}
	kept.claim = claimed
	local := &inProcess{handler: web.Offline(web.Options{
		Series: kept, Racks: rack.New(rack.Options{Layout: shelves}), Clock: clock.Clock{}, Log: log,
		Backup: kept.backup(data), Recording: kept.recording(),
	})}
	return &desk{url: "http://localhost", client: http.Client{Transport: local}, close: func() error {
		local.answers.Wait()
		return kept.Close()
	}}, nil
}

// openKept opens the readings in a data directory, of whatever age. Without any
// there, as when they are on a server, the store is empty.
func openKept(data string, log *slog.Logger) (openStore, error) {
	dir := filepath.Join(data, "tsdb")
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return openStore{Source: noReadings{memory.New(0)}}, nil
	}
	embedded, err := tsdb.Open(tsdb.Options{Dir: dir, Log: log})
	return openStore{Source: embedded, embedded: embedded}, err
}

// noReadings is the store of a directory that has none.
type noReadings struct{ *memory.Store }

// Unit knows no record.
func (noReadings) Unit(context.Context, string) (string, error) { return "", store.ErrNoSeries }

// fromHere returns where a listener of this machine is reached: one that listens
// on all addresses, by loopback.
func fromHere(address string) string {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !at.Addr().IsUnspecified() {
		return address
	}
	loopback := "127.0.0.1"
	if at.Addr().Is6() {
		loopback = "::1"
	}
	return net.JoinHostPort(loopback, fmt.Sprint(at.Port()))
}

// ask returns a successful answer; its body must be closed. The error holds what
// the collector says is wrong.
func (d *desk) ask(ctx context.Context, method, path string, query url.Values) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, d.url+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask the collector: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := d.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("ask the collector: %w", err)
	}
	if answer.StatusCode == http.StatusOK {
		return answer, nil
	}
	defer answer.Body.Close()
	why := refusal{answer.StatusCode, fmt.Sprintf("ask the collector for %s: %s", path, answer.Status)}
	var fault struct{ Error string }
	if err := json.NewDecoder(io.LimitReader(answer.Body, 64<<10)).Decode(&fault); err == nil && fault.Error != "" {
		why.text = fmt.Sprintf("ask the collector for %s: %s", path, fault.Error)
	}
	return nil, why
}

// A refusal is an answer that was no success.
type refusal struct {
	status int
	text   string
}

func (r refusal) Error() string { return r.text }

// notThere tells whether an error is the answer that there is no such thing.
func notThere(err error) bool {
	var r refusal
	return errors.As(err, &r) && r.status == http.StatusNotFound
}

// inProcess is a transport to a handler of this process.
type inProcess struct {
	handler http.Handler
	answers sync.WaitGroup
}

// RoundTrip returns when the answer has begun.
func (p *inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	body, pipe := io.Pipe()
	w := &piped{header: http.Header{}, pipe: pipe, begun: make(chan struct{})}
	p.answers.Go(func() {
		defer func() {
			fault := recover()
			if fault != nil && fault != http.ErrAbortHandler {
				panic(fault)
			}
			w.end(fault != nil)
		}()
		p.handler.ServeHTTP(w, r)
	})
	select {
	case <-w.begun:
	case <-r.Context().Done():
		_ = body.Close() // the handler's next write fails
		return nil, r.Context().Err()
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: body, ContentLength: -1, Request: r,
	}, nil
}

// piped is a ResponseWriter into a pipe.
type piped struct {
	header http.Header
	status int
	pipe   *io.PipeWriter
	begun  chan struct{} // closed when status is known
}

func (w *piped) Header() http.Header { return w.header }

func (w *piped) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
		close(w.begun)
	}
}

func (w *piped) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.pipe.Write(b)
}

// end ends the answer. One that was cut is an error to its reader.
func (w *piped) end(cut bool) {
	if cut {
		_ = w.pipe.CloseWithError(errors.New("the store failed half way")) // never fails
	} else {
		_ = w.pipe.Close() // never fails
	}
	w.WriteHeader(http.StatusOK)
}
