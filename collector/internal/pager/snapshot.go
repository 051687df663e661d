package pager

import (
	"bytes"
	"io"

	disk "thermarack/collector/internal/state"
)

// A kept is what the library can write down: the silences, the log of what was
// sent.
type kept interface {
	GC() (int, error)
	Snapshot(io.Writer) (int64, error)
}

// snapshot returns what the library's maintenance does: it drops expired entries
// and replaces the file. The library's own way puts a half-written file in place
// when the disk is full, and leaves another behind at each kill.
func snapshot(k kept, file string) func() (int64, error) {
	return func() (int64, error) {
		if _, err := k.GC(); err != nil {
			return 0, err
		}
		var out bytes.Buffer
		size, err := k.Snapshot(&out)
		if err != nil {
			return 0, err
		}
		return size, disk.Replace(file, out.Bytes())
	}
}
