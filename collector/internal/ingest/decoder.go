package ingest

import (
	"fmt"
	"slices"
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

// Decoded is what one message comes to.
type Decoded struct {
	Batch    Batch          // see Decode
	Samples  []store.Sample // to be stored, in the order of Batch.Readings
	Rejected []Rejection

	readings []int // Samples[i] is of Batch.Readings[readings[i]]
}

// A Decoder turns messages into samples. It asks the gate and counts the faults;
// all else is Decode. It is not safe for concurrent use: counts follow the order
// of the messages.
type Decoder struct {
	gate   Gate
	past   time.Duration
	faults map[store.Series]count
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
	return &Decoder{gate: gate, past: past, faults: map[store.Series]count{}}
}

// Decode reads a message that arrived at received, see the function Decode.
//
// Every number becomes a sample. A fault becomes a sample of wire.QuantityFaults: the
// count of its device and reason since the start. A fault that is not newer than
// the last one counted has been counted before, when the message was delivered
// the first time, and is left out. The text of a boot stays in the batch and is
// not stored.
func (d *Decoder) Decode(m Delivery, received time.Time) Decoded {
	batch, rejected := Decode(m, Window{Received: received, Past: d.past})
	out := Decoded{Batch: batch, Rejected: rejected}
	all := batch.Readings
	out.Batch.Readings = all[:0]
	for _, r := range all {
		if reason, ok := d.admit(batch, r.Device); !ok {
			err := fmt.Errorf("%.120q is not believed from node %s", r.Name(), batch.Node)
			out.Rejected = append(out.Rejected, Rejection{reason, err})
			continue
		}
		sample, isStored, isNew := d.sample(batch, r)
		if !isNew {
			continue
		}
		if isStored {
			out.Samples = append(out.Samples, sample)
			out.readings = append(out.readings, len(out.Batch.Readings))
		}
		out.Batch.Readings = append(out.Batch.Readings, r)
	}
	return out
}

func (d *Decoder) admit(b Batch, device string) (reason string, ok bool) {
	if d.gate == nil {
		return "", true
	}
	return d.gate.Admit(b.Site, b.Node, device)
}

// sample returns what to store of r. isStored is false for a text, isNew is
// false for a fault that has been counted.
func (d *Decoder) sample(b Batch, r wire.Reading) (s store.Sample, isStored, isNew bool) {
	s = store.Sample{
		Series: store.Series{Site: b.Site, Node: b.Node, Device: r.Device, Quantity: r.Quantity, Unit: r.Unit},
		Point:  store.Point{Time: r.Time, Value: r.Value},
	}
	switch {
	case r.IsFault():
		s.Quantity, s.Unit, s.Reason = wire.QuantityFaults, "", r.Text
		s.Value, isNew = d.count(s.Series, r.Time)
		return s, true, isNew
	case r.Quantity == wire.QuantityBoot:
		return s, false, true
	}
	return s, true, true
}

// count adds one to the faults of a series, unless at is not newer than the
// last.
func (d *Decoder) count(s store.Series, at time.Time) (n float64, isNew bool) {
	c, known := d.faults[s]
	if known && !at.After(c.last) {
		return c.n, false
	}
	if !known && len(d.faults) >= maxFaultSeries {
		clear(d.faults)
	}
	d.faults[s] = count{c.n + 1, at}
	return c.n + 1, true
}

// Refuse takes out of the batch what the store will never keep, and lists it
// under Rejected. Index counts in d.Samples. A refused count of faults is no
// rejection: after a restart the counts begin anew, and the same fault delivered
// again then carries another count than the one stored.
func (d *Decoded) Refuse(refusals []store.Refusal) {
	drop := map[int]bool{}
	for _, f := range refusals {
		s := d.Samples[f.Index]
		drop[d.readings[f.Index]] = true
		if s.Quantity == wire.QuantityFaults && f.Reason == store.RefusedConflict {
			continue
		}
		err := fmt.Errorf("%.120q of %s: the store refuses it", s.Name(), s.Time.Format(time.RFC3339))
		d.Rejected = append(d.Rejected, Rejection{f.Reason, err})
	}
	i := -1
	d.Batch.Readings = slices.DeleteFunc(d.Batch.Readings, func(wire.Reading) bool {
		i++
		return drop[i]
	})
}
