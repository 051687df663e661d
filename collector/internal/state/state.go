// Package state keeps small documents on disk that must outlive the process:
// what cannot be learned again from readings. A crash at any moment leaves the
// old document or the new one, and a file that is garbled all the same is found
// out and set aside.
package state

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

const (
	gather  = 3 * time.Second  // between the first change and the write that holds it and those after
	pace    = 256 << 10        // bytes/s that a document is written with at most, in the long run
	refresh = 5 * time.Minute  // between two writes of what changes all the time and matters little
	again   = 30 * time.Second // until a write that failed is tried again
)

// A Dir is a directory of documents, one a file.
type Dir struct {
	path string
	log  *slog.Logger

	writes, failures, damaged *prometheus.CounterVec
}

// OpenDir returns the directory at path, which is made if missing. The metrics
// of its documents are registered with registry, one directory each; nil: nobody
// scrapes. The error names what cannot be made.
func OpenDir(path string, log *slog.Logger, registry prometheus.Registerer) (*Dir, error) {
	if err := MakeDir(path, 0o750); err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	counter := func(name, help string) *prometheus.CounterVec {
		opts := prometheus.CounterOpts{Name: "thermarack_state_" + name, Help: help}
		return promauto.With(registry).NewCounterVec(opts, []string{"document"})
	}
	return &Dir{
		path: path, log: log,
		writes:   counter("writes_total", "Documents of the state written to disk."),
		failures: counter("write_failures_total", "Writes of a document that failed; the one before is still on disk."),
		damaged:  counter("set_aside_total", "Documents that could not be read at the start and were set aside."),
	}, nil
}

// A Document is one value of T in a file, as JSON. It is safe for concurrent use.
type Document[T any] struct {
	name    string
	version int
	file    string
	log     *slog.Logger

	writes, failures prometheus.Counter

	mu   sync.Mutex
	last [sha256.Size]byte // of what the file holds; zero when that is not known
	size int               // of that, in bytes
}

// Open opens the document name in dir, the file NAME.json, and returns the value
// that it holds: the zero value when there is no file.
//
// version is raised when T changes so that old values would be misread. A file
// that is torn, garbled, or of another version is renamed to NAME.json.aside,
// logged as an error and counted, and done without: a collector that starts with
// less knowledge is better than none. The error is for a file that cannot be read
// or renamed: mend its permissions, or the disk.
func Open[T any](dir *Dir, name string, version int) (*Document[T], T, error) {
	d := &Document[T]{
		name: name, version: version,
		file:     filepath.Join(dir.path, name+".json"),
		log:      dir.log.With("document", name),
		writes:   dir.writes.WithLabelValues(name),
		failures: dir.failures.WithLabelValues(name),
	}
	damaged := dir.damaged.WithLabelValues(name)
	data, err := os.ReadFile(d.file)
	var value, none T
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return d, none, nil
	case err != nil:
		return nil, none, fmt.Errorf("open state: %w", err)
	}
	why := d.decode(data, &value)
	if why == nil {
		d.last, d.size = sha256.Sum256(data), len(data)
		return d, value, nil
	}
	aside := d.file + ".aside"
	if err := os.Rename(d.file, aside); err != nil {
		return nil, none, fmt.Errorf("open state: set aside what cannot be used (%w): %w", why, err)
	}
	damaged.Inc()
	d.log.Error("state that cannot be used is set aside, starting without it", "file", aside, "err", why)
	return d, none, nil
}

// Read returns the value of the document name in the directory at path, for who
// looks at the state of a collector that does not run: nothing on disk changes.
// The error wraps fs.ErrNotExist when there is no such document, and otherwise
// says why it cannot be used.
func Read[T any](path, name string, version int) (value T, err error) {
	d := &Document[T]{name: name, version: version}
	data, err := os.ReadFile(filepath.Join(path, name+".json"))
	if err == nil {
		err = d.decode(data, &value)
	}
	if err != nil {
		var none T
		return none, fmt.Errorf("read state %s: %w", name, err)
	}
	return value, nil
}

// An envelope is what a file holds.
type envelope struct {
	Document string          `json:"document"`
	Version  int             `json:"version"`
	Sum      string          `json:"crc32c"` // 8 hex digits, of all the rest
	Value    json.RawMessage `json:"value"`
}

// sum is CRC-32C: it finds all that a torn write or a flipped bit can do. It is
// no protection from somebody who may write the file.
func (e envelope) sum() string {
	table := crc32.MakeTable(crc32.Castagnoli)
	head := crc32.Checksum(fmt.Appendf(nil, "%s %d ", e.Document, e.Version), table)
	return fmt.Sprintf("%08x", crc32.Update(head, table, e.Value))
}

func (d *Document[T]) decode(data []byte, value *T) error {
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil {
		return err
	}
	switch {
	case e.Sum != e.sum():
		return fmt.Errorf("checksum %.20q, want %s", e.Sum, e.sum())
	case e.Document != d.name:
		return fmt.Errorf("it is the document %.80q", e.Document)
	case e.Version != d.version:
		return fmt.Errorf("version %d, this program reads %d", e.Version, d.version)
	}
	return json.Unmarshal(e.Value, value)
}

func (d *Document[T]) encode(value T) ([]byte, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	e := envelope{Document: d.name, Version: d.version, Value: raw}
	e.Sum = e.sum()
	data, err := json.Marshal(e)
	return append(data, '\n'), err
}

// Write makes value what the file holds, and returns when it is on disk. A value
// that is there already is not written again. The error names the file; what was
// on disk before is there still, and Write may be called again.
func (d *Document[T]) Write(value T) error {
	data, err := d.encode(value)
	if err != nil {
		return fmt.Errorf("write state %s: %w", d.name, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	sum := sha256.Sum256(data)
	if sum == d.last {
		return nil
	}
	d.last = [sha256.Size]byte{}
	if err := Replace(d.file, data); err != nil {
		d.failures.Inc()
		return fmt.Errorf("write state %s: %w", d.name, err)
	}
	d.last, d.size = sum, len(data)
	d.writes.Inc()
	return nil
}

// Keep writes what value returns within seconds of something received from
// changed, and every five minutes, until ctx ends; then it returns nil. Many
// changes share one write, and large documents are written less often, which is
// what SD cards want. The last write is left to the caller, when nothing changes
// any more. A write that fails is logged once
// until it has worked again, and tried again every half minute.
func (d *Document[T]) Keep(ctx context.Context, changed <-chan struct{}, value func() T) error {
	tick := time.NewTicker(refresh)
	defer tick.Stop()
	var retry <-chan time.Time // nil unless the last write failed
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-retry:
		case <-changed:
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(d.pause()):
			}
		}
		err := d.Write(value())
		switch {
		case err != nil && retry == nil:
			d.log.Error("state not kept, trying again", "err", err)
		case err == nil && retry != nil:
			d.log.Info("state kept again")
		}
		retry = nil
		if err != nil {
			retry = time.After(again)
		}
	}
}

// pause returns how long changes are gathered.
func (d *Document[T]) pause() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return gather + time.Duration(d.size)*time.Second/pace
}
