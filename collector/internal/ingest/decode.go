package ingest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"thermarack/agent/wire"
	"thermarack/agent/wire/senml"
	"thermarack/collector/internal/store"
)

// MaxPayload is the longest payload that is looked at, in bytes.
const MaxPayload = 256 << 10

// MaxAhead is how far a reading may be ahead of the collector's clock.
const MaxAhead = time.Minute

// DefaultPast is how old a reading may be when nothing else is configured. It
// is the out-of-order window of the embedded store.
const DefaultPast = 7 * 24 * time.Hour

// The reasons of a Rejection: the label of thermarack_ingest_rejected_total.
const (
	ReasonTopic     = "topic"                // the topic is none of ours: the whole message
	ReasonPayload   = "payload"              // no JSON array, too long, or no status or inventory: the whole message
	ReasonRecord    = "record"               // no usable SenML record
	ReasonNaN       = "nan"                  // not a finite number
	ReasonUnit      = "unit"                 // not the unit of the quantity
	ReasonRange     = "range"                // physically impossible
	ReasonFuture    = "future"               // more than MaxAhead ahead of our clock
	ReasonPast      = store.RefusedPast      // older than is kept
	ReasonForeign   = "foreign_sensor"       // of another node
	ReasonConflict  = store.RefusedConflict  // another value is stored at that instant
	ReasonFieldType = store.RefusedFieldType // InfluxDB has the field with another type
	ReasonServer    = store.RefusedServer    // InfluxDB refuses it for a reason that is logged

	ReasonSeriesLimit = "series_limit" // its node has MaxSeries others, or all have MaxAllSeries
	ReasonNodeLimit   = "node_limit"   // there are MaxNodes others
)

// Reasons returns all reasons in the order of the documentation.
func Reasons() []string {
	return []string{
		ReasonTopic, ReasonPayload, ReasonRecord, ReasonNaN, ReasonUnit,
		ReasonRange, ReasonFuture, ReasonPast, ReasonForeign, ReasonConflict,
		ReasonFieldType, ReasonServer, ReasonSeriesLimit, ReasonNodeLimit,
	}
}

// A Rejection is one record, or one whole message, that is not kept.
type Rejection struct {
	Reason string // a Reason constant
	Err    error  // which record, and what is wrong with it; strings of the sender are quoted
}

// A Window is the time in which a reading is believed: from Past before Received
// to MaxAhead after it.
type Window struct {
	Received time.Time // when the message arrived, on the collector's clock
	Past     time.Duration
}

// Decode reads one message. It is pure: the same arguments always give the same
// result.
//
// The Batch names its node as far as the topic does. It holds the believable
// readings in pack order, or the status, or the inventory; or none of them when
// nothing of the message can be used. Beside it stands every rejection; a bad
// record never costs its neighbours. Readings of "urn:dev:mac:" devices that are
// not the topic's node are ReasonForeign.
//
// A record without a time of its own is placed at Received. Not so in a retained
// message, which may be of any age: there such a record is ReasonPast. An empty
// status or inventory clears what a broker retained and means nothing.
func Decode(d Delivery, w Window) (Batch, []Rejection) {
	return new(reader).read(d, w)
}

// A reader reads one message after the other, remembers their topics, and uses
// the memory of their readings again.
type reader struct {
	wire     wire.Decoder
	readings []wire.Reading
	topics   map[string]wire.Topic
}

// maxTopics is how many topics are remembered; then it begins anew.
const maxTopics = 4 * MaxNodes

// topic reads a topic. The same one is always of the same strings, which are
// quickly compared.
func (r *reader) topic(s string) (wire.Topic, error) {
	if t, known := r.topics[s]; known {
		return t, nil
	}
	t, err := wire.ParseTopic(s)
	if err != nil {
		return t, err
	}
	if r.topics == nil || len(r.topics) >= maxTopics {
		r.topics = map[string]wire.Topic{}
	}
	r.topics[s] = t
	return t, nil
}

func (r *reader) read(d Delivery, w Window) (Batch, []Rejection) {
	topic, err := r.topic(d.Topic)
	if err != nil {
		return Batch{}, []Rejection{{ReasonTopic, err}}
	}
	batch := Batch{Site: topic.Site, Node: topic.Node, Received: w.Received}
	if len(d.Payload) > MaxPayload {
		err := fmt.Errorf("%d bytes, at most %d are read", len(d.Payload), MaxPayload)
		return batch, []Rejection{{ReasonPayload, err}}
	}
	var rejected []Rejection
	switch {
	case topic.Kind == wire.KindReadings:
		batch.Readings, rejected, err = r.readReadings(d, topic.Node, w)
	case len(d.Payload) == 0:
		return batch, nil
	case topic.Kind == wire.KindStatus:
		batch.Status, err = optional(wire.DecodeStatus(d.Payload))
	default:
		batch.Inventory, err = optional(wire.DecodeInventory(d.Payload))
	}
	if err != nil {
		rejected = append(rejected, Rejection{ReasonPayload, err})
	}
	return batch, rejected
}

// optional returns a pointer to v unless there is an error.
func optional[T any](v T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return &v, nil
}

func (r *reader) readReadings(d Delivery, node wire.Node, w Window) ([]wire.Reading, []Rejection, error) {
	now := w.Received
	if d.Retained {
		now = time.Unix(0, 0) // relative times then lie decades back
	}
	all, bad, err := r.wire.Append(r.readings[:0], d.Payload, now)
	r.readings = all
	if err != nil {
		return nil, nil, err
	}
	var rejected []Rejection
	for _, b := range bad {
		rejected = append(rejected, Rejection{reasonOf(b), b})
	}
	good := all[:0]
	for i := range all {
		reason, err := believe(&all[i], node, w)
		if err != nil {
			rejected = append(rejected, Rejection{reason, err})
			continue
		}
		good = append(good, all[i])
	}
	return good, rejected, nil
}

func reasonOf(b senml.BadRecord) string {
	switch {
	case errors.Is(b, wire.ErrNotFinite):
		return ReasonNaN
	case errors.Is(b, wire.ErrUnit):
		return ReasonUnit
	case errors.Is(b, wire.ErrRange):
		return ReasonRange
	}
	return ReasonRecord
}

// believe returns why a well-formed reading of node cannot be true.
func believe(r *wire.Reading, node wire.Node, w Window) (reason string, err error) {
	const stamp = time.RFC3339
	age := w.Received.Sub(r.Time)
	switch {
	case age < -MaxAhead:
		return ReasonFuture, fmt.Errorf("%.120q is of %s, ahead of %s here", r.Name(), r.Time.Format(stamp), w.Received.UTC().Format(stamp))
	case age > w.Past:
		return ReasonPast, fmt.Errorf("%.120q is of %s, more than %v ago", r.Name(), r.Time.Format(stamp), w.Past)
	case !node.Has(r.Device) && strings.HasPrefix(r.Device, "urn:dev:mac:"):
		return ReasonForeign, fmt.Errorf("%.120q does not belong to node %s", r.Name(), node)
	}
	return "", nil
}
