package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"thermarack/collector/internal/state"
)

// ErrOccupied reports a directory to restore into that is not empty. Name
// another, or move away what is there.
var ErrOccupied = errors.New("is not empty, and a restore overwrites nothing")

// leaveFree is how many bytes stay free on the disk: an archive may say that it
// is larger than any disk.
const leaveFree = 256 << 20

// Restore makes dir from an archive, plain or gzipped. dir must not exist, or be
// empty. It unpacks beside dir, and only when all sums are right and everything
// is on disk that becomes dir; after an error dir is as it was.
//
// The error wraps ErrOccupied, ErrArchive, is that of ctx, or says which file
// could not be written.
func Restore(ctx context.Context, from io.Reader, dir string) (m Manifest, err error) {
	dir = filepath.Clean(dir)
	if err := checkTarget(dir); err != nil {
		return m, err
	}
	parent := filepath.Dir(dir)
	if err := state.MakeDir(parent, 0o750); err != nil {
		return m, err
	}
	beside, err := os.MkdirTemp(parent, filepath.Base(dir)+".restore-")
	if err != nil {
		return m, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(beside))
		}
	}()
	if m, err = unpack(ctx, from, beside); err != nil {
		return m, err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) { // fails unless it is empty
		return m, err
	}
	if err := os.Rename(beside, dir); err != nil {
		return m, err
	}
	return m, state.SyncDir(parent)
}

// checkTarget returns an error unless dir can become what is restored.
func checkTarget(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(entries) > 0:
		return fmt.Errorf("%s %w", dir, ErrOccupied)
	}
	here, err := os.Stat(dir)
	if err != nil {
		return err
	}
	above, err := os.Stat(filepath.Dir(dir))
	if err != nil {
		return err
	}
	own, ok := here.Sys().(*syscall.Stat_t)
	parents, too := above.Sys().(*syscall.Stat_t)
	if ok && too && own.Dev != parents.Dev {
		return fmt.Errorf("%s is where a disk is mounted, and cannot be replaced: restore into a directory below it", dir)
	}
	return nil
}

// unpack writes an archive into dir and onto the disk.
func unpack(ctx context.Context, from io.Reader, dir string) (Manifest, error) {
	root, err := os.OpenRoot(dir) // follows nothing out of dir
	if err != nil {
		return Manifest{}, err
	}
	dirs := map[string]bool{".": true}
	m, err := Read(ctx, from, func(name string, size int64, content io.Reader) error {
		if err := checkSpace(dir, size); err != nil {
			return fmt.Errorf("unpack %s: %w", name, err)
		}
		parent := path.Dir(name)
		if err := root.MkdirAll(parent, 0o750); err != nil {
			return fmt.Errorf("unpack %s: %w", name, err)
		}
		for ; parent != "."; parent = path.Dir(parent) {
			dirs[parent] = true
		}
		return writeNew(root, name, content)
	})
	for name := range dirs {
		if err == nil {
			err = state.SyncDir(filepath.Join(dir, filepath.FromSlash(name)))
		}
	}
	return m, errors.Join(err, root.Close())
}

// writeNew writes a file that is not there yet, onto the disk.
func writeNew(root *os.Root, name string, content io.Reader) error {
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return fmt.Errorf("unpack %s: %w", name, err)
	}
	_, err = io.Copy(file, content)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("unpack %s: %w", name, err)
	}
	return nil
}

func checkSpace(dir string, need int64) error {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return err
	}
	free := stat.Bavail * uint64(stat.Bsize) // Bsize has another type on each system
	if free < leaveFree || free-leaveFree < uint64(need) {
		return fmt.Errorf("%d bytes do not fit: %d MiB are free, of which %d stay so", need, free>>20, leaveFree>>20)
	}
	return nil
}
