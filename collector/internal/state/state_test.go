package state_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"thermarack/collector/internal/state"
)

// A fleet is a value as a document may hold.
type fleet struct {
	Nodes map[string]int `json:"nodes"`
	Seen  time.Time      `json:"seen"`
}

var (
	small = fleet{Nodes: map[string]int{"b827eb000001": 1}, Seen: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
	large = fleet{Nodes: map[string]int{"b827eb000001": 2, "b827eb000002": 1}}
)

// A desk is a directory of state with what was said about it.
type desk struct {
	dir      *state.Dir
	path     string
	log      bytes.Buffer
	registry *prometheus.Registry
}

func newDesk(t *testing.T, path string) *desk {
	t.Helper()
	d := &desk{path: path, registry: prometheus.NewRegistry()}
	var err error
	if d.dir, err = state.OpenDir(path, slog.New(slog.NewTextHandler(&d.log, nil)), d.registry); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) open(t *testing.T) (*state.Document[fleet], fleet) {
	t.Helper()
	doc, value, err := state.Open[fleet](d.dir, "nodes", 1)
	if err != nil {
		t.Fatal(err)
	}
	return doc, value
}

func (d *desk) file() string { return filepath.Join(d.path, "nodes.json") }

func (d *desk) counted(t *testing.T, name string, want int) {
	t.Helper()
	text := fmt.Sprintf("thermarack_state_%s{document=\"nodes\"} %d\n", name, want)
	families, err := d.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "thermarack_state_"+name {
			if got := f.Metric[0].Counter.GetValue(); got != float64(want) {
				t.Errorf("%s: %v, want %s", name, got, text)
			}
			return
		}
	}
	t.Errorf("no metric %s", text)
}

func TestADocumentIsThereAfterARestart(t *testing.T) {
	t.Parallel()
	d := newDesk(t, filepath.Join(t.TempDir(), "state"))
	doc, first := d.open(t)
	if diff := cmp.Diff(first, fleet{}); diff != "" {
		t.Errorf("without a file -got +want\n%s", diff)
	}
	for _, value := range []fleet{small, large, large} {
		if err := doc.Write(value); err != nil {
			t.Fatal(err)
		}
	}
	d.counted(t, "writes_total", 2) // the third was there already
	_, got := newDesk(t, d.path).open(t)
	if diff := cmp.Diff(got, large); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
	if left, err := filepath.Glob(filepath.Join(d.path, "*.new")); err != nil || left != nil {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// garbled returns what a crash or a disk may make of a file, by what happened.
func garbled(whole []byte) map[string][]byte {
	files := map[string][]byte{}
	for i := range whole {
		files[fmt.Sprintf("torn after %d bytes", i)] = whole[:i]
		for _, bit := range []byte{1, 2, 4, 8, 16, 32, 64, 128} {
			other := bytes.Clone(whole)
			other[i] ^= bit
			files[fmt.Sprintf("bit %d of byte %d flipped", bit, i)] = other
		}
		zeroed := bytes.Clone(whole)
		clear(zeroed[i:])
		files[fmt.Sprintf("zeros from byte %d", i)] = zeroed
	}
	files["twice"] = append(bytes.Clone(whole), whole...)
	files["of another document"] = bytes.Replace(whole, []byte("nodes"), []byte("acks"), 1)
	return files
}

// Whatever a crash or a disk makes of a file, a start goes on: with the value
// that was written, or without one and saying so.
func TestAGarbledDocumentIsSetAside(t *testing.T) {
	t.Parallel()
	d := newDesk(t, t.TempDir())
	doc, _ := d.open(t)
	if err := doc.Write(large); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(d.file())
	if err != nil {
		t.Fatal(err)
	}
	files := garbled(whole)
	kept := 0
	for name, content := range files {
		if err := os.WriteFile(d.file(), content, 0o600); err != nil {
			t.Fatal(err)
		}
		d.log.Reset()
		_, got := d.open(t)
		if cmp.Equal(got, large) {
			kept++ // the case of a key, or the last line break, tells nothing
			continue
		}
		if diff := cmp.Diff(got, fleet{}); diff != "" {
			t.Errorf("%s: neither the old nor none: -got +want\n%s", name, diff)
		}
		aside, err := os.ReadFile(d.file() + ".aside")
		if err != nil || !bytes.Equal(aside, content) {
			t.Errorf("%s: set aside %q, %v", name, aside, err)
		}
		if lines := strings.Count(d.log.String(), "\n"); lines != 1 || !strings.Contains(d.log.String(), d.file()+".aside") {
			t.Errorf("%s: log is %q, want one line that names the file", name, &d.log)
		}
	}
	if kept > 100 {
		t.Errorf("%d of %d garbled files read as if whole", kept, len(files))
	}
	d.counted(t, "set_aside_total", len(files)-kept)
}

func TestADocumentOfAnotherVersionIsSetAside(t *testing.T) {
	t.Parallel()
	d := newDesk(t, t.TempDir())
	newer, _, err := state.Open[fleet](d.dir, "nodes", 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := newer.Write(small); err != nil {
		t.Fatal(err)
	}
	if _, got := d.open(t); got.Nodes != nil || !strings.Contains(d.log.String(), "version 2, this program reads 1") {
		t.Errorf("got %v, log %q", got, &d.log)
	}
}

func TestWhatCannotBeReadIsAnErrorThatNamesTheFile(t *testing.T) {
	t.Parallel()
	d := newDesk(t, t.TempDir())
	if err := os.Mkdir(d.file(), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, _, err := state.Open[fleet](d.dir, "nodes", 1); err == nil || !strings.Contains(err.Error(), d.file()) {
		t.Errorf("err = %v, want one that names %s", err, d.file())
	}
	inTheWay := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := state.OpenDir(filepath.Join(inTheWay, "state"), slog.New(slog.DiscardHandler), nil); err == nil || !strings.Contains(err.Error(), inTheWay) {
		t.Errorf("err = %v, want one that names %s", err, inTheWay)
	}
}

func TestAFailedWriteLeavesTheOldDocumentAndCanBeMadeAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t, t.TempDir())
	doc, _ := d.open(t)
	if err := doc.Write(small); err != nil {
		t.Fatal(err)
	}
	blocked := d.file() + ".new"
	if err := os.MkdirAll(filepath.Join(blocked, "not empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := doc.Write(large); err == nil || !strings.Contains(err.Error(), blocked) {
		t.Errorf("err = %v, want one that names %s", err, blocked)
	}
	d.counted(t, "write_failures_total", 1)
	if _, got := newDesk(t, d.path).open(t); !cmp.Equal(got, small) {
		t.Errorf("after a failed write %v, want the old %v", got, small)
	}
	if err := os.RemoveAll(blocked); err != nil {
		t.Fatal(err)
	}
	if err := doc.Write(large); err != nil {
		t.Error(err)
	}
	if _, got := newDesk(t, d.path).open(t); !cmp.Equal(got, large) {
		t.Errorf("after a good write %v, want %v", got, large)
	}
}

func TestKeepWritesManyChangesAtOnceAndSmallOnesLater(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, path)
		doc, _ := d.open(t)
		ctx, cancel := context.WithCancel(t.Context())
		changed, ended := make(chan struct{}, 1), make(chan error, 1)
		var value atomic.Int64
		go func() {
			ended <- doc.Keep(ctx, changed, func() fleet { return fleet{Nodes: map[string]int{"n": int(value.Load())}} })
		}()
		for range 20 { // 2 s of changes
			value.Add(1)
			select {
			case changed <- struct{}{}:
			default:
			}
			time.Sleep(100 * time.Millisecond) // fake time
		}
		d.counted(t, "writes_total", 0)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		d.counted(t, "writes_total", 1)
		value.Add(1) // and nobody says so
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if _, got := newDesk(t, path).open(t); got.Nodes["n"] != int(value.Load()) {
			t.Errorf("%v on disk after five minutes, want %d", got, value.Load())
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestKeepSparesTheDiskALargeDocument(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, path)
		doc, _, err := state.Open[string](d.dir, "nodes", 1)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		changed, ended := make(chan struct{}), make(chan error, 1)
		n := 0
		go func() {
			ended <- doc.Keep(ctx, changed, func() string { n++; return fmt.Sprint(n, strings.Repeat("x", 5<<20)) })
		}()
		begin := time.Now()
		for time.Since(begin) < 4*time.Minute { // of changes without end, in fake time
			select {
			case changed <- struct{}{}:
			case <-time.After(time.Second):
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if n < 8 || n > 12 {
			t.Errorf("5 MiB written %d times in four minutes, want one in 23 s", n)
		}
	})
}

func TestKeepTriesAgainAndSaysOnceThatItFails(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, path)
		doc, _ := d.open(t)
		blocked := filepath.Join(d.file()+".new", "not empty")
		if err := os.MkdirAll(blocked, 0o700); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		changed, ended := make(chan struct{}, 1), make(chan error, 1)
		go func() { ended <- doc.Keep(ctx, changed, func() fleet { return small }) }()
		changed <- struct{}{}
		time.Sleep(2 * time.Minute) // fake time
		synctest.Wait()
		if n := strings.Count(d.log.String(), "\n"); n != 1 {
			t.Errorf("%d lines after four failures, want 1:\n%s", n, &d.log)
		}
		if err := os.RemoveAll(filepath.Dir(blocked)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(31 * time.Second)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if !strings.Contains(d.log.String(), "kept again") {
			t.Errorf("log:\n%s", &d.log)
		}
		if _, got := newDesk(t, path).open(t); !cmp.Equal(got, small) {
			t.Errorf("%v on disk, want %v", got, small)
		}
	})
}

// A file may hold anything: it is read, or set aside, and what was read can be
// written and read again.
func FuzzOpen(f *testing.F) {
	f.Add([]byte(`{"document":"nodes","version":1,"crc32c":"3b34a870","value":{"nodes":null,"seen":"0001-01-01T00:00:00Z"}}`)) // a good one
	f.Add([]byte(`{"document":"nodes","version":1,"crc32c":"00000000","value":null}`))
	f.Add([]byte(`[]`))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, content []byte) {
		path := t.TempDir()
		if err := os.WriteFile(filepath.Join(path, "nodes.json"), content, 0o600); err != nil {
			t.Fatal(err)
		}
		doc, first := newDesk(t, path).open(t)
		if err := doc.Write(first); err != nil {
			t.Fatal(err)
		}
		again := newDesk(t, path)
		if _, second := again.open(t); !cmp.Equal(first, second) || again.log.Len() > 0 {
			t.Errorf("read %v, then %v: %s", first, second, &again.log)
		}
	})
}

func TestReadChangesNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, t.TempDir())
	if _, err := state.Read[fleet](d.path, "nodes", 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: err = %v", err)
	}
	doc, _ := d.open(t)
	if err := doc.Write(small); err != nil {
		t.Fatal(err)
	}
	got, err := state.Read[fleet](d.path, "nodes", 1)
	if diff := cmp.Diff(small, got); diff != "" || err != nil {
		t.Errorf("%v, -want +got\n%s", err, diff)
	}
	if _, err := state.Read[fleet](d.path, "nodes", 2); err == nil || !strings.Contains(err.Error(), "version 1, this program reads 2") {
		t.Errorf("another version: err = %v", err)
	}
	if err := os.WriteFile(d.file(), []byte(`{"document":"nodes"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := state.Read[fleet](d.path, "nodes", 1); err == nil || got.Nodes != nil {
		t.Errorf("a garbled file: %v, err = %v", got, err)
	}
	if files, err := os.ReadDir(d.path); err != nil || len(files) != 1 || files[0].Name() != "nodes.json" {
		t.Errorf("the directory holds %v (%v), want the file as it was", files, err)
	}
}
