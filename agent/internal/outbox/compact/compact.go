// Package compact splits a pack into what stays the same from pack to pack and
// the numbers that do not, which take half a byte a digit.
//
// The packs of one node differ in little but their numbers, so that a holder of
// many keeps the rest once. A pack of 1.4 kB costs about 90 bytes that way.
package compact

import (
	"errors"
	"strings"
)

// ErrMismatch reports numbers that do not belong to a skeleton. Split never
// makes such a pair; one that was stored has been damaged.
var ErrMismatch = errors.New("compact: the numbers do not fit the skeleton")

// hole stands in a skeleton for a number.
const hole = 0

// The alphabet of numbers: a nibble each, and one that ends a number.
const (
	alphabet = "0123456789+-.eE"
	end      = byte(len(alphabet))
)

// nibble returns the position of c in the alphabet; end for all others.
func nibble(c byte) byte {
	if i := strings.IndexByte(alphabet, c); i >= 0 {
		return byte(i)
	}
	return end
}

// Split returns the pack with a hole for each number outside of its JSON
// strings, and those numbers in order. It takes any bytes, JSON or not, and Join
// gives exactly them back. Neither result shares memory with pack.
func Split(pack []byte) (skeleton, numbers []byte) {
	skeleton = make([]byte, 0, len(pack))
	w := writer{numbers: make([]byte, 0, len(pack)/8+1)}
	quoted := false
	for i := 0; i < len(pack); i++ {
		c := pack[i]
		switch {
		case c == hole: // a literal one is a number without digits
			w.put(end)
		case quoted && c == '\\' && i+1 < len(pack) && pack[i+1] != hole:
			skeleton = append(skeleton, c)
			i++
			c = pack[i]
		case c == '"':
			quoted = !quoted
		case !quoted && begins(c):
			i += w.number(pack[i:]) - 1
			c = hole
		}
		skeleton = append(skeleton, c)
	}
	return skeleton, w.numbers
}

// begins says that c is the first byte of a JSON number, so that the e of true
// is none.
func begins(c byte) bool { return '0' <= c && c <= '9' || c == '-' }

// A writer packs nibbles, the high one of a byte first. A low one that is left
// over at the end is 0.
type writer struct {
	numbers []byte
	odd     bool
}

func (w *writer) put(nibble byte) {
	if w.odd {
		w.numbers[len(w.numbers)-1] |= nibble
	} else {
		w.numbers = append(w.numbers, nibble<<4)
	}
	w.odd = !w.odd
}

// number writes the number that text begins with, and returns its length.
func (w *writer) number(text []byte) (length int) {
	for _, c := range text {
		n := nibble(c)
		if n == end {
			break
		}
		w.put(n)
		length++
	}
	w.put(end)
	return length
}

// Join is the inverse of Split. It takes any bytes; the error is ErrMismatch if
// numbers has fewer or more than skeleton has holes.
func Join(skeleton, numbers []byte) ([]byte, error) {
	pack := make([]byte, 0, len(skeleton)+2*len(numbers))
	at := 0 // nibbles read
	for _, c := range skeleton {
		if c != hole {
			pack = append(pack, c)
			continue
		}
		first := at
		for {
			if at >= 2*len(numbers) {
				return nil, ErrMismatch
			}
			n := numbers[at/2] >> (4 * (1 - at%2)) & 0xf
			at++
			if n == end {
				break
			}
			pack = append(pack, alphabet[n])
		}
		if at == first+1 {
			pack = append(pack, hole)
		}
	}
	if (at+1)/2 != len(numbers) {
		return nil, ErrMismatch
	}
	return pack, nil
}
