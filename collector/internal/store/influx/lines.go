package influx

import (
	"cmp"
	"strconv"
	"strings"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
)

// Names of tags, which are those of the labels in PromQL. The node is the
// measurement, the sensor is in the field.
const (
	tagSite   = "site"
	tagReason = "reason" // of faults
	tagUnit   = "unit"   // of quantities whose unit does not follow from their name
)

const (
	urn     = "urn:" // begins every device
	oneWire = "urn:dev:ow:"

	// self stands in a field for the node itself, where others have a part of it.
	self = "node"
)

// nameOf returns how a field of a node names a device: a part of the node as the
// part only, a 1-Wire device by its ROM, any other in full.
func nameOf(node wire.Node, device string) string {
	named := strings.TrimPrefix(device, oneWire)
	if node.Has(device) {
		named = cmp.Or(wire.DevicePart(device), self)
	}
	if deviceOf(node, named) != device {
		return device
	}
	return named
}

// deviceOf is the inverse of nameOf.
func deviceOf(node wire.Node, named string) string {
	switch {
	case strings.HasPrefix(named, urn):
		return named
	case isROM(named):
		return oneWire + named
	case named == self:
		return node.Device("")
	}
	return node.Device(named)
}

// isROM tells whether a name is 16 hex digits.
func isROM(named string) bool {
	return len(named) == 16 && strings.Trim(named, "0123456789abcdef") == ""
}

// seriesOf returns the series of a field of a node. ok is false for a field that
// is none of ours.
func seriesOf(node wire.Node, field string, tag func(name string) string) (s store.Series, ok bool) {
	named, quantity, ok := wire.SplitName(field)
	return store.Series{
		Site: tag(tagSite), Node: node, Device: deviceOf(node, named),
		Quantity: quantity, Unit: cmp.Or(tag(tagUnit), wire.UnitOf(quantity)), Reason: tag(tagReason),
	}, ok
}

// quantities returns those that have one unit or none. Others may come in any.
func quantities() []string {
	return []string{
		wire.QuantityTemperature, wire.QuantityHumidity, wire.QuantityPressure,
		wire.QuantitySpeed, wire.QuantityDuty, wire.QuantityCurrent, wire.QuantityVoltage,
		wire.QuantityPower, wire.QuantityThrottled, wire.QuantityFaults,
	}
}

// head returns what the lines of a series begin with: the measurement and the
// tags, sorted by name, which spares the server the sorting; empty ones are left
// out.
func head(s store.Series) string {
	var b strings.Builder
	b.WriteString(string(s.Node))
	for _, name := range []string{tagReason, tagSite, tagUnit} {
		if value := tagOf(s, name); value != "" {
			b.WriteString("," + name + "=" + escape(value))
		}
	}
	return b.String()
}

// tagOf returns the value of a tag of a series, "" when it has it not.
func tagOf(s store.Series, name string) string {
	switch {
	case name == tagSite:
		return s.Site
	case name == tagReason:
		return s.Reason
	case s.Unit != wire.UnitOf(s.Quantity):
		return s.Unit
	}
	return ""
}

// isOurs tells whether a measurement is named as a node is.
func isOurs(measurement string) bool {
	node, err := wire.ParseNode(measurement)
	return err == nil && string(node) == measurement
}

// isWritable tells whether a series can be said in line protocol, and is found
// again under its own name: a node that speaks for another's parts is not.
func isWritable(s store.Series) bool {
	owner, isPart := wire.DeviceNode(s.Device)
	if !isOurs(string(s.Node)) || isPart && owner != s.Node {
		return false
	}
	field := nameOf(s.Node, s.Device) + ":" + s.Quantity
	again, ok := seriesOf(s.Node, field, func(name string) string { return tagOf(s, name) })
	return ok && again == s && isSayable(field) && isSayable(s.Site) && isSayable(s.Unit) && isSayable(s.Reason)
}

// isSayable tells whether line protocol has a way to write a name: it cannot
// break a line, and a backslash before what is escaped would be taken for ours.
func isSayable(name string) bool {
	if strings.ContainsAny(name, "\n\r") {
		return false
	}
	for i := range len(name) {
		if name[i] == '\\' && (i == len(name)-1 || strings.IndexByte(`\,"= `, name[i+1]) >= 0) {
			return false
		}
	}
	return true
}

// escape writes the value of a tag, or a field.
func escape(name string) string {
	return strings.NewReplacer(`,`, `\,`, `=`, `\=`, ` `, `\ `).Replace(name)
}

// valueSize is what to expect of a value in line protocol, in bytes: ten of a node
// share a line.
const valueSize = 64

// encode returns entries in line protocol, with stamps in milliseconds. With
// merge neighbours of one node and instant share a line.
func encode(entries []entry, merge bool) string {
	var b strings.Builder
	b.Grow(valueSize * len(entries))
	var scratch [32]byte
	for i, e := range entries {
		switch {
		case i == 0:
			b.WriteString(e.head)
			b.WriteByte(' ')
		case merge && e.time == entries[i-1].time && e.head == entries[i-1].head:
			b.WriteByte(',')
		default:
			endLine(&b, scratch[:0], entries[i-1].time)
			b.WriteString(e.head)
			b.WriteByte(' ')
		}
		b.WriteString(e.field)
		b.WriteByte('=')
		b.Write(strconv.AppendFloat(scratch[:0], e.value, 'g', -1, 64))
	}
	if len(entries) > 0 {
		endLine(&b, scratch[:0], entries[len(entries)-1].time)
	}
	return b.String()
}

func endLine(b *strings.Builder, scratch []byte, time int64) {
	b.WriteByte(' ')
	b.Write(strconv.AppendInt(scratch, time, 10))
	b.WriteByte('\n')
}
