package outbox

import (
	"bytes"
	"unsafe"

	"thermarack/agent/internal/outbox/compact"
)

// A store is a queue of packs by id, split as by package compact: the packs of a
// day share a handful of skeletons. It counts the memory that it takes.
type store struct {
	chunks []*chunk // of ids from base on; grown by one, so that nothing is ever copied
	base   uint64   // of chunks[0][0]
	first  uint64   // the oldest that is there
	end    uint64   // the id that the next pack gets
	count  int      // packs that are there

	shapes map[string]*shape
	peak   int    // the most that shapes has held since it was made
	recent *shape // of the newest pack, kept because the next one likely has it
	bytes  int
}

// chunkLen makes a chunk, with the word that the runtime puts before it, fill its
// size class.
const chunkLen = 63

type chunk [chunkLen]entry

// An entry is one pack. Without a shape it is gone, acknowledged before one that
// is older.
type entry struct {
	shape   *shape
	numbers []byte
}

// A shape is a skeleton that packs share.
type shape struct {
	text string
	uses int
}

// What the runtime takes beside the lengths: what is there once, a chunk's
// rounding and its place in a list that grows, the struct of a shape, and the
// places in the map, half of which may be empty after it has grown.
const (
	fixedCost = 8 << 10
	chunkCost = int(unsafe.Sizeof(chunk{})) + 64
	shapeCost = 48
	placeCost = 80
)

// cost rounds the text up to what the runtime allocates for it: an eighth more
// at most, and whole pages of 8 KiB beyond 32 KiB.
func (s *shape) cost() int {
	text := len(s.text) + len(s.text)/8
	if len(s.text) > 32<<10 {
		text = len(s.text) + 8<<10
	}
	return shapeCost + text
}

// push adds a pack at the end.
func (s *store) push(pack []byte) {
	skeleton, numbers := compact.Split(pack)
	if s.end == s.base+uint64(len(s.chunks))*chunkLen {
		s.chunks = append(s.chunks, new(chunk))
		s.bytes += chunkCost
	}
	e := s.at(s.end)
	e.shape, e.numbers = s.share(skeleton), bytes.Clone(numbers)
	s.bytes += cap(e.numbers)
	s.end++
	s.count++
}

// share returns the shape of a skeleton with one more use.
func (s *store) share(skeleton []byte) *shape {
	same, ok := s.shapes[string(skeleton)]
	if !ok {
		same = &shape{text: string(skeleton)}
		if s.shapes == nil {
			s.shapes = map[string]*shape{}
		}
		s.shapes[same.text] = same
		s.bytes += same.cost()
		if len(s.shapes) > s.peak {
			s.peak++
			s.bytes += placeCost
		}
	}
	same.uses++
	if same != s.recent {
		same.uses++
		s.release(s.recent)
		s.recent = same
	}
	return same
}

// release takes a use off a shape, which goes with the last one.
func (s *store) release(of *shape) {
	if of == nil {
		return
	}
	of.uses--
	if of.uses > 0 {
		return
	}
	delete(s.shapes, of.text)
	s.bytes -= of.cost()
	if s.peak > 64 && len(s.shapes) < s.peak/2 {
		s.shrink()
	}
}

// shrink moves the shapes to a new map: one that has grown never gives back.
func (s *store) shrink() {
	smaller := make(map[string]*shape, len(s.shapes))
	for text, of := range s.shapes {
		smaller[text] = of
	}
	s.bytes -= placeCost * (s.peak - len(smaller))
	s.shapes, s.peak = smaller, len(smaller)
}

func (s *store) at(id uint64) *entry {
	return &s.chunks[(id-s.base)/chunkLen][(id-s.base)%chunkLen]
}

// has tells whether the pack is there.
func (s *store) has(id uint64) bool {
	return s.first <= id && id < s.end && s.at(id).shape != nil
}

// next returns the oldest pack from id on; end if there is none.
func (s *store) next(id uint64) uint64 {
	for id = max(id, s.first); id < s.end && s.at(id).shape == nil; {
		id++
	}
	return id
}

// pack returns the bytes of a pack that is there.
func (s *store) pack(id uint64) []byte {
	e := s.at(id)
	pack, err := compact.Join([]byte(e.shape.text), e.numbers)
	if err != nil {
		panic(err) // they are as Split made them
	}
	return pack
}

// remove takes out a pack that is there.
func (s *store) remove(id uint64) {
	e := s.at(id)
	s.bytes -= cap(e.numbers)
	s.release(e.shape)
	*e = entry{}
	s.count--
	s.first = s.next(s.first)
	for s.first >= s.base+chunkLen {
		s.chunks[0] = nil
		s.chunks = s.chunks[1:] // append moves the rest to the front of a new array in time
		s.base += chunkLen
		s.bytes -= chunkCost
	}
}
