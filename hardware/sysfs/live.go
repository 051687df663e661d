package sysfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Live returns the tree below dir for a program that reads the same small files
// for ever. It is os.DirFS, but that fs.ReadFile on it costs a third of the
// system calls: files of the kernel cannot be waited for by polling, and os.Open
// asks each of them anew whether it can.
func Live(dir string) fs.FS { return live{os.DirFS(dir), dir} }

type live struct {
	fs.FS
	dir string
}

// ReadFile implements fs.ReadFileFS. A file of more than a megabyte is none of the
// kernel's: its error wraps syscall.EFBIG.
func (l live) ReadFile(name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	path := filepath.Join(l.dir, filepath.FromSlash(name))
	fd, err := again(func() (int, error) { return syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0) })
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	defer syscall.Close(fd) // nothing was written that could be lost
	const attribute = 512   // most are shorter; one of the kernel's is a page at most
	const longest = 1 << 20
	shown := strings.HasPrefix(name, "sys/") // whole, by the kernel: a read that is short is the last
	b := make([]byte, 0, attribute)
	for {
		n, err := again(func() (int, error) { return syscall.Read(fd, b[len(b):cap(b)]) })
		if err != nil {
			return b, &fs.PathError{Op: "read", Path: name, Err: err}
		}
		b = b[:len(b)+n]
		switch {
		case n == 0, shown && len(b) < cap(b):
			return b, nil
		case len(b) > longest:
			return nil, &fs.PathError{Op: "read", Path: name, Err: syscall.EFBIG}
		case len(b) == cap(b):
			b = append(b, 0)[:len(b)]
		}
	}
}

// again repeats a system call that a signal has cut short.
func again(call func() (int, error)) (n int, err error) {
	for {
		if n, err = call(); !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}

// ReadDir implements fs.ReadDirFS.
func (l live) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(l.FS, name) }

// Stat implements fs.StatFS.
func (l live) Stat(name string) (fs.FileInfo, error) { return fs.Stat(l.FS, name) }

// ReadLink implements fs.ReadLinkFS.
func (l live) ReadLink(name string) (string, error) { return fs.ReadLink(l.FS, name) }

// Lstat implements fs.ReadLinkFS.
func (l live) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(l.FS, name) }
