package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"thermarack/collector/internal/store/tsdb"
)

// A Snapshotter is the store below a collector's directory, or of a part of it.
type Snapshotter interface {
	Snapshot(ctx context.Context) (*tsdb.Snapshot, error)
}

// A Directory is what a collector keeps.
type Directory struct {
	Path    string
	Store   Snapshotter // of Path/tsdb, open in this process; nil: readings are not kept here
	Program string      // version of the collector
}

// storeDir is where the readings are below a Directory's Path.
const storeDir = "tsdb"

// WriteBackup writes an archive of the directory to w while the collector goes
// on: the readings up to the last that was acknowledged, and the state. Left out
// are what only a running process needs, files that are not whole yet, and keys
// and passwords.
//
// The error names the file that could not be read, or is w's or that of ctx.
func (d Directory) WriteBackup(ctx context.Context, w io.Writer) (err error) {
	m := Manifest{Program: d.Program, Time: time.Now().UTC()}
	var readings []Source
	if d.Store != nil {
		snap, err := d.Store.Snapshot(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, snap.Close()) }()
		m.Time = snap.Time.UTC()
		for _, f := range snap.Files {
			readings = append(readings, Source{
				Name: storeDir + "/" + f.Name, ModTime: f.ModTime,
				Open: func() (io.ReadCloser, int64, error) { return io.NopCloser(f.Open()), f.Size, nil },
			})
		}
	}
	state, leftOut, err := d.state()
	if err != nil {
		return fmt.Errorf("list %s: %w", d.Path, err)
	}
	m.LeftOut = leftOut
	return Write(ctx, w, m, append(state, readings...))
}

// state lists all files but those of the store, and the names of those that are
// kept out because they look like secrets, or cannot stand in an archive.
func (d Directory) state() (files []Source, leftOut []string, err error) {
	err = filepath.WalkDir(d.Path, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != d.Path {
			return nil // gone since its directory was listed
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(d.Path, path)
		if err != nil {
			return err
		}
		switch {
		case name == storeDir && e.IsDir():
			return fs.SkipDir
		case name == storeDir, e.IsDir(), passing(name): // a link to the store is none of the state
			return nil
		case !e.Type().IsRegular(), secret(name), name == manifestName:
			leftOut = append(leftOut, filepath.ToSlash(name))
			return nil
		}
		files = append(files, Source{Name: filepath.ToSlash(name), ModTime: time.Now(), Open: func() (io.ReadCloser, int64, error) { return open(path) }})
		return nil
	})
	return files, leftOut, err
}

// open opens a file of the state. These are replaced as a whole or only added to,
// so that what is open stays what it was up to the size it had.
func open(path string) (io.ReadCloser, int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, info.Size(), nil
}

// passing tells whether a file is of no use to another process.
func passing(name string) bool {
	base := filepath.Base(name)
	return base == AddressesFile || base == LockFile || slices.Contains([]string{".new", ".tmp", ".partial"}, filepath.Ext(base))
}

// Files of a directory that belong to the process that runs on it.
const (
	AddressesFile = "addresses.json"
	LockFile      = "lock"
)

// secret tells whether a file looks like a key or a password. Nothing that the
// collector makes does; but configuration may lie in its directory.
func secret(name string) bool {
	base := strings.ToLower(filepath.Base(name))
	for _, part := range []string{"password", "passwd", "secret", "credential"} {
		if strings.Contains(base, part) {
			return true
		}
	}
	switch filepath.Ext(base) {
	case ".key", ".pem", ".p12", ".pfx":
		return true
	}
	return false
}
