package senml

import "bytes"

// maxMembers is the most members of an object that scan takes. SenML knows 17.
const maxMembers = 24

// A scanner reads packs as our agents write them: objects of short names, plain
// strings and numbers. It says so when it meets anything else, which then goes
// the long way through encoding/json; the two never differ in what they find.
type scanner struct {
	pack    []byte
	at      int // of the next byte
	members fields
}

// next reads the object that begins at s.at, up to the comma or bracket behind
// it. The fields are valid until the next call.
func (s *scanner) next() (fields, bool) {
	s.members = s.members[:0]
	if !s.take('{') {
		return nil, false
	}
	if s.take('}') {
		return s.members, s.atEnd()
	}
	for {
		if !s.member() {
			return nil, false
		}
		switch {
		case s.take(','):
		case s.take('}'):
			return s.members, s.atEnd()
		default:
			return nil, false
		}
	}
}

// member reads one `"key":value`. A key that comes twice is not plain: the last
// one counts.
func (s *scanner) member() bool {
	key, ok := s.quoted()
	if !ok || len(s.members) == maxMembers || !s.take(':') {
		return false
	}
	if _, twice := s.members.get(string(key)); twice {
		return false
	}
	s.blanks()
	start := s.at
	m := member{key: key}
	if s.at < len(s.pack) && s.pack[s.at] == '"' {
		_, m.plain = s.quoted()
	} else {
		m.plain = s.number()
	}
	m.value = s.pack[start:s.at]
	s.members = append(s.members, m)
	return m.plain
}

// take goes over c and the blanks before it, if c comes next.
func (s *scanner) take(c byte) bool {
	s.blanks()
	if s.at == len(s.pack) || s.pack[s.at] != c {
		return false
	}
	s.at++
	return true
}

// atEnd tells whether a comma or the closing bracket comes next.
func (s *scanner) atEnd() bool {
	s.blanks()
	return s.at < len(s.pack) && (s.pack[s.at] == ',' || s.pack[s.at] == ']')
}

func (s *scanner) blanks() {
	for s.at < len(s.pack) {
		switch s.pack[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// quoted reads a string of ASCII without escapes, and returns what stands
// between the quotes.
func (s *scanner) quoted() ([]byte, bool) {
	if !s.take('"') {
		return nil, false
	}
	n := bytes.IndexByte(s.pack[s.at:], '"')
	if n < 0 {
		return nil, false
	}
	text := s.pack[s.at : s.at+n]
	for _, c := range text {
		if c < ' ' || c >= 0x7f || c == '\\' {
			return nil, false
		}
	}
	s.at += n + 1
	return text, true
}

// number reads a number of JSON (RFC 8259, section 6).
func (s *scanner) number() bool {
	s.skip('-')
	if !s.skip('0') && !s.digits() {
		return false
	}
	if s.skip('.') && !s.digits() {
		return false
	}
	if !s.skip('e') && !s.skip('E') {
		return true
	}
	if !s.skip('+') {
		s.skip('-')
	}
	return s.digits()
}

// skip goes over c if it comes next.
func (s *scanner) skip(c byte) bool {
	if s.at == len(s.pack) || s.pack[s.at] != c {
		return false
	}
	s.at++
	return true
}

// digits goes over one digit or more.
func (s *scanner) digits() bool {
	start := s.at
	for s.at < len(s.pack) && '0' <= s.pack[s.at] && s.pack[s.at] <= '9' {
		s.at++
	}
	return s.at > start
}
