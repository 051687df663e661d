// Package backup writes all that a collector keeps into one archive, and puts it
// back: a tar file whose last entry says what the others must be.
//
// Store and state are those of one moment each, the state a little later. The
// manifest comes last because the sums are known only then; so an archive that
// was cut short has none, and cannot be taken for a whole one.
package backup

import (
	"errors"
	"io"
	"time"
)

// version is that of the archive. A reader takes only what it knows.
const version = 1

// manifestName is the last entry of an archive, and no file of a collector.
const manifestName = "manifest.json"

// What an archive may hold. A store of years has a few hundred files.
const (
	maxFiles    = 1 << 16
	maxName     = 1024
	maxManifest = 32 << 20 // bytes
	maxTail     = 1 << 20  // bytes of padding; tar writes a thousand
)

// ErrArchive reports a file that is no archive, or not a whole one, or that holds
// what no backup writes. Nothing of it is to be used; take another.
var ErrArchive = errors.New("not a whole backup")

// A Manifest says what is in an archive.
type Manifest struct {
	Version int       `json:"version"`
	Program string    `json:"program"` // version of the collector that wrote it
	Time    time.Time `json:"time"`    // of which the readings are
	Files   []File    `json:"files"`   // in the order of the archive
	LeftOut []string  `json:"left_out,omitempty"`
}

// A File is one file of a collector's directory.
type File struct {
	Name   string `json:"name"` // relative, with slashes
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// Bytes returns the size of all files together.
func (m Manifest) Bytes() int64 {
	var sum int64
	for _, f := range m.Files {
		sum += f.Size
	}
	return sum
}

// A Source is one file to be archived.
type Source struct {
	Name    string // relative, with slashes
	ModTime time.Time

	// Open returns the content and how many bytes it has. A file that is not
	// there any more (fs.ErrNotExist) is left out.
	Open func() (content io.ReadCloser, size int64, err error)
}
