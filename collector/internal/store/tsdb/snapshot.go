package tsdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/prometheus/tsdb/wlog"
)

// A Snapshot is what kill -9 would have left of a store at one instant: its
// blocks, and its logs up to the last sample that was acknowledged. Open reads
// a directory with these files, and finds every sample of that instant.
//
// It holds the files open, so that it stays whole while the store goes on and
// deletes what it no longer needs. Close it.
type Snapshot struct {
	Time  time.Time // when it was taken
	Files []SnapshotFile
}

// A SnapshotFile is one file of a Snapshot.
type SnapshotFile struct {
	Name    string // relative to the store, with slashes
	Size    int64  // bytes that belong to the snapshot; a log may have grown since
	ModTime time.Time

	file *os.File
}

// Open returns a reader of the file's Size bytes. Each call begins anew.
func (f SnapshotFile) Open() io.Reader { return io.NewSectionReader(f.file, 0, f.Size) }

// Snapshot takes a snapshot. It waits for blocks that are being joined, which
// may take minutes, and then holds up Append for as long as it takes to open
// the files.
//
// What the library maps from chunks_head/ is left out: all of it is in the logs.
//
// The error is that of ctx, fs.ErrClosed after Close, or names the file that
// cannot be opened.
func (s *Store) Snapshot(ctx context.Context) (*Snapshot, error) {
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("take a snapshot: %w", err)
	}
	defer s.life.RUnlock()
	if err := s.janitor.pause(ctx); err != nil {
		return nil, fmt.Errorf("take a snapshot of %s: %w", s.dir, err)
	}
	defer s.janitor.resume()
	s.appending.Lock()
	defer s.appending.Unlock()
	if s.damage != nil {
		return nil, fmt.Errorf("take a snapshot: %w", s.damage)
	}
	snap := &Snapshot{Time: time.Now()}
	if err := snap.take(s); err != nil {
		return nil, errors.Join(fmt.Errorf("take a snapshot of %s: %w", s.dir, err), snap.Close())
	}
	return snap, nil
}

// Close closes the files.
func (snap *Snapshot) Close() error {
	var errs []error
	for _, f := range snap.Files {
		errs = append(errs, f.file.Close())
	}
	snap.Files = nil
	return errors.Join(errs...)
}

// take opens the blocks and logs of a store in which nothing is written now.
// The library may still delete blocks, as it looks for old ones on its own: one
// that goes under our hands is too old to be kept.
func (snap *Snapshot) take(s *Store) error {
	for _, b := range s.db.Blocks() {
		before := len(snap.Files)
		err := snap.add(s.dir, filepath.Base(b.Dir()))
		if errors.Is(err, fs.ErrNotExist) {
			err = snap.drop(before)
		}
		if err != nil {
			return err
		}
	}
	return errors.Join(snap.add(s.dir, "wal"), snap.add(s.dir, wlog.WblDirName))
}

// add opens all files below dir/name.
func (snap *Snapshot) add(dir, name string) error {
	entries, err := os.ReadDir(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		return err
	}
	for _, e := range entries {
		below := path.Join(name, e.Name())
		switch {
		case strings.HasSuffix(e.Name(), ".tmp"): // left behind by a crash
			continue
		case e.IsDir():
			err = snap.add(dir, below)
		default:
			err = snap.open(dir, below)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (snap *Snapshot) open(dir, name string) error {
	file, err := os.Open(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	snap.Files = append(snap.Files, SnapshotFile{Name: name, Size: info.Size(), ModTime: info.ModTime(), file: file})
	return nil
}

// drop closes the files from the nth on and forgets them.
func (snap *Snapshot) drop(n int) error {
	gone := Snapshot{Files: snap.Files[n:]}
	snap.Files = snap.Files[:n]
	return gone.Close()
}
