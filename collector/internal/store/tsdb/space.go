package tsdb

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
)

// checkSpace returns an error that wraps ErrDiskFull when the disk of dir has
// less than need bytes left for this process.
//
// The library cannot be left to find out: a log that ends in the middle of a
// record is lost from there on, and a chunk that cannot be written is a panic.
func checkSpace(dir string, need uint64) error {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return fmt.Errorf("free space of %s: %w", dir, err)
	}
	free := stat.Bavail * uint64(stat.Bsize) // Bsize has another type on each system
	if free < need {
		const mib = 1 << 20
		return fmt.Errorf("%w: %d MiB free at %s, %d MiB needed: free some, or shorten the retention",
			ErrDiskFull, free/mib, dir, (need+mib-1)/mib)
	}
	return nil
}

// mayCompact tells why no blocks can be made. A part of the space that appending
// leaves alone is for that; s.appending is held.
func (s *Store) mayCompact() error {
	if s.damage != nil {
		return s.damage
	}
	return checkSpace(s.dir, s.minFree/4)
}

// errPanic reports that the library gave up in the midst of something.
var errPanic = errors.New("the library panicked")

// survive calls the library, which panics when it cannot write a chunk of samples:
// on a disk that is full although it did not look so. What it holds locked then
// stays locked. Other panics than for an error of the system are not held up.
func survive(do func() error) (err error) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		failure, ok := cause.(error)
		if _, isBug := cause.(runtime.Error); !ok || isBug {
			panic(cause)
		}
		err = fmt.Errorf("%w: %w", errPanic, failure)
	}()
	return do()
}
