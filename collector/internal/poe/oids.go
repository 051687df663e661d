package poe

import "thermarack/collector/internal/snmp"

// What is read of every switch. Tables are given by their entries, to which the
// number of a column is appended.

// mib2 returns 1.3.6.1.2.1 with arcs behind it.
func mib2(arcs ...uint32) snmp.OID { return snmp.OID{1, 3, 6, 1, 2, 1}.Append(arcs...) }

// The system group (RFC 3418) and the interfaces (RFC 2863).
func sysDescr() snmp.OID          { return mib2(1, 1, 0) }
func sysObjectID() snmp.OID       { return mib2(1, 2, 0) }
func sysUpTime() snmp.OID         { return mib2(1, 3, 0) }
func sysName() snmp.OID           { return mib2(1, 5, 0) }
func ifNumber() snmp.OID          { return mib2(2, 1, 0) }
func ifTableLastChange() snmp.OID { return mib2(31, 1, 5, 0) }
func ifIndex() snmp.OID           { return mib2(2, 2, 1, 1) }
func ifDescr() snmp.OID           { return mib2(2, 2, 1, 2) }
func ifName() snmp.OID            { return mib2(31, 1, 1, 1, 1) }

// entAliasMappingIdentifier (RFC 6933) leads from a part to its interface.
func entAliasMappingIdentifier() snmp.OID { return mib2(47, 1, 3, 2, 1, 2) }

// The bridge (RFC 4188, RFC 4363, and the later IEEE 802.1Q module).
func dot1dBaseBridgeAddress() snmp.OID { return mib2(17, 1, 1, 0) }
func dot1dBasePortIfIndex() snmp.OID   { return mib2(17, 1, 4, 1, 2) }

// fdbs are the tables of learned addresses. An index ends with the address; before
// it is nothing, an fdbId, or a component and an fdbId. None of that matters here.
func fdbs() []fdb {
	ieee := snmp.OID{1, 3, 111, 2, 802, 1, 1, 4, 1, 2, 2, 1}
	return []fdb{
		{mib2(17, 4, 3, 1, 2), mib2(17, 4, 3, 1, 3)},             // dot1dTpFdbTable
		{mib2(17, 7, 1, 2, 2, 1, 2), mib2(17, 7, 1, 2, 2, 1, 3)}, // dot1qTpFdbTable
		{ieee.Append(2), ieee.Append(3)},                         // ieee8021QBridgeTpFdbTable
	}
}

// LLDP's modules (IEEE 802.1AB-2005): what neighbours say, and how local ports are
// called.
func lldpRem(column uint32) snmp.OID {
	return snmp.OID{1, 0, 8802, 1, 1, 2, 1, 4, 1, 1, column}
}

func lldpLoc(column uint32) snmp.OID {
	return snmp.OID{1, 0, 8802, 1, 1, 2, 1, 3, 7, 1, column}
}

// Columns of lldpRem and lldpLoc.
const (
	remChassisSubtype = 4
	remChassis        = 5
	remPortSubtype    = 6
	remPort           = 7
	remCapabilities   = 12 // that are switched on

	locPort        = 3
	locDescription = 4
)

// The tables of RFC 3621.
func pethPsePort(column uint32) snmp.OID { return mib2(105, 1, 1, 1, column) }
func pethMainPse(column uint32) snmp.OID { return mib2(105, 1, 3, 1, 1, column) }

// Columns of pethPsePort and pethMainPse.
const (
	pseAdmin    = 3
	pseStatus   = 6
	pseClass    = 10
	pseDenied   = 12
	pseOverload = 13
	pseShort    = 14

	mainPower     = 2
	mainStatus    = 3
	mainUsed      = 4
	mainThreshold = 5
)
