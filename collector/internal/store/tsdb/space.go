package tsdb

import (
	"fmt"
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
