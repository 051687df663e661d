// Package senml reads and writes the part of RFC 8428 (Sensor Measurement
// Lists, JSON) that thermarack uses: resolved records with a number or a text.
package senml

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// MaxRecords is the most records that one pack may hold. It bounds the memory
// that a hostile message can ask for.
const MaxRecords = 4096

// relativeBelow is where a time stops being relative to now and starts being
// seconds since the epoch (RFC 8428, section 4.5.3).
const relativeBelow = 1 << 28

var (
	// ErrNotArray reports a payload that is no JSON array: nothing of it can be
	// used. Look at what the sender publishes.
	ErrNotArray = errors.New("senml: payload is not a JSON array")
	// ErrTooLong reports a pack of more than MaxRecords. Send several packs.
	ErrTooLong = fmt.Errorf("senml: more than %d records in one pack", MaxRecords)
	// ErrNotFinite reports a record whose value or time is NaN or infinite.
	ErrNotFinite = errors.New("number is not finite")
)

// A Record is one resolved record: base fields are folded in, time is absolute.
type Record struct {
	Name   string  // characters of RFC 8428 section 4.5.1, at most 255
	Unit   string  // as sent; "" when absent
	Time   float64 // seconds since the Unix epoch
	Value  float64 // finite; 0 when IsText
	Text   string  // the string value when IsText
	IsText bool
	Index  int // position in the pack that Decode read; Encode ignores it
}

// A BadRecord is an element of a pack that could not be used.
type BadRecord struct {
	Index int // position in the array, from 0
	Err   error
}

func (b BadRecord) Error() string { return fmt.Sprintf("record %d: %v", b.Index, b.Err) }

// Unwrap returns the reason alone.
func (b BadRecord) Unwrap() error { return b.Err }

// Decode parses a SenML JSON pack and resolves its base fields.
//
// It returns the good records in pack order and, beside them, every bad one
// with its index; a bad record never costs its neighbours. A bare NaN or
// Infinity, which some encoders write though JSON has none, spoils its own
// record only. Base fields of a record whose value is bad still hold for the
// next ones; those that cannot be read make the records that lean on them bad. Relative times are resolved against now. Records that hold only
// base fields yield nothing. Sums, booleans and data values are reported as bad
// by name.
//
// The error is ErrNotArray or ErrTooLong, and then nothing is returned.
//
// Resolution follows RFC 8428, sections 4.5 and 4.6.
func Decode(pack []byte, now time.Time) ([]Record, []BadRecord, error) {
	return new(Decoder).Decode(pack, now)
}

// typicalRecord is about what a record takes, in bytes.
const typicalRecord = 72

// Encode writes records as one pack with the first record's time as base time,
// so that a pack of one instant carries it once. Names are written whole. The
// same records always give the same bytes. The error names the record that
// cannot be written: a bad name, or a number that is not finite.
func Encode(records []Record) ([]byte, error) {
	out := make([]byte, 0, 2+typicalRecord*len(records))
	out = append(out, '[')
	for i, r := range records {
		if err := checkName(r.Name); err != nil {
			return nil, BadRecord{i, err}
		}
		if math.IsNaN(r.Value+r.Time) || math.IsInf(r.Value+r.Time, 0) {
			return nil, BadRecord{i, ErrNotFinite}
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, '{')
		if i == 0 {
			out = appendNumber(append(out, `"bt":`...), r.Time)
			out = append(out, ',')
		}
		out = appendRecord(out, r, records[0].Time)
		out = append(out, '}')
	}
	return append(out, ']'), nil
}

func appendRecord(out []byte, r Record, baseTime float64) []byte {
	out = appendString(append(out, `"n":`...), r.Name)
	if dt := r.Time - baseTime; dt != 0 {
		out = appendNumber(append(out, `,"t":`...), math.Round(dt*1000)/1000)
	}
	if r.Unit != "" {
		out = appendString(append(out, `,"u":`...), r.Unit)
	}
	if r.IsText {
		return appendString(append(out, `,"vs":`...), r.Text)
	}
	return appendNumber(append(out, `,"v":`...), r.Value)
}

func appendNumber(out []byte, v float64) []byte {
	return strconv.AppendFloat(out, v, 'f', -1, 64)
}
