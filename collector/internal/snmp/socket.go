package snmp

import "net"

// whole is a socket that drops datagrams that are no whole message. gosnmp would
// send its request again for each: three of them, and it would give up.
type whole struct{ net.Conn }

// Read returns the next datagram that is one.
func (s whole) Read(datagram []byte) (int, error) {
	for {
		n, err := s.Conn.Read(datagram)
		if err != nil || framed(datagram[:n]) {
			return n, err
		}
	}
}

// framed tells whether a datagram is one SEQUENCE of BER and nothing else.
func framed(datagram []byte) bool {
	const sequence = 0x30
	if len(datagram) < 2 || datagram[0] != sequence {
		return false
	}
	length, header := int(datagram[1]), 2
	if length >= 0x80 {
		header += length - 0x80
		if header > 5 || header > len(datagram) {
			return false
		}
		length = 0
		for _, b := range datagram[2:header] {
			length = length<<8 | int(b)
		}
	}
	return header+length == len(datagram)
}
