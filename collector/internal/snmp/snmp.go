// Package snmp reads tables from network switches: over UDP with SNMP v2c or v3
// and never with a SET, or from a recording of such an answer.
package snmp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// An OID is an object identifier, the first arc first.
type OID []uint32

// ErrOID reports a text that is no object identifier.
var ErrOID = errors.New("want numbers from 0 to 4294967295 with dots between them, as 1.3.6.1.2.1.1.2.0")

// maxArcs is the longest object identifier (RFC 2578, section 3.5).
const maxArcs = 128

// ParseOID reads "1.3.6.1" or ".1.3.6.1". The error wraps ErrOID.
func ParseOID(s string) (OID, error) {
	arcs := strings.Split(strings.TrimPrefix(s, "."), ".")
	if len(arcs) > maxArcs {
		return nil, fmt.Errorf("OID of %d arcs: %w", len(arcs), ErrOID)
	}
	o := make(OID, len(arcs))
	for i, arc := range arcs {
		n, err := strconv.ParseUint(arc, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("OID %.80q: %w", s, ErrOID)
		}
		o[i] = uint32(n)
	}
	return o, nil
}

// String returns "1.3.6.1".
func (o OID) String() string {
	var b strings.Builder
	for i, arc := range o {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(strconv.FormatUint(uint64(arc), 10))
	}
	return b.String()
}

// Append returns o with arcs behind it; o is not changed.
func (o OID) Append(arcs ...uint32) OID { return slices.Concat(o, arcs) }

// Compare orders as an agent walks: arc by arc, a prefix before what it begins.
func (o OID) Compare(p OID) int { return slices.Compare(o, p) }

// Under returns what follows root in o; ok is false when o does not begin with
// root. It is a part of o and must not be changed.
func (o OID) Under(root OID) (index OID, ok bool) {
	if len(o) < len(root) || !slices.Equal(o[:len(root)], root) {
		return nil, false
	}
	return o[len(root):], true
}

// A Kind is the type of a Value.
type Kind uint8

// The kinds of values, by their tags in a .snmprec recording.
const (
	Null       Kind = iota // nothing there: noSuchObject, noSuchInstance, a real NULL or a type that is not listed here
	Integer                // in Int
	Text                   // OCTET STRING in Bytes: any bytes at all, hostile until escaped
	Identifier             // OBJECT IDENTIFIER in ID
	Address                // IpAddress, four Bytes
	Counter                // Counter32, Gauge32, TimeTicks and Counter64 in Int
)

// A Value is one value of an agent.
type Value struct {
	Kind  Kind
	Int   int64  // of Integer and Counter; a Counter64 above 2^63-1 is cut to that
	Bytes []byte // of Text and Address
	ID    OID    // of Identifier
}

// A Var is an object and its value.
type Var struct {
	OID   OID
	Value Value
}

// A Source answers as one SNMP agent does. It is used by one goroutine at a time.
type Source interface {
	// Get returns the values of the objects asked for, in their order; one that
	// the agent does not have is Null.
	Get(ctx context.Context, objects ...OID) ([]Var, error)

	// Walk returns all objects under each of the roots, in the order of the roots,
	// each in the order of the agent. An agent without any gives empty lists.
	// When it can't be completed, err says why and what was read is lost.
	Walk(ctx context.Context, roots ...OID) ([][]Var, error)
}

// CompareVars orders by OID.
func CompareVars(a, b Var) int { return a.OID.Compare(b.OID) }
