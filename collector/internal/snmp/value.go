package snmp

import (
	"math"
	"net/netip"

	"github.com/gosnmp/gosnmp"
)

// valueOf turns what gosnmp has decoded into a Value. What a Value can't hold, as
// an Opaque or an IPv6 address, is Null.
func valueOf(pdu gosnmp.SnmpPDU) Value {
	switch pdu.Type {
	case gosnmp.Integer:
		if n, ok := pdu.Value.(int); ok {
			return Value{Kind: Integer, Int: int64(n)}
		}
	case gosnmp.OctetString:
		if text, ok := pdu.Value.([]byte); ok {
			return Value{Kind: Text, Bytes: text}
		}
	case gosnmp.ObjectIdentifier:
		if text, ok := pdu.Value.(string); ok {
			if id, ok := appendArcs(nil, text); ok {
				return Value{Kind: Identifier, ID: id}
			}
		}
	case gosnmp.IPAddress:
		text, _ := pdu.Value.(string)
		if address, err := netip.ParseAddr(text); err == nil && address.Is4() {
			return Value{Kind: Address, Bytes: address.AsSlice()}
		}
	case gosnmp.Counter32, gosnmp.Gauge32, gosnmp.TimeTicks, gosnmp.Counter64, gosnmp.Uinteger32:
		return counterOf(pdu.Value)
	}
	return Value{}
}

// counterOf knows each of gosnmp's types of numbers without a sign.
func counterOf(value any) Value {
	switch n := value.(type) {
	case uint:
		return Value{Kind: Counter, Int: int64(n)}
	case uint32:
		return Value{Kind: Counter, Int: int64(n)}
	case uint64:
		return Value{Kind: Counter, Int: int64(min(n, math.MaxInt64))}
	}
	return Value{}
}
