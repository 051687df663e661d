package sysfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// A Notice waits for files of which the kernel tells when they change, so that
// nobody has to look at them again and again. Wait is called by one goroutine.
type Notice struct {
	epoll *os.File
	raw   syscall.RawConn
	files []int
}

// Notify returns a Notice of files below root, which Live has made. Close it.
//
// The error wraps errors.ErrUnsupported where nothing can be waited for: another
// root, a file that is no attribute of the kernel's, no file at all. Whether an
// attribute does tell cannot be asked; that it can be waited for is true of all.
//
// Source: Documentation/filesystems/sysfs.rst, sysfs_notify: the file was read to
// its end, then polled for POLLPRI or POLLERR, then it is read again from the
// start.
func Notify(root fs.FS, files ...string) (*Notice, error) {
	tree, ok := root.(live)
	if !ok || len(files) == 0 {
		return nil, fmt.Errorf("wait for %d files to change: %w", len(files), errors.ErrUnsupported)
	}
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("wait for files to change: %w", err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil { // so that Go waits for it with everything else
		_ = syscall.Close(fd)
		return nil, fmt.Errorf("wait for files to change: %w", err)
	}
	n := &Notice{epoll: os.NewFile(uintptr(fd), "epoll")}
	for _, file := range files {
		if err := n.add(fd, filepath.Join(tree.dir, filepath.FromSlash(file))); err != nil {
			n.Close()
			return nil, fmt.Errorf("wait for %s to change: %w", file, err)
		}
	}
	if n.raw, err = n.epoll.SyscallConn(); err != nil {
		n.Close()
		return nil, fmt.Errorf("wait for files to change: %w", err)
	}
	return n, nil
}

func (n *Notice) add(epoll int, path string) error {
	fd, err := again(func() (int, error) { return syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0) })
	if err != nil {
		return err
	}
	n.files = append(n.files, fd)
	if err := rearm(fd); err != nil {
		return err
	}
	event := syscall.EpollEvent{Events: syscall.EPOLLPRI | syscall.EPOLLERR, Fd: int32(fd)}
	err = syscall.EpollCtl(epoll, syscall.EPOLL_CTL_ADD, fd, &event)
	if errors.Is(err, syscall.EPERM) { // a file that is always ready
		err = errors.ErrUnsupported
	}
	return err
}

// rearm reads a file, so that only what changes from here on is told.
func rearm(fd int) error {
	const page = 4096 // an attribute is not longer
	_, err := again(func() (int, error) { return syscall.Pread(fd, make([]byte, page), 0) })
	return err
}

// Wait returns nil when a file has changed since Notify or the last Wait. Else the
// error is that of ctx, or says why there is nothing to wait for any more: a file
// is gone, or was closed.
func (n *Notice) Wait(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = n.epoll.SetReadDeadline(time.Unix(1, 0)) }) // fails only once closed
	defer stop()
	var failed error
	err := n.raw.Read(func(fd uintptr) bool {
		var changed bool
		changed, failed = n.look(int(fd))
		return changed || failed != nil
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
		err = failed
	}
	if err != nil {
		return fmt.Errorf("wait for files to change: %w", err)
	}
	return nil
}

// look tells whether files have changed, and rearms those.
func (n *Notice) look(epoll int) (changed bool, err error) {
	var events [4]syscall.EpollEvent
	count, err := again(func() (int, error) { return syscall.EpollWait(epoll, events[:], 0) })
	for i := 0; i < count && err == nil; i++ {
		err = rearm(int(events[i].Fd))
	}
	return count > 0, err
}

// Close ends the use of n.
func (n *Notice) Close() {
	_ = n.epoll.Close()
	for _, fd := range n.files {
		_ = syscall.Close(fd) // nothing was written that could be lost
	}
	n.files = nil
}
