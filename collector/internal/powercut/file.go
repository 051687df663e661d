//go:build linux

package powercut

import (
	"maps"
	"math"
	"slices"
)

const pageSize = 4096

// A content is what is in a file. Pages that are missing are zeros, and what is
// in a page beyond the size is zero.
type content struct {
	size  int64
	pages map[int64]*page // by offset / pageSize
}

type page [pageSize]byte

func newContent() content { return content{pages: map[int64]*page{}} }

// A file has the content that everybody sees and the one that is synced. They
// share the pages that are not dirty.
type file struct {
	now, kept content
	dirty     map[int64]bool // pages of now that may differ from those of kept
}

// read fills dest from off and returns how many bytes there are.
func (f *file) read(dest []byte, off int64) int {
	dest = dest[:max(0, min(int64(len(dest)), f.now.size-off))]
	for done := 0; done < len(dest); {
		number, begin := (off+int64(done))/pageSize, (off+int64(done))%pageSize
		rest := dest[done:min(len(dest), done+int(pageSize-begin))]
		if p := f.now.pages[number]; p != nil {
			copy(rest, p[begin:])
		} else {
			clear(rest)
		}
		done += len(rest)
	}
	return len(dest)
}

func (f *file) write(data []byte, off int64) {
	f.now.size = max(f.now.size, off+int64(len(data)))
	for len(data) > 0 {
		n := copy(f.own(off / pageSize)[off%pageSize:], data)
		data, off = data[n:], off+int64(n)
	}
}

// room returns how much of so many bytes at off has pages already.
func (f *file) room(off int64, size int) int {
	end := off
	for end < off+int64(size) && f.now.pages[end/pageSize] != nil {
		end = (end/pageSize + 1) * pageSize
	}
	return int(min(end-off, int64(size)))
}

// own returns a page that may be written to.
func (f *file) own(number int64) *page {
	p := f.now.pages[number]
	switch {
	case p == nil:
		p = new(page)
	case f.dirty[number]:
		return p
	default:
		p = new(*p)
	}
	f.now.pages[number], f.dirty[number] = p, true
	return p
}

// resize cuts the file, or extends it by zeros.
func (f *file) resize(size int64) {
	if size < f.now.size {
		for number := range f.now.pages {
			if number*pageSize >= size {
				delete(f.now.pages, number)
				f.dirty[number] = true
			}
		}
		if tail := size % pageSize; tail > 0 && f.now.pages[size/pageSize] != nil {
			clear(f.own(size / pageSize)[tail:])
		}
	}
	f.now.size = size
}

// sync keeps the content as it is now.
func (f *file) sync() {
	for number := range f.dirty {
		f.keep(number)
	}
	clear(f.dirty)
	f.kept.size = f.now.size
}

func (f *file) keep(number int64) {
	if p := f.now.pages[number]; p != nil {
		f.kept.pages[number] = p
	} else {
		delete(f.kept.pages, number)
	}
}

func (f *file) cut(c *cutting) {
	if c.rand != nil && (len(f.dirty) > 0 || f.now.size != f.kept.size) {
		f.tear(c)
	}
	c.lost.Pages += len(f.dirty)
	clear(f.dirty)
	f.now = content{math.MaxInt64, maps.Clone(f.kept.pages)}
	f.resize(f.kept.size) // nothing is kept beyond the end
	f.sync()
}

// tear keeps some of what was not synced.
func (f *file) tear(c *cutting) {
	for _, number := range slices.Sorted(maps.Keys(f.dirty)) {
		if c.rand.IntN(2) == 0 {
			f.keep(number)
			delete(f.dirty, number)
		}
	}
	low, high := min(f.now.size, f.kept.size), max(f.now.size, f.kept.size)
	switch c.rand.IntN(3) {
	case 0:
		f.kept.size = f.now.size
	case 1: // a page boundary between
		f.kept.size = min(high, low/pageSize*pageSize+pageSize*c.rand.Int64N((high-low)/pageSize+1))
		f.kept.size = max(f.kept.size, low)
	}
}
