package snmptest

import (
	"fmt"
	"math"
	"time"

	"github.com/gosnmp/gosnmp"

	"thermarack/collector/internal/snmp"
)

// What an agent of version 3 reports (RFC 3414, section 5).
const (
	notInTimeWindow  = ".1.3.6.1.6.3.15.1.1.2.0"
	unknownEngineIDs = ".1.3.6.1.6.3.15.1.1.4.0"
	wrongDigests     = ".1.3.6.1.6.3.15.1.1.5.0"
)

// timeWindow is how far a manager's idea of the agent's time may be off (RFC 3414,
// section 2.2.3).
const timeWindow = 150

// An engine is the authoritative one of an agent with one user, who must use
// authentication and privacy.
type engine struct {
	user    *gosnmp.UsmSecurityParameters
	session *gosnmp.GoSNMP
	number  int // in its ID
	boots   uint32
	started time.Time
}

func newEngine(c snmp.Credentials) *engine {
	e := &engine{number: 1}
	e.user = c.Security()
	e.session = &gosnmp.GoSNMP{
		Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel,
		MsgFlags: gosnmp.AuthPriv, SecurityParameters: e.user,
	}
	e.restart()
	return e
}

func (e *engine) id() string { return fmt.Sprintf("\x80\x00\x1f\x88\x04agent-%d", e.number) }

// restart begins its time anew, as an agent does.
func (e *engine) restart() {
	e.boots++
	e.started = time.Now()
	e.user.AuthoritativeEngineID = e.id()
	e.user.AuthoritativeEngineBoots = e.boots
	e.user.SecretKey, e.user.PrivacyKey = nil, nil
}

// now is its time in seconds.
func (e *engine) now() uint32 { return uint32(time.Since(e.started) / time.Second) }

// parse reads a message of version 3, or makes the report that says why not.
func (e *engine) parse(datagram []byte) request {
	packet, err := e.session.UnmarshalTrap(datagram, false)
	if err != nil {
		return request{report: e.report(&gosnmp.SnmpPacket{}, wrongDigests)}
	}
	r := request{
		version: int64(gosnmp.Version3), pdu: PDU(packet.PDUType), id: int64(packet.RequestID),
		a: int64(packet.NonRepeaters), b: int64(packet.MaxRepetitions),
		write: func(r request, a reply) []byte { return e.message(r, a, packet) },
	}
	security, ok := packet.SecurityParameters.(*gosnmp.UsmSecurityParameters)
	if !ok || security.AuthoritativeEngineID != e.id() {
		r.report = e.report(packet, unknownEngineIDs)
		return r
	}
	if off := int64(security.AuthoritativeEngineTime) - int64(e.now()); security.AuthoritativeEngineBoots != e.boots || off > timeWindow || off < -timeWindow {
		r.report = e.report(packet, notInTimeWindow)
		return r
	}
	for _, v := range packet.Variables {
		o, err := snmp.ParseOID(v.Name)
		if err != nil {
			return request{pdu: r.pdu}
		}
		r.objects = append(r.objects, o)
	}
	return r
}

// report answers packet with what is wrong with it. Only that about the time is
// signed: the manager believes it.
func (e *engine) report(packet *gosnmp.SnmpPacket, what string) []byte {
	flags := gosnmp.NoAuthNoPriv
	if what == notInTimeWindow {
		flags = gosnmp.AuthNoPriv
	}
	return e.marshal(&gosnmp.SnmpPacket{
		MsgFlags: flags, PDUType: gosnmp.Report, MsgID: packet.MsgID, RequestID: packet.RequestID,
		Variables: []gosnmp.SnmpPDU{{Name: what, Type: gosnmp.Counter32, Value: uint32(1)}},
	})
}

// message is message of version 3, the answer to packet.
func (e *engine) message(r request, a reply, packet *gosnmp.SnmpPacket) []byte {
	const around = 160 // the most bytes of all that is not binding
	answer := &gosnmp.SnmpPacket{
		MsgFlags: gosnmp.AuthPriv, PDUType: gosnmp.GetResponse, MsgID: packet.MsgID, RequestID: uint32(r.id),
		ContextEngineID: packet.ContextEngineID, ContextName: packet.ContextName, Error: gosnmp.SNMPError(a.status),
	}
	_, n := fitting(a.bindings, a.size-around)
	if n < len(a.bindings) && r.pdu != GetBulk {
		n, answer.Error = 0, gosnmp.TooBig
	}
	for _, b := range a.bindings[:n] {
		answer.Variables = append(answer.Variables, variable(b))
	}
	return e.marshal(answer)
}

// marshal signs and encrypts as the flags say. It returns nil when the packet
// can't be written.
func (e *engine) marshal(packet *gosnmp.SnmpPacket) []byte {
	packet.Version, packet.SecurityModel = gosnmp.Version3, gosnmp.UserSecurityModel
	e.user.AuthoritativeEngineTime = e.now()
	if err := e.user.InitSecurityKeys(); err != nil {
		return nil
	}
	packet.SecurityParameters = e.user.Copy()
	if err := e.user.InitPacket(packet); err != nil {
		return nil
	}
	datagram, err := packet.MarshalMsg()
	if err != nil {
		return nil
	}
	return datagram
}

// variable is a binding as gosnmp writes it.
func variable(b binding) gosnmp.SnmpPDU {
	v := gosnmp.SnmpPDU{Name: "." + b.OID.String(), Type: gosnmp.Null}
	switch {
	case b.missing != 0:
		v.Type = gosnmp.Asn1BER(b.missing)
	case b.Value.Kind == snmp.Integer:
		v.Type, v.Value = gosnmp.Integer, int(b.Value.Int)
	case b.Value.Kind == snmp.Counter && b.Value.Int > math.MaxUint32:
		v.Type, v.Value = gosnmp.Counter64, uint64(b.Value.Int)
	case b.Value.Kind == snmp.Counter:
		v.Type, v.Value = gosnmp.Gauge32, uint32(b.Value.Int)
	case b.Value.Kind == snmp.Text:
		v.Type, v.Value = gosnmp.OctetString, b.Value.Bytes
	case b.Value.Kind == snmp.Address:
		v.Type, v.Value = gosnmp.IPAddress, b.Value.Bytes
	case b.Value.Kind == snmp.Identifier:
		v.Type, v.Value = gosnmp.ObjectIdentifier, "."+b.Value.ID.String()
	}
	return v
}
