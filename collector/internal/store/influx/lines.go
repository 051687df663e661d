package influx

import (
	"strconv"
	"strings"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
)

// measurement is where all samples are.
const measurement = "thermarack"

// Names of tags, which are those of the labels in PromQL.
const (
	tagSite     = "site"
	tagNode     = "node"
	tagSensor   = "sensor" // a device on the wire
	tagPart     = "part"
	tagReason   = "reason"   // of faults
	tagQuantity = "quantity" // of fieldOther
	tagUnit     = "unit"     // of fieldOther
)

// fieldOther holds the quantities that have no field of their own: their names
// come from the network, and a measurement has one list of fields for all.
const fieldOther = "other"

// fieldOf returns the field of a quantity.
func fieldOf(quantity string) string {
	switch quantity {
	case wire.QuantityTemperature, wire.QuantityHumidity, wire.QuantityPressure,
		wire.QuantitySpeed, wire.QuantityDuty, wire.QuantityCurrent, wire.QuantityVoltage,
		wire.QuantityPower, wire.QuantityThrottled, wire.QuantityFaults:
		return quantity
	}
	return fieldOther
}

// head returns what the lines of a series begin with: the measurement and the
// tags, sorted by name, which spares the server the sorting; empty ones are left
// out. ok is false for a series that line protocol has no way to write.
func head(s store.Series) (text string, ok bool) {
	var b strings.Builder
	b.WriteString(measurement)
	ok = true
	add := func(name, value string) {
		if value == "" {
			return
		}
		// A backslash before our own comma would make it part of the value.
		ok = ok && !strings.ContainsAny(value, "\n\r") && !strings.HasSuffix(value, `\`)
		b.WriteByte(',')
		b.WriteString(name)
		b.WriteByte('=')
		writeTag(&b, value)
	}
	add(tagNode, string(s.Node))
	add(tagPart, wire.DevicePart(s.Device))
	other := fieldOf(s.Quantity) == fieldOther
	if other {
		add(tagQuantity, s.Quantity)
	}
	add(tagReason, s.Reason)
	add(tagSensor, s.Device)
	add(tagSite, s.Site)
	if other {
		add(tagUnit, s.Unit)
	}
	return b.String(), ok
}

// writeTag writes a tag's value; a comma, an equals sign and a space are escaped.
func writeTag(b *strings.Builder, value string) {
	for i := range len(value) {
		switch value[i] {
		case ',', '=', ' ':
			b.WriteByte('\\')
		}
		b.WriteByte(value[i])
	}
}

// lineSize is what to expect of a line, in bytes.
const lineSize = 128

// encode returns entries in line protocol, with stamps in milliseconds. With
// merge neighbours of one device and instant share a line.
func encode(entries []entry, merge bool) string {
	var b strings.Builder
	b.Grow(lineSize * len(entries))
	var scratch [32]byte
	for i, e := range entries {
		switch {
		case i == 0:
			b.WriteString(e.head)
			b.WriteByte(' ')
		case merge && e.time == entries[i-1].time && e.head == entries[i-1].head && e.field != entries[i-1].field:
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
