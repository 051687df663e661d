// Package store says what a stored sample is. Its subpackages keep samples: in
// memory, in an embedded Prometheus TSDB, in an InfluxDB, or in two of them at
// once; storetest is the promise that all of them hold.
package store

import (
	"errors"
	"time"

	"thermarack/agent/wire"
)

// ErrNoSeries reports a record name that has never been stored. Ask for
// another, or wait for its first reading.
var ErrNoSeries = errors.New("no such series")

// ErrAway reports that the server which keeps the samples does not answer, or
// asks to be left alone for a while. Nothing is known of the call; make it again.
var ErrAway = errors.New("store is away")

// A Series is what a sample belongs to. Device and Quantity name it; the others
// say where it came from. The same device may have been read by several nodes
// in its life: that is several series of one record name.
type Series struct {
	Site     string
	Node     wire.Node
	Device   string // "urn:dev:ow:28…", "urn:dev:mac:…_soc"
	Quantity string // "temperature"; "faults" for the count of rejected samples
	Unit     string // SenML unit, "" for a plain number
	Reason   string // of "faults": a wire.Fault constant; else ""
}

// Name returns the record name, "<device>:<quantity>".
func (s Series) Name() string { return s.Device + ":" + s.Quantity }

// A Point is one value at one instant of millisecond resolution.
type Point struct {
	Time  time.Time
	Value float64 // in the SenML unit of the series, finite
}

// A Sample is a point of a series.
type Sample struct {
	Series
	Point
}

// Reasons for which a store refuses one sample for good.
const (
	RefusedPast      = "past"       // older than the store's out-of-order window, or than it keeps
	RefusedConflict  = "conflict"   // another value is stored at the same instant
	RefusedFieldType = "field_type" // the server has the field with another type than float
	RefusedServer    = "server"     // the server names another reason, which is logged
)

// Reasons returns all of them.
func Reasons() []string {
	return []string{RefusedPast, RefusedConflict, RefusedFieldType, RefusedServer}
}

// A Refusal is a sample that a store will never take. The others of the same
// call are stored.
type Refusal struct {
	Index  int    // in the samples given to Append
	Reason string // a Refused constant
}
