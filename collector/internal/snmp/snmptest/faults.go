package snmptest

import (
	"cmp"
	"slices"
	"time"

	"thermarack/collector/internal/snmp"
)

// DefaultSize is the longest answer of a Responder in bytes, unless Faults say
// otherwise: what fits into a frame of Ethernet.
const DefaultSize = 1472

// Faults are what a Responder does wrong. The zero value does nothing wrong.
type Faults struct {
	Lose      float64       // part of the requests that get no answer, 0 to 1
	Silent    int           // requests for more objects than this, repetitions included, get no answer; 0 for no limit
	TooBig    int           // those get the error tooBig; 0 for no limit
	Delay     time.Duration // before each answer; requests wait for each other
	Forged    []byte        // in BER, the list of objects of each answer, of version 2c
	Size      int           // longest answer in bytes, of as many objects as fit; 0 for DefaultSize
	Loop      bool          // what follows an object is always the same object
	Duplicate bool          // each answer comes twice
	Elsewhere bool          // answers come from another port

	// Datagrams that come ahead of each answer.
	Garbage   bool // bytes by chance
	Truncated bool // the first half of the answer
	WrongID   bool // the answer to a request that was never made
}

// respond returns the datagrams to send for one that came, in their order.
func (r *Responder) respond(datagram []byte) (Faults, [][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q, known := r.parse(datagram)
	r.counts[q.pdu]++
	if !known || r.chances.Float64() < r.faults.Lose {
		return r.faults, nil
	}
	if q.report != nil {
		return r.faults, [][]byte{q.report}
	}
	return r.faults, r.answers(q)
}

// parse tells also whether the manager is known; to others nothing is said.
func (r *Responder) parse(datagram []byte) (q request, known bool) {
	if r.engine != nil {
		return r.engine.parse(datagram), true
	}
	q, ok := parse(datagram)
	return q, ok && q.community == string(r.credentials.Community)
}

func (r *Responder) answers(q request) [][]byte {
	f := r.faults
	wanted := len(q.objects)
	if q.pdu == GetBulk {
		wanted *= int(min(max(q.b, 1), maxBindings))
	}
	bindings := agent{r.vars, f.Loop}.answer(q)
	r.age(bindings)
	if bindings == nil || f.Silent > 0 && wanted > f.Silent {
		return nil
	}
	a := reply{bindings: bindings, size: cmp.Or(f.Size, DefaultSize), forged: f.Forged}
	if f.TooBig > 0 && wanted > f.TooBig {
		a = reply{status: tooBig}
	}
	answer := q.write(q, a)
	var all [][]byte
	if f.Garbage {
		all = append(all, r.garbage())
	}
	if f.Truncated {
		all = append(all, answer[:len(answer)/2])
	}
	if f.WrongID {
		other := q
		other.id += 1 << 20
		all = append(all, q.write(other, a))
	}
	all = append(all, answer)
	if f.Duplicate {
		all = append(all, answer)
	}
	return all
}

// age puts sysUpTime forward, which is in hundredths of a second (RFC 3418).
func (r *Responder) age(bindings []binding) {
	if r.aging.IsZero() {
		return
	}
	sysUpTime := snmp.OID{1, 3, 6, 1, 2, 1, 1, 3, 0}
	for i := range bindings {
		if b := &bindings[i]; b.Value.Kind == snmp.Counter && slices.Equal(b.OID, sysUpTime) {
			b.Value.Int += time.Since(r.aging).Milliseconds() / 10
		}
	}
}

func (r *Responder) garbage() []byte {
	bytes := make([]byte, 1+r.chances.IntN(200))
	for i := range bytes {
		bytes[i] = byte(r.chances.Uint32())
	}
	return bytes
}
