package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Replace makes data what file holds. A crash or a power cut at any moment leaves
// the old content or the new, whole; when Replace has returned nil, the new. The
// directory must exist. The file is readable by its owner only. Not for two
// callers of one file at a time: what is not yet whole is in FILE.new.
//
// The error names the file or directory that could not be written; the old
// content then stays, unless only the last step failed, the sync of the directory.
func Replace(file string, data []byte) error {
	next := file + ".new"
	err := write(next, data)
	if err == nil {
		err = os.Rename(next, file)
	}
	if err != nil {
		_ = os.Remove(next) // it is written over the next time anyway
		return err
	}
	return SyncDir(filepath.Dir(file))
}

// write writes and syncs a file: a rename may reach the disk before the content
// does.
func write(file string, data []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// SyncDir makes the names in a directory durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// MakeDir makes a directory, and those above it that are missing, with names that
// are durable: what is synced in a directory is lost with its name. That of one
// which was there counts as such where the one above may not be read.
func MakeDir(dir string, mode fs.FileMode) error {
	parent := filepath.Dir(dir)
	if _, err := os.Stat(parent); errors.Is(err, fs.ErrNotExist) && parent != dir {
		if err := MakeDir(parent, mode); err != nil {
			return err
		}
	}
	err := os.Mkdir(dir, mode)
	if errors.Is(err, fs.ErrExist) {
		if info, gone := os.Stat(dir); gone != nil || !info.IsDir() {
			return err
		}
	} else if err != nil {
		return err
	}
	synced := SyncDir(parent)
	if err != nil && errors.Is(synced, fs.ErrPermission) {
		return nil
	}
	return synced
}
