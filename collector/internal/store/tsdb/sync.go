package tsdb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// A syncer makes what was written to the library's logs outlive a power cut.
// The library itself syncs a segment when the next one begins, 128 MiB later.
type syncer struct {
	root  string
	logs  []*segmented
	fsync func(path string) error // of a file or directory
}

// A segmented log is a directory of files named by numbers, of which the last
// one grows and all others are done.
type segmented struct {
	dir  string
	last int   // number of the newest segment at the last sync; -1: none yet
	size int64 // its size in bytes then
}

// newSyncer returns a syncer of the logs below root that has synced nothing.
func newSyncer(root string, logs ...string) *syncer {
	s := &syncer{root: root, fsync: fsync}
	for _, name := range logs {
		s.logs = append(s.logs, &segmented{dir: filepath.Join(root, name), last: -1})
	}
	return s
}

// Sync returns when all that was written to the logs before the call is on
// disk. It touches only segments that have grown or are new since the last
// call, and a directory only when it has a new segment; the first call syncs
// everything. After an error the kernel may have dropped what it could not
// write: calling again proves nothing.
func (s *syncer) Sync() error {
	for _, log := range s.logs {
		if err := s.syncLog(log); err != nil {
			return fmt.Errorf("sync %s: %w", log.dir, err)
		}
	}
	return nil
}

func (s *syncer) syncLog(log *segmented) error {
	first := log.last < 0
	segments, err := log.changed()
	if err != nil || len(segments) == 0 {
		return err
	}
	for _, seg := range segments {
		// A segment may go at any time: the library deletes those whose samples
		// are in a block by now.
		if err := s.fsync(filepath.Join(log.dir, seg.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	newest := segments[len(segments)-1]
	if newest.number > log.last {
		if err := s.fsync(log.dir); err != nil {
			return err
		}
	}
	if first {
		if err := s.syncNames(); err != nil {
			return err
		}
	}
	log.last, log.size = newest.number, newest.size
	return nil
}

// syncNames syncs the root, and the directories above it that may have been made
// for it, without which what is synced below has no name. That goes up to where
// the file system is mounted, or to what this process may not read: that was
// there before.
func (s *syncer) syncNames() error {
	if err := s.fsync(s.root); err != nil {
		return err
	}
	for dir, parent := s.root, filepath.Dir(s.root); parent != dir; dir, parent = parent, filepath.Dir(parent) {
		if isMount, err := differ(dir, parent); isMount || err != nil {
			return err
		}
		switch err := s.fsync(parent); {
		case errors.Is(err, fs.ErrPermission):
			return nil
		case err != nil:
			return err
		}
	}
	return nil
}

// differ tells whether two directories are of different file systems.
func differ(a, b string) (bool, error) {
	var of [2]syscall.Stat_t
	for i, dir := range []string{a, b} {
		if err := syscall.Stat(dir, &of[i]); err != nil {
			return false, &fs.PathError{Op: "stat", Path: dir, Err: err}
		}
	}
	return of[0].Dev != of[1].Dev, nil
}

// A segment is one file of a log.
type segment struct {
	name   string
	number int
	size   int64 // bytes
}

// changed lists the segments that were written to since the last sync, in
// order: any since the last one seen, and that one if it has grown. The size is
// read before the sync, so that what is written meanwhile counts as a change.
func (log *segmented) changed() ([]segment, error) {
	entries, err := os.ReadDir(log.dir) // in the order of names, which are of equal length
	if err != nil {
		return nil, err
	}
	var found []segment
	for _, e := range entries {
		number, err := strconv.Atoi(e.Name())
		if err != nil || number < log.last {
			continue // a checkpoint, which the library has synced; an old segment
		}
		info, err := e.Info()
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, err
		case number > log.last || info.Size() != log.size:
			found = append(found, segment{e.Name(), number, info.Size()})
		}
	}
	return found, nil
}

// fsync writes a file or directory through to the disk.
func fsync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
