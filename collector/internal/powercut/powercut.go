//go:build linux

// Package powercut is a file system for tests whose power can be cut. What was
// written is there for everybody to read, and gone after a cut unless it was
// synced: the content of a file by fsync of that file, the names in a directory
// by fsync of that directory. It is as hostile as POSIX allows, and more than any
// file system in use: a synced file whose directory was not synced has no name,
// a name that was synced may lead to an empty file.
//
// It is served through FUSE by the process that mounts it. That process must not
// map its files, nor may anything but system calls touch them.
package powercut

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// A Kind says what an operation does.
type Kind string

// The operations that change what is on the disk, or what would be left of it.
const (
	Write    Kind = "write"
	Truncate Kind = "truncate" // or extend, or preallocate
	Create   Kind = "create"   // a file, a directory or a further name of a file
	Remove   Kind = "remove"
	Rename   Kind = "rename"
	Sync     Kind = "sync" // of a file or directory
)

// An Operation is about to be done.
type Operation struct {
	Kind Kind
	Path string // below the mount point, "" for the root; of Rename the new one
}

// Lost says what a cut took.
type Lost struct {
	Pages   int       // of 4 KiB, written and not synced
	Entries int       // changes of directories that were not synced
	At      Operation // that was not done; zero for a call of Cut
}

// A Disk holds files in memory. It is mounted, cut and mounted again. It is safe
// for concurrent use, but for Mount and Unmount.
type Disk struct {
	server *fuse.Server
	dir    string

	mu       sync.Mutex
	root     *inode
	inodes   uint64 // made so far
	life     int    // counts cuts; what a file system of an earlier life is asked fails
	off      chan struct{}
	lost     Lost
	survives *rand.Rand
	trigger  func(Operation) bool // nil: none
	full     bool
}

// New returns an empty disk with its power on.
func New() *Disk {
	d := &Disk{off: make(chan struct{})}
	d.root = d.newInode(syscall.S_IFDIR | 0o755)
	return d
}

// Possible tells whether this process may mount a disk: as root, with FUSE in the
// kernel. No package could mend it.
func Possible() bool {
	_, err := os.Stat("/dev/fuse")
	return err == nil && os.Geteuid() == 0
}

// Mount shows the disk at dir, which must exist, and turns its power on. It needs
// root and /dev/fuse.
func (d *Disk) Mount(dir string) error {
	d.mu.Lock()
	d.off = make(chan struct{})
	root := &node{disk: d, inode: d.root, life: d.life}
	d.mu.Unlock()
	// Without the kernel's write-back cache each write is known here at once. What
	// a process maps it reads through the page cache.
	server, err := fs.Mount(dir, root, &fs.Options{MountOptions: fuse.MountOptions{
		DirectMountStrict: true, DisableXAttrs: true, FsName: "powercut", Name: "powercut",
	}})
	if err != nil {
		return fmt.Errorf("mount a disk at %s: %w", dir, err)
	}
	d.server, d.dir = server, dir
	return nil
}

// Unmount takes the disk from where it is mounted. Whoever has files open must
// have ended. What was written stays; without a cut nothing is lost.
func (d *Disk) Unmount() error {
	if d.server == nil {
		return nil
	}
	if err := d.server.Unmount(); err != nil {
		// Else the test could not remove its directory, and the machine not shut down.
		err = fmt.Errorf("unmount the disk at %s: %w", d.dir, err)
		return errors.Join(err, os.NewSyscallError("umount", syscall.Unmount(d.dir, syscall.MNT_DETACH)))
	}
	d.server = nil
	return nil
}

// Cut takes the power away: what is asked of the disk as it is mounted now fails
// with EIO, and what was not synced is lost. With survives, which decides by
// chance, some of it is not: of the unsynced pages of a file each may be there,
// its length is old or new or between, and of the changes of a directory some
// number of the first. Unmount and mount the disk again.
func (d *Disk) Cut(survives *rand.Rand) Lost {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cut(survives)
	return d.lost
}

// CutAt has the power cut, as Cut does, in place of the first operation for which
// trigger is true. trigger must not call the disk; nil asks for none any more.
func (d *Disk) CutAt(survives *rand.Rand, trigger func(Operation) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.survives, d.trigger = survives, trigger
}

// Fill makes the disk full, or gives it room again. Its free space is said to be
// large all the same, as where a quota ends or a volume is thinly provisioned:
// what needs a further page or a name fails with ENOSPC, a write perhaps after a
// part.
func (d *Disk) Fill(full bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = full
}

// Off is closed when the power is cut. Mount makes another.
func (d *Disk) Off() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.off
}

// Lost returns what the last cut took.
func (d *Disk) Lost() Lost {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lost
}

func (d *Disk) cut(survives *rand.Rand) {
	d.lost, d.trigger = Lost{}, nil
	d.life++
	d.root.cut(&cutting{lost: &d.lost, rand: survives, seen: map[*inode]bool{}})
	select {
	case <-d.off:
	default:
		close(d.off)
	}
}

// trips tells whether the power goes in place of o.
func (d *Disk) trips(o Operation) bool {
	if d.trigger == nil || !d.trigger(o) {
		return false
	}
	d.cut(d.survives)
	d.lost.At = o
	return true
}
