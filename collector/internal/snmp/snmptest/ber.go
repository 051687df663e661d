package snmptest

import (
	"math"

	"thermarack/collector/internal/snmp"
)

// Tags of BER (X.690) as SNMP uses them (RFC 3416, section 3).
const (
	tagInteger        = 0x02
	tagText           = 0x04
	tagNull           = 0x05
	tagIdentifier     = 0x06
	tagSequence       = 0x30
	tagAddress        = 0x40
	tagGauge32        = 0x42
	tagCounter64      = 0x46
	tagNoSuchInstance = 0x81
	tagEndOfMibView   = 0x82
)

// A request is one message.
type request struct {
	version   int64
	community string // of version 2c
	pdu       PDU    // 0 when it can't be read
	id        int64
	a, b      int64 // of GetBulk: non-repeaters and max-repetitions
	objects   []snmp.OID

	report []byte // of version 3: the whole answer, when there is no other
	write  func(request, reply) []byte
}

// A reply is what is said to a request.
type reply struct {
	status   int // the error; 0 for none
	bindings []binding
	size     int    // the most bytes of the message
	forged   []byte // in place of the list of bindings
}

// parse reads a message of version 2c; ok is false when it is none.
func parse(datagram []byte) (r request, ok bool) {
	r.write = message
	message := (&reader{datagram}).read(tagSequence)
	r.version = message.integer()
	r.community = string(message.read(tagText).left)
	if r.version != 1 || len(message.left) == 0 {
		return r, false
	}
	r.pdu = PDU(message.left[0])
	body := message.read(message.left[0])
	r.id, r.a, r.b = body.integer(), body.integer(), body.integer()
	list := body.read(tagSequence)
	for len(list.left) > 0 {
		one := list.read(tagSequence)
		object, ok := parseOID(one.read(tagIdentifier).left)
		if !ok {
			return r, false
		}
		r.objects = append(r.objects, object)
	}
	return r, len(r.objects) > 0
}

// A reader takes values off the front of BER. Wrong ones read as empty.
type reader struct{ left []byte }

// read takes one value of a tag off the front, and everything when it is wrong.
func (r *reader) read(tag byte) *reader {
	data := r.left
	r.left = nil
	if len(data) < 2 || data[0] != tag {
		return &reader{}
	}
	length, data := int(data[1]), data[2:]
	if more := length - 0x80; more >= 0 {
		if more > 3 || more > len(data) {
			return &reader{}
		}
		length = 0
		for _, b := range data[:more] {
			length = length<<8 | int(b)
		}
		data = data[more:]
	}
	if length > len(data) {
		return &reader{}
	}
	r.left = data[length:]
	return &reader{data[:length]}
}

func (r *reader) integer() int64 {
	var n int64
	for i, b := range r.read(tagInteger).left {
		if i == 0 {
			n = int64(int8(b))
			continue
		}
		n = n<<8 | int64(b)
	}
	return n
}

func parseOID(data []byte) (snmp.OID, bool) {
	var o snmp.OID
	arc := uint64(0)
	for _, b := range data {
		if arc = arc<<7 | uint64(b&0x7f); arc > math.MaxUint32 {
			return nil, false
		}
		if b&0x80 != 0 {
			continue
		}
		if o == nil {
			first := min(arc/40, 2)
			o, arc = append(make(snmp.OID, 0, len(data)+1), uint32(first)), arc-first*40
		}
		o, arc = append(o, uint32(arc)), 0
	}
	return o, o != nil
}

// A binding is an object in an answer. One that is not there has the tag that
// says so in place of a value.
type binding struct {
	snmp.Var
	missing byte
}

// tooBig is the error status of RFC 3416, section 3.
const tooBig = 1

// message writes an answer of version 2c. That to a GetBulk has as many bindings
// as fit; others have none and tooBig when not all fit.
func message(r request, a reply) []byte {
	const around = 40 // the most bytes of all that is not community or binding
	list, n := fitting(a.bindings, a.size-len(r.community)-around)
	if n < len(a.bindings) && r.pdu != GetBulk {
		list, a.status = nil, tooBig
	}
	if a.forged != nil {
		list = a.forged
	}
	body := appendInteger(nil, tagInteger, r.id)
	body = appendInteger(body, tagInteger, int64(a.status))
	body = appendInteger(body, tagInteger, 0)
	body = appendTagged(body, tagSequence, list)
	whole := appendInteger(nil, tagInteger, r.version)
	whole = appendTagged(whole, tagText, []byte(r.community))
	whole = appendTagged(whole, byte(response), body)
	return appendTagged(nil, tagSequence, whole)
}

// fitting writes as many bindings as fit into size bytes, and returns their number.
func fitting(bindings []binding, size int) (list []byte, n int) {
	var one []byte
	for i, b := range bindings {
		one = appendBinding(one[:0], b)
		if len(list)+len(one) > size {
			return list, i
		}
		list = append(list, one...)
	}
	return list, len(bindings)
}

func appendBinding(dst []byte, b binding) []byte {
	var scratch [256]byte
	one := appendOID(scratch[:0], b.OID)
	one = appendValue(one, b)
	return appendTagged(dst, tagSequence, one)
}

func appendValue(dst []byte, b binding) []byte {
	if b.missing != 0 {
		return append(dst, b.missing, 0)
	}
	switch v := b.Value; v.Kind {
	case snmp.Integer:
		return appendInteger(dst, tagInteger, v.Int)
	case snmp.Counter:
		if v.Int > math.MaxUint32 {
			return appendInteger(dst, tagCounter64, v.Int)
		}
		return appendInteger(dst, tagGauge32, v.Int)
	case snmp.Text:
		return appendTagged(dst, tagText, v.Bytes)
	case snmp.Address:
		return appendTagged(dst, tagAddress, v.Bytes)
	case snmp.Identifier:
		return appendOID(dst, v.ID)
	}
	return append(dst, tagNull, 0)
}

func appendTagged(dst []byte, tag byte, content []byte) []byte {
	dst = append(dst, tag)
	switch n := len(content); {
	case n < 0x80:
		dst = append(dst, byte(n))
	case n <= math.MaxUint8:
		dst = append(dst, 0x81, byte(n))
	default:
		dst = append(dst, 0x82, byte(n>>8), byte(n)) // a datagram has less than 64 KiB
	}
	return append(dst, content...)
}

// appendInteger writes n in as few bytes as it needs, the first with its sign.
func appendInteger(dst []byte, tag byte, n int64) []byte {
	size := 1
	for rest := n >> 7; rest != 0 && rest != -1; rest >>= 8 {
		size++
	}
	dst = append(dst, tag, byte(size))
	for i := size - 1; i >= 0; i-- {
		dst = append(dst, byte(n>>(8*i)))
	}
	return dst
}

// appendOID writes an identifier; one of less than two arcs can't be written and
// is 0.0.
func appendOID(dst []byte, o snmp.OID) []byte {
	if len(o) < 2 {
		return append(dst, tagIdentifier, 1, 0)
	}
	var scratch [256]byte
	content := appendArc(scratch[:0], uint64(o[0])*40+uint64(o[1]))
	for _, arc := range o[2:] {
		content = appendArc(content, uint64(arc))
	}
	return appendTagged(dst, tagIdentifier, content)
}

func appendArc(dst []byte, arc uint64) []byte {
	for shift := 63; shift > 0; shift -= 7 {
		if arc>>shift != 0 {
			dst = append(dst, byte(arc>>shift)|0x80)
		}
	}
	return append(dst, byte(arc)&0x7f)
}
