package outbox

import (
	"cmp"
	"slices"

	"thermarack/agent/internal/outbox/segment"
)

// A ledger says which packs of a Box are on disk. The Box's mu guards it.
type ledger struct {
	next  uint64        // packs from this id on are not on disk
	files []*file       // by id
	work  chan struct{} // tells Run that there is something to do; nil without a spool
	idle  bool          // Run waits for work alone
}

// A file is a segment of the spool.
type file struct {
	path      string
	size      int64
	from, end uint64 // ids that it holds
	left      int    // packs of those that the broker does not have
	stray     bool   // found on disk too late to be read; it waits for the next start
}

// settle notes that the broker has a pack, or that it was dropped.
func (l *ledger) settle(id uint64) {
	if id >= l.next {
		return
	}
	i, _ := slices.BinarySearchFunc(l.files, id, func(f *file, id uint64) int {
		if f.end <= id {
			return -1
		}
		return 1
	})
	if i == len(l.files) || l.files[i].from > id {
		return // its file was dropped
	}
	l.files[i].left--
	if l.files[i].left == 0 {
		l.nudge()
	}
}

// nudge wakes Run.
func (l *ledger) nudge() {
	select {
	case l.work <- struct{}{}:
	default: // it has not looked yet, or there is no spool
	}
}

// finished takes the files off that hold nothing any more.
func (l *ledger) finished() (paths []string) {
	l.files = slices.DeleteFunc(l.files, func(f *file) bool {
		over := f.left == 0 && !f.stray
		if over {
			paths = append(paths, f.path)
		}
		return over
	})
	return paths
}

// excess takes the oldest files off, but for the last, until the others have no
// more than most bytes. lost is the number of packs that they held.
func (l *ledger) excess(most int64) (paths []string, lost int) {
	var size int64
	for _, f := range l.files {
		size += f.size
	}
	for size > most && len(l.files) > 1 {
		f := l.files[0]
		l.files = l.files[1:]
		size -= f.size
		paths, lost = append(paths, f.path), lost+f.left
	}
	return paths, lost
}

// forget says that nothing is on disk.
func (l *ledger) forget() { l.files, l.next = nil, 0 }

// paths returns all files.
func (l *ledger) paths() (list []string) {
	for _, f := range l.files {
		list = append(list, f.path)
	}
	return list
}

// oldest returns the first pack that is not on disk, and the id behind the last
// one. ok is false if there is none.
func (b *Box) oldest() (id, end uint64, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	id = b.next(b.ledger.next)
	b.ledger.idle = id == b.end
	return id, b.end, id < b.end
}

// batch returns packs that are not on disk, as many as a frame may take, and
// their ids.
func (b *Box) batch() (packs [][]byte, ids []uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	total := 0
	for id := b.next(b.ledger.next); id < b.end && total < segment.MaxPacks; id = b.next(id + 1) {
		pack := b.pack(id)
		total += len(pack)
		packs, ids = append(packs, pack), append(ids, id)
	}
	return packs, ids
}

// wrote notes that all packs up to last are on disk, the newest of them in the
// file at path, which has size bytes now.
func (b *Box) wrote(path string, size int64, last uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := &b.ledger
	from := l.next
	if n := len(l.files); n == 0 || l.files[n-1].path != path {
		l.files = append(l.files, &file{path: path, from: from})
	}
	f := l.files[len(l.files)-1]
	f.size, f.end, l.next = size, last+1, last+1
	for id := b.next(from); id < f.end; id = b.next(id + 1) {
		f.left++
	}
}

// passOver notes that the packs up to last will not be on disk.
func (b *Box) passOver(last uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ledger.next = last + 1
}

// load puts the packs of a file.
func (b *Box) load(path string, size int64, packs [][]byte) {
	for _, pack := range packs {
		b.Put(pack)
	}
	b.mu.Lock()
	last := b.end - 1
	b.mu.Unlock()
	if len(packs) > 0 {
		b.wrote(path, size, last)
	}
}

// stray notes files that are on disk and not in the ledger.
func (b *Box) stray(files []*file) {
	b.mu.Lock()
	defer b.mu.Unlock()
	known := b.ledger.paths()
	for _, f := range files {
		if !slices.Contains(known, f.path) {
			f.stray = true
			b.ledger.files = append(b.ledger.files, f)
		}
	}
	slices.SortStableFunc(b.ledger.files, func(f, g *file) int { return cmp.Compare(f.end, g.end) })
}
