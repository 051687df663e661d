package main_test

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// An initramfs writes the archive that a kernel unpacks as its first root: cpio
// of the format newc.
//
// Format: https://docs.kernel.org/driver-api/early-userspace/buffer-format.html
type initramfs struct {
	w     io.Writer
	inode int
	err   error // of the first write that failed
}

// add appends a file or folder under a name that has no leading slash. The
// folders above it must have been added.
func (a *initramfs) add(name string, mode fs.FileMode, content []byte) {
	kind := 0o100000
	if mode.IsDir() {
		kind = 0o040000
	}
	a.inode++
	a.header(name, kind|int(mode.Perm()), len(content))
	a.write(content)
	a.pad(len(content))
}

// close ends the archive.
func (a *initramfs) close() error {
	a.header("TRAILER!!!", 0, 0)
	return a.err
}

// header writes the thirteen numbers and the name of an entry.
func (a *initramfs) header(name string, mode, size int) {
	a.write([]byte("070701"))
	links, nameSize := 1, len(name)+1
	for _, n := range [13]int{a.inode, mode, 0, 0, links, 0, size, 0, 0, 0, 0, nameSize, 0} {
		a.write(fmt.Appendf(nil, "%08x", n))
	}
	a.write([]byte(name + "\x00"))
	a.pad(110 + nameSize)
}

// pad fills n bytes up to a multiple of four.
func (a *initramfs) pad(n int) { a.write(make([]byte, -n&3)) }

func (a *initramfs) write(p []byte) {
	if a.err == nil {
		_, a.err = a.w.Write(p)
	}
}

// addTree appends what is below dir as name and all below it.
func (a *initramfs) addTree(t *testing.T, dir, name string) {
	t.Helper()
	root := filepath.Join(dir, name)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		a.addFile(t, path, below)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// addFile appends a file or folder of the host under a name.
func (a *initramfs) addFile(t *testing.T, path, name string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	var content []byte
	if !info.IsDir() {
		if content, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	a.add(name, info.Mode(), content)
}
