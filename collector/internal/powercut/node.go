//go:build linux

package powercut

import (
	"context"
	"maps"
	"slices"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// A node is an inode as the kernel knows it until the next cut.
type node struct {
	fs.Inode
	disk  *Disk
	inode *inode
	life  int
}

var (
	_ fs.NodeStatfser  = (*node)(nil)
	_ fs.NodeGetattrer = (*node)(nil)
	_ fs.NodeSetattrer = (*node)(nil)
	_ fs.NodeLookuper  = (*node)(nil)
	_ fs.NodeReaddirer = (*node)(nil)
	_ fs.NodeCreater   = (*node)(nil)
	_ fs.NodeMkdirer   = (*node)(nil)
	_ fs.NodeLinker    = (*node)(nil)
	_ fs.NodeUnlinker  = (*node)(nil)
	_ fs.NodeRmdirer   = (*node)(nil)
	_ fs.NodeRenamer   = (*node)(nil)
	_ fs.NodeOpener    = (*node)(nil)
	_ fs.NodeReader    = (*node)(nil)
	_ fs.NodeWriter    = (*node)(nil)
	_ fs.NodeAllocater = (*node)(nil)
	_ fs.NodeFsyncer   = (*node)(nil)
)

// look begins an operation that changes nothing. Without an error the caller
// unlocks the disk.
func (n *node) look() syscall.Errno {
	n.disk.mu.Lock()
	if n.life == n.disk.life {
		return 0
	}
	n.disk.mu.Unlock()
	return syscall.EIO
}

// begin begins one that does.
func (n *node) begin(kind Kind, path func() string) syscall.Errno {
	if errno := n.look(); errno != 0 {
		return errno
	}
	if n.disk.trigger != nil && n.disk.trips(Operation{kind, path()}) {
		n.disk.mu.Unlock()
		return syscall.EIO
	}
	return 0
}

// child names an entry of the directory.
func (n *node) child(name string) func() string {
	return func() string { return (&inode{parent: n.inode, name: name}).path() }
}

// Statfs shows a disk that is never full.
func (n *node) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	const pages = 1 << 24 // 64 GiB
	out.Bsize, out.Frsize, out.NameLen = pageSize, pageSize, 255
	out.Blocks, out.Bfree, out.Bavail, out.Files, out.Ffree = pages, pages, pages, pages, pages
	return 0
}

func (in *inode) attributes(out *fuse.Attr) {
	out.Ino, out.Mode, out.Nlink = in.number, in.mode, 1
	out.SetTimes(&in.modified, &in.modified, &in.modified)
	if in.file != nil {
		out.Size = uint64(in.now.size)
		out.Blocks = uint64(len(in.now.pages)) * (pageSize / 512)
	}
}

func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	if errno := n.look(); errno != 0 {
		return errno
	}
	defer n.disk.mu.Unlock()
	n.inode.attributes(&out.Attr)
	return 0
}

func (n *node) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	size, resizes := in.GetSize()
	var errno syscall.Errno
	if resizes {
		errno = n.begin(Truncate, n.inode.path)
	} else {
		errno = n.look()
	}
	if errno != 0 {
		return errno
	}
	defer n.disk.mu.Unlock()
	if resizes {
		n.inode.resize(int64(size))
		n.inode.modified = time.Now()
	}
	if mode, ok := in.GetMode(); ok {
		n.inode.mode = n.inode.mode&syscall.S_IFMT | mode&^uint32(syscall.S_IFMT)
	}
	if at, ok := in.GetMTime(); ok {
		n.inode.modified = at
	}
	n.inode.attributes(&out.Attr)
	return 0
}

// show makes the kernel's view of an inode.
func (n *node) show(ctx context.Context, in *inode, out *fuse.EntryOut) *fs.Inode {
	in.attributes(&out.Attr)
	return n.NewInode(ctx, &node{disk: n.disk, inode: in, life: n.life},
		fs.StableAttr{Mode: in.mode & syscall.S_IFMT, Ino: in.number})
}

func (n *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := n.look(); errno != 0 {
		return nil, errno
	}
	defer n.disk.mu.Unlock()
	in := n.inode.entries[name]
	if in == nil {
		return nil, syscall.ENOENT
	}
	return n.show(ctx, in, out), 0
}

func (n *node) Readdir(context.Context) (fs.DirStream, syscall.Errno) {
	if errno := n.look(); errno != 0 {
		return nil, errno
	}
	defer n.disk.mu.Unlock()
	var list []fuse.DirEntry
	for _, name := range slices.Sorted(maps.Keys(n.inode.entries)) {
		in := n.inode.entries[name]
		list = append(list, fuse.DirEntry{Name: name, Ino: in.number, Mode: in.mode & syscall.S_IFMT})
	}
	return fs.NewListDirStream(list), 0
}

// add makes a new inode, or gives in another name.
func (n *node) add(ctx context.Context, name string, make func() *inode, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := n.begin(Create, n.child(name)); errno != 0 {
		return nil, errno
	}
	defer n.disk.mu.Unlock()
	if n.inode.entries[name] != nil {
		return nil, syscall.EEXIST
	}
	if n.disk.full {
		return nil, syscall.ENOSPC
	}
	in := make()
	in.parent, in.name = n.inode, name
	n.inode.apply(change{name: in})
	return n.show(ctx, in, out), 0
}

func (n *node) Create(ctx context.Context, name string, _, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	made, errno := n.add(ctx, name, func() *inode {
		return n.disk.newInode(syscall.S_IFREG | mode&^uint32(syscall.S_IFMT))
	}, out)
	return made, nil, fuse.FOPEN_KEEP_CACHE, errno
}

func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return n.add(ctx, name, func() *inode {
		return n.disk.newInode(syscall.S_IFDIR | mode&^uint32(syscall.S_IFMT))
	}, out)
}

func (n *node) Link(ctx context.Context, target fs.InodeEmbedder, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	in := target.(*node).inode
	return n.add(ctx, name, func() *inode { return in }, out)
}

func (n *node) Unlink(_ context.Context, name string) syscall.Errno { return n.remove(name) }

func (n *node) Rmdir(_ context.Context, name string) syscall.Errno { return n.remove(name) }

func (n *node) remove(name string) syscall.Errno {
	if errno := n.begin(Remove, n.child(name)); errno != 0 {
		return errno
	}
	defer n.disk.mu.Unlock()
	switch in := n.inode.entries[name]; {
	case in == nil:
		return syscall.ENOENT
	case in.directory != nil && len(in.entries) > 0:
		return syscall.ENOTEMPTY
	}
	n.inode.apply(change{name: nil})
	return 0
}

// Rename is one change of the directory, or one of each if there are two: then
// a cut may keep either.
func (n *node) Rename(_ context.Context, name string, to fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	target := to.(*node)
	if errno := n.begin(Rename, target.child(newName)); errno != 0 {
		return errno
	}
	defer n.disk.mu.Unlock()
	in, there := n.inode.entries[name], target.inode.entries[newName]
	const noReplace = 1
	switch {
	case in == nil:
		return syscall.ENOENT
	case flags&^noReplace != 0:
		return syscall.EINVAL
	case flags == noReplace && there != nil:
		return syscall.EEXIST
	case there != nil && there.directory != nil && len(there.entries) > 0:
		return syscall.ENOTEMPTY
	case in == there:
		return 0
	}
	in.parent, in.name = target.inode, newName
	if target.inode == n.inode {
		n.inode.apply(change{name: nil, newName: in})
		return 0
	}
	target.inode.apply(change{newName: in})
	n.inode.apply(change{name: nil})
	return 0
}

func (n *node) Open(_ context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if errno := n.look(); errno != 0 {
		return nil, 0, errno
	}
	defer n.disk.mu.Unlock()
	return nil, fuse.FOPEN_KEEP_CACHE, 0
}

func (n *node) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	if errno := n.look(); errno != 0 {
		return nil, errno
	}
	defer n.disk.mu.Unlock()
	return fuse.ReadResultData(dest[:n.inode.read(dest, off)]), 0
}

func (n *node) Write(_ context.Context, _ fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	if errno := n.begin(Write, n.inode.path); errno != 0 {
		return 0, errno
	}
	defer n.disk.mu.Unlock()
	if n.disk.full {
		data = data[:n.inode.room(off, len(data))]
	}
	if len(data) == 0 {
		return 0, syscall.ENOSPC
	}
	n.inode.write(data, off)
	n.inode.modified = time.Now()
	return uint32(len(data)), 0
}

// Allocate takes the length only: there is always room.
func (n *node) Allocate(_ context.Context, _ fs.FileHandle, off, size uint64, mode uint32) syscall.Errno {
	const keepSize = 1
	if mode&^keepSize != 0 {
		return syscall.EOPNOTSUPP
	}
	if errno := n.begin(Truncate, n.inode.path); errno != 0 {
		return errno
	}
	defer n.disk.mu.Unlock()
	if n.disk.full {
		return syscall.ENOSPC
	}
	if mode == 0 {
		n.inode.resize(max(n.inode.now.size, int64(off+size)))
	}
	return 0
}

func (n *node) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	if errno := n.begin(Sync, n.inode.path); errno != 0 {
		return errno
	}
	defer n.disk.mu.Unlock()
	if n.inode.file != nil {
		n.inode.file.sync()
	} else {
		n.inode.directory.sync()
	}
	return 0
}
