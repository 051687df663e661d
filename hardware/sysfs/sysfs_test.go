package sysfs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"thermarack/hardware/sysfs"
)

// board opens a host from testdata.
func board(t *testing.T, name string) fs.FS {
	t.Helper()
	tree, err := txtar.ParseFile("testdata/" + name + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	root, err := txtar.FS(tree)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// trapped is a host with files that are listed and opened, but cannot be read,
// as sysfs does when a driver returns an error.
type trapped struct {
	fs.FS
	traps map[string]error
}

func (h trapped) Open(name string) (fs.File, error) {
	err := h.traps[name]
	if errors.Is(err, fs.ErrNotExist) { // went between the listing and now
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	f, openErr := h.FS.Open(name)
	if err == nil || openErr != nil {
		return f, openErr
	}
	return unreadable{f, err}, nil
}

type unreadable struct {
	fs.File
	err error
}

func (f unreadable) Read([]byte) (int, error)           { return 0, f.err }
func (f unreadable) ReadDir(int) ([]fs.DirEntry, error) { return nil, f.err }

// listZones and listChips write one line a thing, its error in place of its
// value.
func listZones(zones []sysfs.Zone) string {
	var b strings.Builder
	for _, z := range zones {
		fmt.Fprintf(&b, "%s %q %s\n", path.Base(z.Dir), z.Type, orError(z.Celsius, z.Err))
	}
	return b.String()
}

func listChips(chips []sysfs.Chip) string {
	var b strings.Builder
	for _, c := range chips {
		fmt.Fprintf(&b, "%s %s\n", path.Base(c.Dir), orError(fmt.Sprintf("%q", c.Name), c.Err))
		for _, s := range c.Sensors {
			fmt.Fprintf(&b, "  %s %d %q %s", s.Kind, s.Index, s.Label, orError(s.Value, s.Err))
			if s.Fault {
				b.WriteString(" fault")
			}
			if s.Alarm {
				b.WriteString(" alarm")
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

func orError(value any, err error) string {
	if err != nil {
		return "! " + err.Error()
	}
	return fmt.Sprint(value)
}
