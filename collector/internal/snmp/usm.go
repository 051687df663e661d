package snmp

import "github.com/gosnmp/gosnmp"

// authProtocols returns gosnmp's number of a protocol; 0 when it is not known or
// no longer safe, as MD5.
func authProtocols(name string) gosnmp.SnmpV3AuthProtocol {
	switch name {
	case "SHA":
		return gosnmp.SHA
	case "SHA224":
		return gosnmp.SHA224
	case "SHA256":
		return gosnmp.SHA256
	case "SHA384":
		return gosnmp.SHA384
	case "SHA512":
		return gosnmp.SHA512
	}
	return 0
}

// privacyProtocols is as authProtocols; DES is not safe.
func privacyProtocols(name string) gosnmp.SnmpV3PrivProtocol {
	switch name {
	case "AES":
		return gosnmp.AES
	case "AES192":
		return gosnmp.AES192
	case "AES256":
		return gosnmp.AES256
	case "AES192C":
		return gosnmp.AES192C
	case "AES256C":
		return gosnmp.AES256C
	}
	return 0
}

// Security returns what gosnmp wants to know of c, of version 3: the security
// parameters of one session, before the switch's engine is known.
func (c Credentials) Security() *gosnmp.UsmSecurityParameters {
	return &gosnmp.UsmSecurityParameters{
		UserName:                 c.User,
		AuthenticationProtocol:   authProtocols(c.Auth.Protocol),
		AuthenticationPassphrase: string(c.Auth.Password),
		PrivacyProtocol:          privacyProtocols(c.Privacy.Protocol),
		PrivacyPassphrase:        string(c.Privacy.Password),
	}
}
