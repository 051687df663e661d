package onewire

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// bulkFile is the one file that is ever written: a master's, and its word.
const (
	bulkFile    = "therm_bulk_read"
	triggerWord = "trigger\n" // the kernel compares the length, line feed included
)

// An Opener opens a file of the host for writing, without creating or
// truncating it. name is a path as of an fs.FS. An error that a person could
// mend wraps fs.ErrPermission or syscall.EROFS.
type Opener interface {
	OpenWriter(name string) (io.WriteCloser, error)
}

// Triggers is the Opener of a live host. It opens the files that start a bulk
// conversion and refuses every other, so that no fault of a program that holds
// it can reach an EEPROM. It is safe for concurrent use.
type Triggers struct{ root *os.Root }

// OpenTriggers returns the triggers below dir, the host's root. Links that lead
// out of dir are not followed. The error says that dir cannot be opened; whether
// its triggers may be written shows when one is opened.
func OpenTriggers(dir string) (*Triggers, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("onewire: open root: %w", err)
	}
	return &Triggers{root}, nil
}

// OpenWriter opens a file such as
// "sys/bus/w1/devices/w1_bus_master1/therm_bulk_read". The error wraps
// fs.ErrPermission for any other file, and for these without root.
func (t *Triggers) OpenWriter(name string) (io.WriteCloser, error) {
	if !isTrigger(name) {
		return nil, &fs.PathError{Op: "open for writing", Path: name, Err: fs.ErrPermission}
	}
	file, err := t.root.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	return file, nil
}

// Close gives the root's handle back. Files opened before stay open.
func (t *Triggers) Close() error { return t.root.Close() }

func isTrigger(name string) bool {
	master := path.Dir(name)
	return fs.ValidPath(name) && path.Base(name) == bulkFile &&
		path.Dir(master) == devices && strings.HasPrefix(path.Base(master), masterPrefix)
}

func triggerOf(master string) string { return path.Join(devices, master, bulkFile) }

// Bulk returns nil if the thermometers of a master can convert all at once, or
// if fewer than two of them could and nothing is to be gained. It measures
// nothing and writes nothing.
//
// The error wraps fs.ErrPermission or syscall.EROFS if the host forbids it:
// become root, or let a udev rule open the file. It wraps fs.ErrNotExist if the
// kernel does not offer it on this bus, as kernels before 5.8 do on all and
// many later ones on all but the first; and errors.ErrUnsupported if the Reader
// has no Opener. Reads work all the same, each with a conversion of its own.
func (r *Reader) Bulk(master string) error {
	if len(r.capable(master)) < 2 {
		return nil
	}
	name := triggerOf(master)
	if _, err := fs.Stat(r.root, name); err != nil {
		return fmt.Errorf("onewire: bulk conversion: %w", err)
	}
	if r.opener == nil {
		return fmt.Errorf("onewire: bulk conversion: %s: %w", name, errors.ErrUnsupported)
	}
	file, err := r.opener.OpenWriter(name)
	if err != nil {
		return fmt.Errorf("onewire: bulk conversion: %w", err)
	}
	return file.Close()
}
