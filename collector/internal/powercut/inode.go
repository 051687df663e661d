//go:build linux

package powercut

import (
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"syscall"
	"time"
)

// An inode is a file or a directory. Permissions and times are for show: they
// survive every cut.
type inode struct {
	number   uint64
	mode     uint32 // type and permissions
	modified time.Time

	// Where it was last given a name, for Operation.
	parent *inode
	name   string

	*file      // nil for a directory
	*directory // nil for a file
}

func (d *Disk) newInode(mode uint32) *inode {
	d.inodes++
	in := &inode{number: d.inodes, mode: mode, modified: time.Now()}
	if mode&syscall.S_IFMT == syscall.S_IFDIR {
		in.directory = &directory{entries: map[string]*inode{}, synced: map[string]*inode{}}
	} else {
		in.file = &file{now: newContent(), kept: newContent(), dirty: map[int64]bool{}}
	}
	return in
}

func (in *inode) path() string {
	if in.parent == nil {
		return ""
	}
	return path.Join(in.parent.path(), in.name)
}

// A cutting is a cut under way.
type cutting struct {
	lost *Lost
	rand *rand.Rand // nil: nothing survives
	seen map[*inode]bool
}

// cut takes back what was not synced, of all that then has a name.
func (in *inode) cut(c *cutting) {
	if c.seen[in] {
		return
	}
	c.seen[in] = true
	if in.file != nil {
		in.file.cut(c)
		return
	}
	in.directory.cut(c)
	for _, name := range slices.Sorted(maps.Keys(in.entries)) {
		child := in.entries[name]
		child.parent, child.name = in, name
		child.cut(c)
	}
}

// A directory maps names to inodes.
type directory struct {
	entries map[string]*inode
	synced  map[string]*inode
	pending []change // from synced to entries, in order
}

// A change of a directory is done as a whole or not at all; nil removes a name.
type change map[string]*inode

func (d *directory) apply(c change) {
	put(d.entries, c)
	d.pending = append(d.pending, c)
}

func put(entries map[string]*inode, c change) {
	for name, in := range c {
		if in == nil {
			delete(entries, name)
		} else {
			entries[name] = in
		}
	}
}

// sync keeps the names as they are now.
func (d *directory) sync() {
	for _, c := range d.pending {
		put(d.synced, c)
	}
	d.pending = nil
}

func (d *directory) cut(c *cutting) {
	kept := 0
	if c.rand != nil {
		kept = c.rand.IntN(len(d.pending) + 1)
	}
	c.lost.Entries += len(d.pending) - kept
	d.pending = d.pending[:kept]
	d.sync()
	d.entries = maps.Clone(d.synced)
}
