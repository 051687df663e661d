package ingest

import (
	"fmt"
	"time"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
)

// maxFaultSeries bounds the counts in memory; the names come from the network.
// At the limit all counts begin anew, which readers of a counter know how to
// take.
const maxFaultSeries = 1 << 16

// A Gate decides from which node a device is believed. It is asked once a
// reading, in the order of arrival. reason is ReasonForeign when ok is false.
type Gate interface {
	Admit(site string, node wire.Node, device string) (reason string, ok bool)
}

// Decoded is what one message comes to. It is valid until the next is decoded.
type Decoded struct {
	Batch    Batch          // see Decode
	Samples  []store.Sample // to be stored, in the order of Batch.Readings
	Rejected []Rejection
}

// A Decoder turns messages into samples. It asks the gate, counts the faults and
// bounds the series; all else is Decode. It is not safe for concurrent use:
// counts follow the order of the messages.
type Decoder struct {
	gate   Gate
	past   time.Duration
	faults map[store.Series]count
	limit  *limit

	reader  reader
	samples []store.Sample
}

// A count is of one device and reason since the start.
type count struct {
	n    float64
	last time.Time // of the newest fault counted
}

// NewDecoder returns a Decoder that refuses readings older than past; 0 means
// DefaultPast. A nil gate admits every device.
func NewDecoder(gate Gate, past time.Duration) *Decoder {
	if past == 0 {
		past = DefaultPast
	}
	return &Decoder{gate: gate, past: past, faults: map[store.Series]count{}, limit: newLimit()}
}

// Decode reads a message that arrived at received, see the function Decode.
//
// Every number becomes a sample. A fault becomes a sample of wire.QuantityFaults: the
// count of its device and reason since the start. A fault that is not newer than
// the last one counted has been counted before, when the message was delivered
// the first time, and is left out of the batch; the newest is a sample once more,
// as the message may have been given back. The text of a boot stays in the batch
// and is not stored.
func (d *Decoder) Decode(m Delivery, received time.Time) Decoded {
	batch, rejected := d.reader.read(m, Window{Received: received, Past: d.past})
	out := Decoded{Batch: batch, Samples: d.samples[:0], Rejected: rejected}
	all := batch.Readings
	out.Batch.Readings = all[:0]
	for i := range all {
		if reason, err := d.take(&out, &all[i]); err != nil {
			out.Rejected = append(out.Rejected, Rejection{reason, err})
		}
	}
	d.samples = out.Samples
	return out
}

// take adds a reading to what its message comes to, or returns why it is
// rejected.
func (d *Decoder) take(out *Decoded, r *wire.Reading) (reason string, err error) {
	if reason, ok := d.admit(out.Batch, r.Device); !ok {
		return reason, fmt.Errorf("%.120q is not believed from node %s", r.Name(), out.Batch.Node)
	}
	if r.Quantity == wire.QuantityBoot {
		out.Batch.Readings = append(out.Batch.Readings, *r)
		return "", nil
	}
	sample := sampleOf(out.Batch, r)
	if reason, err := d.limit.admit(sample.Series); err != nil {
		return reason, err
	}
	isNew, isLast := true, true
	if r.IsFault() {
		sample.Value, isNew, isLast = d.count(sample.Series, r.Time, out.Batch.Received)
	}
	if isLast {
		out.Samples = append(out.Samples, sample)
	}
	if isNew {
		out.Batch.Readings = append(out.Batch.Readings, *r)
	}
	return "", nil
}

func (d *Decoder) admit(b Batch, device string) (reason string, ok bool) {
	if d.gate == nil {
		return "", true
	}
	return d.gate.Admit(b.Site, b.Node, device)
}

// sampleOf returns what to store of a reading: of a fault, without its count.
func sampleOf(b Batch, r *wire.Reading) store.Sample {
	s := store.Sample{
		Series: store.Series{Site: b.Site, Node: b.Node, Device: r.Device, Quantity: r.Quantity, Unit: r.Unit},
		Point:  store.Point{Time: r.Time, Value: r.Value},
	}
	if r.IsFault() {
		s.Quantity, s.Unit, s.Reason = wire.QuantityFaults, "", r.Text
	}
	return s
}

// count adds one to the faults of a series, unless at is not newer than the
// last, which is not believed if it is ahead of our clock by now: that has been set
// back. isLast tells whether the count is the one of at.
func (d *Decoder) count(s store.Series, at, received time.Time) (n float64, isNew, isLast bool) {
	c, known := d.faults[s]
	if known && !at.After(c.last) && !c.last.After(received.Add(MaxAhead)) {
		return c.n, false, at.Equal(c.last)
	}
	if !known && len(d.faults) >= maxFaultSeries {
		clear(d.faults)
	}
	d.faults[s] = count{c.n + 1, at}
	return c.n + 1, true, true
}
