// Package segment is the file format of a spool: frames of packs, one behind the
// other, each of which is read without the others.
//
// A frame is "TRs1", the length of its body and a CRC-32C of length and body,
// both 32 bits and little endian, and the body: the number of skeletons, the
// skeletons, and for each pack the index of its skeleton and its numbers, as by
// package compact. A skeleton is the length of what it has in common with the
// begin of the first one, that with its end, and what lies between. Numbers are
// unsigned varints; texts have their length before them. A frame is what one
// flush writes, and so the unit that a power cut or a bad block costs.
package segment

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"

	"thermarack/agent/internal/outbox/compact"
)

const (
	// MaxPack is the longest pack that is written, in bytes: ten times that of a Pi
	// with everything on it.
	MaxPack = 16 << 10
	// MaxPacks bounds the packs of one frame by their bytes in all, and 16 for
	// each, and so what a damaged file can ask for.
	MaxPacks = 1 << 20
	perPack  = 16
	// fullFrame is where a frame takes no more packs. The last one that it took
	// may be all digits, of which each takes two bytes.
	fullFrame = 64 << 10
	maxBody   = fullFrame + 3*MaxPack

	header = 12
)

var (
	magic      = []byte("TRs1")
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// Append adds one frame to dst and returns it with the number of packs, from the
// first on, that are dealt with: at least one if there is any. A pack above
// MaxPack is passed over; if only such packs are dealt with, no frame is added.
func Append(dst []byte, packs [][]byte) (frame []byte, n int) {
	var (
		index                   = map[string]uint64{}
		first, skeletons, items []byte
		total                   int
	)
	for _, pack := range packs {
		if n > 0 && (total+len(pack)+perPack > MaxPacks || len(skeletons)+len(items) > fullFrame) {
			break
		}
		n++
		if len(pack) > MaxPack {
			continue
		}
		total += len(pack) + perPack
		skeleton, numbers := compact.Split(pack)
		i, ok := index[string(skeleton)]
		if !ok {
			i = uint64(len(index))
			index[string(skeleton)] = i
			skeletons = appendSkeleton(skeletons, first, skeleton)
			if i == 0 {
				first = skeleton
			}
		}
		items = appendText(binary.AppendUvarint(items, i), numbers)
	}
	if len(index) == 0 {
		return dst, n
	}
	body := binary.AppendUvarint(nil, uint64(len(index)))
	body = append(append(body, skeletons...), items...)
	return seal(dst, body), n
}

// appendSkeleton adds a skeleton as its difference to the first one. One with a
// fault where that has a value takes a record instead of a pack.
func appendSkeleton(dst, first, skeleton []byte) []byte {
	most := min(len(first), len(skeleton))
	begin := 0
	for begin < most && first[begin] == skeleton[begin] {
		begin++
	}
	end := 0
	for end < most-begin && first[len(first)-1-end] == skeleton[len(skeleton)-1-end] {
		end++
	}
	dst = binary.AppendUvarint(dst, uint64(begin))
	dst = binary.AppendUvarint(dst, uint64(end))
	return appendText(dst, skeleton[begin:len(skeleton)-end])
}

func appendText(dst, text []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// seal puts the header before a body.
func seal(dst, body []byte) []byte {
	dst = append(dst, magic...)
	length := binary.LittleEndian.AppendUint32(nil, uint32(len(body)))
	sum := crc32.Update(crc32.Checksum(length, castagnoli), castagnoli, body)
	dst = binary.LittleEndian.AppendUint32(append(dst, length...), sum)
	return append(dst, body...)
}

// Damage is what of a segment could not be read.
type Damage struct {
	Frames int // places between good frames, of one frame or more each
	Tail   int // bytes at the end: what a power cut left of the last flush
}

// Decode returns the packs of all good frames in order. It takes any bytes;
// what is no frame is passed over up to the next one.
func Decode(data []byte) (packs [][]byte, damage Damage) {
	for len(data) > 0 {
		some, size := decodeFrame(data)
		if size == 0 {
			next := find(data[1:])
			if next < 0 {
				damage.Tail = len(data)
				break
			}
			damage.Frames++
			data = data[1+next:]
			continue
		}
		packs = append(packs, some...)
		data = data[size:]
	}
	return packs, damage
}

// find returns where the next good frame begins, or -1.
func find(data []byte) int {
	for at := 0; ; at++ {
		next := bytes.Index(data[at:], magic)
		if next < 0 {
			return -1
		}
		at += next
		if _, size := decodeFrame(data[at:]); size > 0 {
			return at
		}
	}
}

// decodeFrame returns the packs of the frame that data begins with, and its size:
// 0 if it is none.
func decodeFrame(data []byte) (packs [][]byte, size int) {
	if len(data) < header || !bytes.HasPrefix(data, magic) {
		return nil, 0
	}
	length := binary.LittleEndian.Uint32(data[4:])
	sum := binary.LittleEndian.Uint32(data[8:])
	if length > maxBody || int(length) > len(data)-header {
		return nil, 0
	}
	body := data[header : header+int(length)]
	if crc32.Update(crc32.Checksum(data[4:8], castagnoli), castagnoli, body) != sum {
		return nil, 0
	}
	packs, ok := decodeBody(body)
	if !ok {
		return nil, 0
	}
	return packs, header + int(length)
}

func decodeBody(body []byte) (packs [][]byte, ok bool) {
	r := reader{body, true}
	skeletons := r.skeletons()
	total := 0
	for r.ok && len(r.rest) > 0 {
		i, numbers := r.number(), r.text()
		if !r.ok || i >= uint64(len(skeletons)) {
			return nil, false
		}
		pack, err := compact.Join(skeletons[i], numbers)
		total += len(pack) + perPack
		if err != nil || total > MaxPacks {
			return nil, false
		}
		packs = append(packs, pack)
	}
	return packs, r.ok
}

// A reader takes a body apart. ok is false once something was missing.
type reader struct {
	rest []byte
	ok   bool
}

// skeletons reads all of them.
func (r *reader) skeletons() (list [][]byte) {
	var first []byte
	total := 0
	for n := r.number(); n > 0 && r.ok; n-- {
		begin, end, middle := r.number(), r.number(), r.text()
		length := uint64(len(first))
		if begin > length || end > length-begin {
			r.ok = false
			return nil
		}
		skeleton := slices.Concat(first[:begin], middle, first[length-end:])
		if total += len(skeleton) + perPack; total > MaxPacks {
			r.ok = false
			return nil
		}
		if list = append(list, skeleton); len(list) == 1 {
			first = skeleton
		}
	}
	return list
}

func (r *reader) number() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.ok = false
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) text() []byte {
	length := r.number()
	if length > uint64(len(r.rest)) {
		r.ok = false
		return nil
	}
	text := r.rest[:length]
	r.rest = r.rest[length:]
	return text
}
