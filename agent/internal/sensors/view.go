package sensors

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// errNotNow is why a listing opens no file that measures.
var errNotNow = errors.New("not read while listing")

// A listing shows a tree but opens no file that may start a measurement, so
// that a chip which hangs can be listed with the others.
type listing struct{ fs.FS }

// Open opens directories and the names of chips and zones.
func (l listing) Open(name string) (fs.File, error) {
	switch path.Base(name) {
	case "name", "type":
		return l.FS.Open(name)
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: errNotNow}
}

// ReadDir lists like the tree itself.
func (l listing) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(l.FS, name) }

// A narrow shows a tree with one chip or zone in its class, and of that only the
// files of one channel, so that reading it touches nothing else.
type narrow struct {
	fs.FS
	dir     string // sys/class/hwmon/hwmon0
	channel string // temp1; "" for a zone, whose files are few
}

// ReadDir lists like the tree, less what is hidden.
func (n narrow) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(n.FS, name)
	switch {
	case name == path.Dir(n.dir):
		return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Name() != path.Base(n.dir) }), err
	case name == n.dir, name == path.Join(n.dir, "device"):
		return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return !n.shows(e.Name()) }), err
	}
	return entries, err
}

func (n narrow) shows(file string) bool {
	return file == n.channel || strings.HasPrefix(file, n.channel+"_")
}
