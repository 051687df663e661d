package ingest

import (
	"time"

	"thermarack/agent/wire"
)

// A Batch is what one stored message said. Exactly one of Readings, Status and
// Inventory is set.
type Batch struct {
	Site      string
	Node      wire.Node
	Received  time.Time      // on the collector's clock
	Readings  []wire.Reading // admitted ones, faults among them, in pack order
	Status    *wire.Status
	Inventory *wire.Inventory
}

// isEmpty tells whether nothing of the message could be used.
func (b Batch) isEmpty() bool {
	return len(b.Readings) == 0 && b.Status == nil && b.Inventory == nil
}
