package senml

import (
	"bytes"
	"regexp"
)

// split cuts a JSON array into its elements without parsing them, so that an
// element that is no good JSON costs only itself. Brackets and strings must
// balance; otherwise it is ErrNotArray.
func split(pack []byte) ([][]byte, error) {
	pack = bytes.TrimSpace(pack)
	if len(pack) < 2 || pack[0] != '[' || pack[len(pack)-1] != ']' {
		return nil, ErrNotArray
	}
	var (
		elements [][]byte
		open     []byte // closing brackets that are due
		start    = 1
	)
	for i := 0; i < len(pack); i++ {
		switch c := pack[i]; c {
		case '"':
			if i = endOfString(pack, i); i < 0 {
				return nil, ErrNotArray
			}
		case '[', '{':
			open = append(open, c+2) // ']' is '[' + 2, '}' is '{' + 2
		case ']', '}':
			if len(open) == 0 || open[len(open)-1] != c {
				return nil, ErrNotArray
			}
			if open = open[:len(open)-1]; len(open) == 0 && i != len(pack)-1 {
				return nil, ErrNotArray
			}
		case ',':
			if len(open) == 1 {
				elements, start = append(elements, pack[start:i]), i+1
			}
		}
		if len(elements) >= MaxRecords {
			return nil, ErrTooLong
		}
	}
	if len(open) != 0 {
		return nil, ErrNotArray
	}
	last := pack[start : len(pack)-1]
	if len(elements) == 0 && len(bytes.TrimSpace(last)) == 0 {
		return nil, nil
	}
	return append(elements, last), nil
}

// endOfString returns the index of the quote that ends the string that begins
// at i, or -1.
func endOfString(pack []byte, i int) int {
	for i++; i < len(pack); i++ {
		switch pack[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// bareWord finds a number that JSON cannot write, standing as a value.
var bareWord = regexp.MustCompile(`(:\s*)([-+]?(?i:nan|inf|infinity))(\s*[,}])`)

// quoteBareWords makes NaN and Infinity strings, so that the rest of the object
// can be read. A string value that holds such a text is quoted in the wrong
// place and then fails to parse, which is no worse than before.
func quoteBareWords(element []byte) []byte {
	return bareWord.ReplaceAll(element, []byte(`$1"$2"$3`))
}

// mayHoldBase tells whether an element that could not be read has the look of
// one that sets base fields.
func mayHoldBase(element []byte) bool { return bytes.Contains(element, []byte(`"b`)) }
