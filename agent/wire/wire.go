// Package wire is what agents and collector agree on: the MQTT topics, the
// names of devices and quantities, and the payloads. docs/wire.md shows it.
package wire

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// topicVersion begins every topic. A change that old collectors cannot read
// gets a new one.
const topicVersion = "thermarack/v1"

// A Kind is the last level of a topic.
type Kind string

// The kinds of message that a node publishes.
const (
	KindReadings  Kind = "readings"  // a SenML pack, see DecodePack
	KindStatus    Kind = "status"    // retained, see Status
	KindInventory Kind = "inventory" // retained, see Inventory
)

// A Topic names where one node publishes one kind of message.
type Topic struct {
	Site string
	Node Node
	Kind Kind
}

// String returns "thermarack/v1/<site>/<node>/<kind>".
func (t Topic) String() string {
	return strings.Join([]string{topicVersion, t.Site, string(t.Node), string(t.Kind)}, "/")
}

// ParseTopic is the inverse of Topic.String. The error quotes s and says which
// level is wrong.
func ParseTopic(s string) (Topic, error) {
	rest, ok := strings.CutPrefix(s, topicVersion+"/")
	site, rest, more := strings.Cut(rest, "/")
	node, kind, most := strings.Cut(rest, "/")
	if !ok || !more || !most || strings.Contains(kind, "/") {
		return Topic{}, fmt.Errorf("wire: topic %.120q is not %s/<site>/<node>/<kind>", s, topicVersion)
	}
	t := Topic{Site: site, Node: Node(node), Kind: Kind(kind)}
	if err := CheckSite(t.Site); err != nil {
		return Topic{}, fmt.Errorf("topic %.120q: %w", s, err)
	}
	if !isCanonical(node) {
		return Topic{}, fmt.Errorf("wire: topic %.120q: node %.40q is not a MAC in 12 lower-case hex digits", s, node)
	}
	switch t.Kind {
	case KindReadings, KindStatus, KindInventory:
		return t, nil
	}
	return Topic{}, fmt.Errorf("wire: topic %.120q: kind %.40q is none of readings, status, inventory", s, kind)
}

// isCanonical tells whether s is a MAC address as a Node is written.
func isCanonical(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || '9' < c) && (c < 'a' || 'f' < c) {
			return false
		}
	}
	return len(s) == 12
}

// TopicFilter returns the MQTT subscription for every message of every node of
// one site; site "" means all sites.
func TopicFilter(site string) string {
	if site == "" {
		site = "+"
	}
	return topicVersion + "/" + site + "/+/+"
}

// CheckSite returns an error unless s matches [a-z0-9][a-z0-9-]{0,62}, the form
// of site, rack and shelf names.
func CheckSite(s string) error {
	ok := len(s) >= 1 && len(s) <= 63 && s[0] != '-'
	for i := range len(s) {
		c := s[i]
		ok = ok && ('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-')
	}
	if !ok {
		return fmt.Errorf("wire: name %.80q is not 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit", s)
	}
	return nil
}

// A Node is a Pi or a switch: its MAC address in 12 lower-case hex digits,
// which is also its MQTT client id.
type Node string

// NoNode stands for a node whose address is not known; `scan` and `once` use it
// with a warning, nothing publishes under it.
const NoNode Node = "000000000000"

// ErrNode reports a text that is no MAC address.
var ErrNode = errors.New("want a MAC address of 12 hex digits, with or without : or -")

// ParseNode reads a MAC address in any usual spelling: "b827eb000001",
// "B8:27:EB:00:00:01", "b8-27-eb-00-00-01". The error wraps ErrNode.
func ParseNode(s string) (Node, error) {
	digits := s
	if strings.ContainsAny(s, ":-") { // never on the wire, where each record asks
		digits = strings.NewReplacer(":", "", "-", "").Replace(s)
	}
	digits = strings.ToLower(digits)
	if _, err := hex.DecodeString(digits); err != nil || len(digits) != 12 {
		return "", fmt.Errorf("wire: node %.40q: %w", s, ErrNode)
	}
	return Node(digits), nil
}

const macPrefix, oneWirePrefix = "urn:dev:mac:", "urn:dev:ow:"

// Device returns the name of a part of the node, such as
// "urn:dev:mac:b827ebfffe000001_soc", or of the node itself for part "". The
// MAC becomes an EUI-64 by inserting fffe (RFC 9039, section 4.1).
func (n Node) Device(part string) string {
	name := macPrefix + string(n[:6]) + "fffe" + string(n[6:])
	if part == "" {
		return name
	}
	return name + "_" + part
}

// OneWireDevice returns the name of a 1-Wire device from its ROM in bus order,
// family first and CRC last (RFC 9039, section 4.2).
func OneWireDevice(rom [8]byte) string { return oneWirePrefix + hex.EncodeToString(rom[:]) }

// DeviceNode returns the node that a "urn:dev:mac:" device belongs to. ok is
// false for other devices, and for an EUI-64 that was not made from a MAC.
func DeviceNode(device string) (node Node, ok bool) {
	rest, ok := strings.CutPrefix(device, macPrefix)
	eui, _, _ := strings.Cut(rest, "_")
	if !ok || len(eui) != 16 || eui[6:10] != "fffe" {
		return "", false
	}
	mac := eui[:6] + eui[10:]
	if !isCanonical(mac) {
		return "", false
	}
	return Node(mac), true
}

// Has tells whether device, a "urn:dev:mac:" name, is the node or a part of it:
// whether DeviceNode would name n.
func (n Node) Has(device string) bool {
	const mac = len(macPrefix)
	return len(n) == 12 && len(device) >= mac+16 && device[:mac] == macPrefix &&
		device[mac:mac+6] == string(n[:6]) && device[mac+6:mac+10] == "fffe" && device[mac+10:mac+16] == string(n[6:]) &&
		(len(device) == mac+16 || device[mac+16] == '_')
}

// DevicePart returns what stands behind the first underscore of a device's
// name: "soc", "fan1", "port17"; "" for a whole device or a 1-Wire probe.
func DevicePart(device string) string {
	_, part, _ := strings.Cut(device, "_")
	return part
}
