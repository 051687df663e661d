package heatmap

import (
	"encoding/json"
	"io"
	"math"
	"strconv"
	"time"
)

// WriteJSON writes m as one JSON object and a newline:
//
//	{"shelf","t","layer","columns","depth",
//	 "cells":[{"slot","value","sd","source"}…],
//	 "field":{"nx","ny","value":[…],"sd":[…]}}
//
// t is RFC 3339 in UTC. Values are in °C, or W for PoE, rounded to 0.01; value
// and sd of what is missing are null. Cells are in the order of their slots;
// rows of the field run from the cold edge backwards, left to right. field is
// null for other layers than Air. The error is w's.
func (m *Map) WriteJSON(w io.Writer) error {
	b := make([]byte, 0, 256+80*len(m.Cells)+16*m.Columns*m.Depth)
	b = append(b, `{"shelf":`...)
	b = appendString(b, m.Shelf)
	b = append(b, `,"t":"`...)
	b = m.T.UTC().AppendFormat(b, time.RFC3339)
	b = append(b, `","layer":`...)
	b = appendString(b, string(m.Layer))
	b = append(b, `,"columns":`...)
	b = strconv.AppendInt(b, int64(m.Columns), 10)
	b = append(b, `,"depth":`...)
	b = strconv.AppendInt(b, int64(m.Depth), 10)
	b = m.appendCells(append(b, `,"cells":`...))
	b = m.Field.appendTo(append(b, `,"field":`...))
	_, err := w.Write(append(b, "}\n"...))
	return err
}

func (m *Map) appendCells(b []byte) []byte {
	b = append(b, '[')
	for i, c := range m.Cells {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"slot":`...)
		b = strconv.AppendInt(b, int64(c.Slot), 10)
		b = appendNumber(append(b, `,"value":`...), c.Value)
		b = appendNumber(append(b, `,"sd":`...), c.SD)
		b = append(b, `,"source":"`...)
		b = append(append(b, c.Source...), `"}`...)
	}
	return append(b, ']')
}

func (f *Field) appendTo(b []byte) []byte {
	if f == nil {
		return append(b, "null"...)
	}
	b = append(b, `{"nx":`...)
	b = strconv.AppendInt(b, int64(f.NX), 10)
	b = append(b, `,"ny":`...)
	b = strconv.AppendInt(b, int64(f.NY), 10)
	b = appendNumbers(append(b, `,"value":`...), f.Value)
	b = appendNumbers(append(b, `,"sd":`...), f.SD)
	return append(b, '}')
}

func appendNumbers(b []byte, values []float64) []byte {
	b = append(b, '[')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendNumber(b, v)
	}
	return append(b, ']')
}

// appendNumber appends v rounded to 0.01, or null if it is not finite.
func appendNumber(b []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(b, "null"...)
	}
	return appendDecimal(b, v)
}

// appendDecimal appends v in its shortest form with at most two decimals. v is
// finite.
func appendDecimal(b []byte, v float64) []byte {
	hundredths := math.Round(v * 100)
	if math.Abs(hundredths) > 1<<52 {
		return strconv.AppendFloat(b, v, 'f', -1, 64)
	}
	n := int64(hundredths)
	if n < 0 {
		b, n = append(b, '-'), -n
	}
	b = strconv.AppendInt(b, n/100, 10)
	switch tens, ones := n/10%10, n%10; {
	case ones != 0:
		return append(b, '.', byte('0'+tens), byte('0'+ones))
	case tens != 0:
		return append(b, '.', byte('0'+tens))
	}
	return b
}

// appendString appends s as a JSON string.
func appendString(b []byte, s string) []byte {
	quoted, _ := json.Marshal(s) // a string always has a JSON form
	return append(b, quoted...)
}
