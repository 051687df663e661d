package snmptest

import (
	"slices"

	"thermarack/collector/internal/snmp"
)

// A PDU is a kind of request, by its tag in BER.
type PDU byte

// What a manager may ask of an agent.
const (
	Get     PDU = 0xa0
	GetNext PDU = 0xa1
	Set     PDU = 0xa3
	GetBulk PDU = 0xa5
)

const (
	response PDU = 0xa2
	report   PDU = 0xa8
)

// maxBindings bounds what one GetBulk can make. No answer has room for more.
const maxBindings = 5000

// An agent has objects, sorted. A stuck one never gets past an object.
type agent struct {
	vars  []snmp.Var
	stuck bool
}

// answer returns what it says to r before that is cut to the size of a message.
// Only Get, GetNext and GetBulk have an answer.
func (a agent) answer(r request) []binding {
	switch r.pdu {
	case Get:
		return a.get(r.objects)
	case GetNext:
		return a.bulk(r.objects, 0, 1)
	case GetBulk:
		return a.bulk(r.objects, int(max(r.a, 0)), int(max(r.b, 0)))
	}
	return nil
}

func (a agent) get(objects []snmp.OID) []binding {
	bindings := make([]binding, len(objects))
	for i, object := range objects {
		bindings[i] = binding{snmp.Var{OID: object}, tagNoSuchInstance}
		if at, ok := a.search(object); ok {
			bindings[i] = binding{Var: a.vars[at]}
		}
	}
	return bindings
}

// bulk is RFC 3416, section 4.2.3: the next of the first objects once, and the
// repetitions of the others row by row.
func (a agent) bulk(objects []snmp.OID, once, repetitions int) []binding {
	once, repetitions = min(once, len(objects)), min(repetitions, maxBindings)
	bindings := make([]binding, 0, min(once+len(objects)*repetitions, maxBindings))
	for _, object := range objects[:once] {
		bindings = append(bindings, a.at(a.after(object), object))
	}
	columns := objects[once:]
	places := make([]int, len(columns))
	for i, object := range columns {
		places[i] = a.after(object)
	}
	for row := 0; row < repetitions && len(columns) > 0 && len(bindings) < maxBindings; row++ {
		for i, place := range places {
			if !a.stuck {
				place += row
			}
			bindings = append(bindings, a.at(place, columns[i]))
		}
	}
	return bindings
}

// after returns the index of the first object behind o.
func (a agent) after(o snmp.OID) int {
	place, ok := a.search(o)
	if ok && !a.stuck {
		place++
	}
	return place
}

// at returns the object at an index; behind the last, o with the word for that.
func (a agent) at(place int, o snmp.OID) binding {
	if place < len(a.vars) {
		return binding{Var: a.vars[place]}
	}
	if n := len(a.vars); n > 0 && o.Compare(a.vars[n-1].OID) < 0 {
		o = a.vars[n-1].OID
	}
	return binding{snmp.Var{OID: o}, tagEndOfMibView}
}

func (a agent) search(o snmp.OID) (int, bool) {
	return slices.BinarySearchFunc(a.vars, o, func(v snmp.Var, o snmp.OID) int { return v.OID.Compare(o) })
}
