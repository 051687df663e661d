package discovery

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
)

// Types of record (RFC 1035, section 3.2.2; RFC 3596; RFC 2782).
const (
	typeA    uint16 = 1
	typePTR  uint16 = 12
	typeTXT  uint16 = 16
	typeAAAA uint16 = 28
	typeSRV  uint16 = 33
)

const (
	classIN = 1
	// flushBit is set in the class of multicast records that replace older ones,
	// and means nothing to who asks once (RFC 6762, section 10.2).
	flushBit = 1 << 15

	// maxPacket is the longest message of DNS by multicast (RFC 6762, section 17).
	maxPacket = 9000
	headerLen = 12
	maxName   = 254 // without the root's label (RFC 1035, section 3.1)
)

// A name is a domain name as it is sent, a length before each label, without
// compression and without the root. So a label may hold any byte, dots
// included: names of instances are written for people (RFC 6763, section 4.3),
// and golang.org/x/net/dns/dnsmessage refuses those.
type name string

// parseName reads a name of labels without dots, such as "_mqtt._tcp.local". ok is
// false for one that cannot be sent.
func parseName(text string) (n name, ok bool) {
	for label := range strings.SplitSeq(strings.TrimSuffix(text, "."), ".") {
		if len(label) < 1 || len(label) > 63 {
			return "", false
		}
		n += name([]byte{byte(len(label))}) + name(label)
	}
	return n, len(n) <= maxName
}

// is tells whether two names are the same but for the case of ASCII letters. A
// length is never a letter, being at most 63.
func (n name) is(other name) bool { return lower(string(n)) == lower(string(other)) }

// lower changes ASCII letters alone, so that no byte of another label moves.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// parent returns n without its first label, which must be there.
func (n name) parent() name { return n[1+int(n[0]):] }

// host returns n in lower case with dots between the labels. ok is false if n is no
// name of a host: letters, digits, - and _ only, and at least one of them.
func (n name) host() (host string, ok bool) {
	var labels []string
	for rest := n; rest != ""; rest = rest.parent() {
		label := lower(string(rest[1 : 1+int(rest[0])]))
		for _, c := range []byte(label) {
			if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
				return "", false
			}
		}
		labels = append(labels, label)
	}
	return strings.Join(labels, "."), len(labels) > 0
}

// A question asks for the records of one type that a name has.
type question struct {
	name name
	kind uint16
}

// query encodes a message that asks, and wants an answer from a server that
// knows others if recurse is true.
func query(id uint16, recurse bool, questions ...question) []byte {
	packet := make([]byte, headerLen, 512)
	binary.BigEndian.PutUint16(packet, id)
	if recurse {
		packet[2] = 1
	}
	binary.BigEndian.PutUint16(packet[4:], uint16(len(questions)))
	for _, q := range questions {
		packet = append(append(packet, q.name...), 0)
		packet = binary.BigEndian.AppendUint16(packet, q.kind)
		packet = binary.BigEndian.AppendUint16(packet, classIN)
	}
	return packet
}

// A record is what an answer says about a name, in the fields of its type.
type record struct {
	owner   name
	kind    uint16
	goodbye bool // by multicast: it holds no more (RFC 6762, section 10.1)

	target                 name   // of PTR and SRV
	priority, weight, port uint16 // of SRV
	text                   string // of TXT: strings, a length before each
	addr                   netip.Addr
}

var (
	errForeign = errors.New("no answer to the question")
	errRefused = errors.New("the server cannot answer")
	errDamaged = errors.New("damaged message")
)

// answers returns the records of a message that answers the query id, those of
// all its sections, none if there is no such name. Records of other types and
// classes are left out. With an error, one of the above, there are none.
func answers(packet []byte, id uint16) ([]record, error) {
	if len(packet) < headerLen {
		return nil, errDamaged
	}
	const response, opcode, noSuchName = 1 << 7, 0x78, 3 // RFC 1035, section 4.1.1
	if binary.BigEndian.Uint16(packet) != id || packet[2]&response == 0 || packet[2]&opcode != 0 {
		return nil, errForeign
	}
	switch packet[3] & 0x0f {
	case 0:
	case noSuchName:
		return nil, nil
	default:
		return nil, errRefused
	}
	count := func(i int) int { return int(binary.BigEndian.Uint16(packet[i:])) }
	r := reader{packet: packet, at: headerLen}
	for range count(4) {
		r.name()
		r.take(4)
	}
	var list []record
	for range count(6) + count(8) + count(10) {
		if rec, ok := r.record(); ok {
			list = append(list, rec)
		}
		if r.damaged {
			return nil, errDamaged
		}
	}
	return list, nil
}

// A reader goes through a message. Once it is damaged it gives zeros and moves no
// more.
type reader struct {
	packet  []byte
	at      int
	damaged bool
}

// take returns the next n bytes.
func (r *reader) take(n int) []byte {
	if r.damaged || n > len(r.packet)-r.at {
		r.damaged = true
		return make([]byte, n)
	}
	r.at += n
	return r.packet[r.at-n : r.at]
}

func (r *reader) uint16() uint16 { return binary.BigEndian.Uint16(r.take(2)) }

// name reads a name and follows its pointers. Each must lead to before the one
// that it was in, so that they come to an end (RFC 1035, section 4.1.4).
func (r *reader) name() name {
	var n []byte
	begin, back := r.at, -1 // back is where r goes on, behind the first pointer
	for !r.damaged {
		length := int(r.take(1)[0])
		switch {
		case length == 0:
			if back >= 0 {
				r.at = back
			}
			return name(n)
		case length < 64:
			n = append(append(n, byte(length)), r.take(length)...)
			r.damaged = r.damaged || len(n) > maxName
		default:
			to := (length&0x3f)<<8 | int(r.take(1)[0])
			if back < 0 {
				back = r.at
			}
			r.damaged = r.damaged || length < 0xc0 || to >= begin
			r.at, begin = to, to
		}
	}
	return ""
}

// record reads one record; ok says that it is one of those that we use.
func (r *reader) record() (rec record, ok bool) {
	rec.owner = r.name()
	rec.kind = r.uint16()
	class := r.uint16() &^ flushBit
	rec.goodbye = binary.BigEndian.Uint32(r.take(4)) == 0
	length := int(r.uint16())
	data := r.at
	r.take(length)
	if r.damaged || class != classIN {
		return rec, false
	}
	inner := reader{packet: r.packet[:r.at], at: data}
	ok = inner.fill(&rec, length)
	r.damaged = inner.damaged
	return rec, ok && !inner.damaged && inner.at == r.at
}

// fill reads the data of a record, length bytes; ok is false for a type that is
// not used.
func (r *reader) fill(rec *record, length int) (ok bool) {
	switch {
	case rec.kind == typePTR:
		rec.target = r.name()
	case rec.kind == typeSRV:
		rec.priority, rec.weight, rec.port = r.uint16(), r.uint16(), r.uint16()
		rec.target = r.name()
	case rec.kind == typeTXT:
		rec.text = string(r.take(length))
	case rec.kind == typeA && length == 4, rec.kind == typeAAAA && length == 16:
		rec.addr, _ = netip.AddrFromSlice(r.take(length))
	default:
		return false
	}
	return true
}
