package poe

import (
	"context"
	"encoding/hex"
	"strings"

	"thermarack/agent/wire"
	"thermarack/collector/internal/snmp"
)

// Answers are the columns that were read, by their OIDs.
type answers map[string]cells

// Cells are the values of one column, by the index of their row as text.
type cells map[string]cell

type cell struct {
	index snmp.OID
	snmp.Value
}

// walk reads columns in one go, which fills the answers of a switch best.
func walk(ctx context.Context, src snmp.Source, columns ...snmp.OID) (answers, error) {
	lists, err := src.Walk(ctx, columns...)
	if err != nil {
		return nil, err
	}
	a := make(answers, len(columns))
	for i, column := range columns {
		a[column.String()] = cellsOf(column, lists[i])
	}
	return a, nil
}

// cellsOf returns the cells of a column; objects elsewhere are left out.
func cellsOf(column snmp.OID, vars []snmp.Var) cells {
	c := make(cells, len(vars))
	for _, v := range vars {
		if index, ok := v.OID.Under(column); ok && len(index) > 0 {
			c[index.String()] = cell{index, v.Value}
		}
	}
	return c
}

// column returns a column, empty when it was not read.
func (a answers) column(oid snmp.OID) cells { return a[oid.String()] }

// number returns the value of a row; ok is false when it has none, or no number.
func (c cells) number(row string) (n int64, ok bool) {
	v := c[row].Value
	return v.Int, v.Kind == snmp.Integer || v.Kind == snmp.Counter
}

// text returns the value of a row, "" when it has none, or no text.
func (c cells) text(row string) string {
	if v := c[row].Value; v.Kind == snmp.Text {
		return textOf(v)
	}
	return ""
}

// maxText is the longest name or description in bytes (DisplayString, RFC 2579).
// What is longer is cut: lists repeat names.
const maxText = 255

// textOf returns what the bytes of a value say.
func textOf(v snmp.Value) string { return string(v.Bytes[:min(len(v.Bytes), maxText)]) }

// indexed returns a number that can be an index, an ifIndex or a port of a bridge,
// 0 when the row has none.
func (c cells) indexed(row string) int {
	if n, ok := c.number(row); ok && 0 < n && n <= 1<<31-1 { // InterfaceIndex, RFC 2863
		return int(n)
	}
	return 0
}

// macLength is the length of a MAC address.
const macLength = 6

// macOf returns the address that bytes are, "" when they are none that one device
// can have.
func macOf(bytes []byte) wire.Node {
	if len(bytes) != macLength || bytes[0]&1 != 0 || strings.Trim(string(bytes), "\x00") == "" {
		return ""
	}
	return wire.Node(hex.EncodeToString(bytes))
}

// macAt returns the address that an index ends with.
func macAt(index snmp.OID) wire.Node {
	if len(index) < macLength {
		return ""
	}
	var bytes [macLength]byte
	for i, arc := range index[len(index)-macLength:] {
		if arc > 255 {
			return ""
		}
		bytes[i] = byte(arc)
	}
	return macOf(bytes[:])
}
