package wire

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"thermarack/agent/wire/senml"
)

// A Reading is one value of one quantity of one device at one instant, or, for
// the quantities "fault" and "boot", a text.
type Reading struct {
	Device   string    // "urn:dev:ow:28…", "urn:dev:mac:…_soc"
	Quantity string    // "temperature", "speed", "fault" …
	Unit     string    // see Units; "" for texts and plain numbers
	Time     time.Time // on the sampling grid, millisecond resolution
	Value    float64   // finite; 0 for a text
	Text     string    // the reason of a fault, the id of a boot
}

// Name returns the record name, "<device>:<quantity>".
func (r Reading) Name() string { return r.Device + ":" + r.Quantity }

// IsFault tells whether the reading reports a rejected sample; Text is then one
// of Faults.
func (r Reading) IsFault() bool { return r.Quantity == QuantityFault }

// SplitName cuts a record name at its last colon. ok is false when either side
// is empty.
func SplitName(name string) (device, quantity string, ok bool) {
	i := strings.LastIndexByte(name, ':')
	if i <= 0 || i == len(name)-1 {
		return "", "", false
	}
	return name[:i], name[i+1:], true
}

// Quantities with a meaning of their own. Any other name is stored as it is.
const (
	QuantityTemperature = "temperature"
	QuantityHumidity    = "humidity"
	QuantityPressure    = "pressure"
	QuantitySpeed       = "speed"
	QuantityDuty        = "duty"
	QuantityCurrent     = "current"
	QuantityVoltage     = "voltage"
	QuantityPower       = "power"
	QuantityThrottled   = "throttled"
	QuantityFault       = "fault"
	QuantityFaults      = "faults" // the collector's count of them; never on the wire
	QuantitySeq         = "seq"
	QuantityBoot        = "boot"
)

// The reasons for which an agent rejects a sample.
const (
	FaultCRC      = "crc"       // the bus delivered a damaged frame
	FaultZeros    = "zeros"     // all bytes zero: shorted or half connected
	FaultPowerOn  = "power-on"  // the part's power-on value, nothing was measured
	FaultNoDevice = "no-device" // the part does not answer
	FaultFloating = "floating"  // the bus reads all ones
	FaultRange    = "range"     // outside of what the part can measure
	FaultJump     = "jump"      // too far from the last value for the time between
	FaultStale    = "stale"     // an earlier conversion, read again
	FaultTimeout  = "timeout"   // no answer within the reader's deadline
	FaultStuck    = "stuck"     // the same value for too long
)

// A Dimension is the unit of a quantity and the span that is physically
// possible at all; a value outside is an error of the sender.
type Dimension struct {
	Unit     string
	Min, Max float64
}

// dimensions of the quantities that have one. The spans are those of the widest
// part in use: a thermocouple (MAX31850) reaches 1800 °C, and nothing is below
// absolute zero.
func dimensions(quantity string) (Dimension, bool) {
	switch quantity {
	case QuantityTemperature:
		return Dimension{"Cel", -273.15, 1800}, true
	case QuantityHumidity:
		return Dimension{"%RH", 0, 100}, true
	case QuantityPressure:
		return Dimension{"Pa", 0, 1e6}, true
	case QuantitySpeed:
		return Dimension{"1/s", 0, 1e4}, true
	case QuantityDuty:
		return Dimension{"/", 0, 1}, true
	case QuantityCurrent:
		return Dimension{"A", -1e4, 1e4}, true
	case QuantityVoltage:
		return Dimension{"V", -1e5, 1e5}, true
	case QuantityPower:
		return Dimension{"W", -1e6, 1e6}, true
	case QuantityThrottled:
		return Dimension{"", 0, 1<<20 - 1}, true
	case QuantitySeq:
		return Dimension{"", 0, 1 << 53}, true
	}
	return Dimension{}, false
}

// UnitOf returns the SenML unit of a quantity, "" for texts, plain numbers and
// quantities that we do not know.
func UnitOf(quantity string) string {
	d, _ := dimensions(quantity)
	return d.Unit
}

// IsFaultReason tells whether s is one of the Fault constants.
func IsFaultReason(s string) bool {
	switch s {
	case FaultCRC, FaultZeros, FaultPowerOn, FaultNoDevice, FaultFloating,
		FaultRange, FaultJump, FaultStale, FaultTimeout, FaultStuck:
		return true
	}
	return false
}

// Rejections that DecodePack reports, to be told apart with errors.Is.
var (
	ErrRecord    = errors.New("bad record")            // no usable SenML record
	ErrNotFinite = senml.ErrNotFinite                  // NaN or infinite
	ErrUnit      = errors.New("unit does not match")   // "temperature" in anything but Cel
	ErrRange     = errors.New("physically impossible") // outside of the Dimension
)

// DecodePack decodes a SenML pack into readings, in pack order.
//
// A bad record is skipped and returned beside the good ones; its error wraps
// ErrNotFinite, ErrUnit, ErrRange or, for all else, ErrRecord. Records without
// a time, or with a relative one, are placed relative to now. A missing unit is
// taken for the quantity's own. The error wraps senml.ErrNotArray or
// senml.ErrTooLong; then there are no readings.
func DecodePack(payload []byte, now time.Time) ([]Reading, []senml.BadRecord, error) {
	return new(Decoder).Append(nil, payload, now)
}

// A Decoder decodes packs one after the other and remembers the names in them,
// which is several times as fast as DecodePack where most names come again. The
// zero Decoder is ready; it is not safe for concurrent use.
type Decoder struct{ senml senml.Decoder }

// Append is DecodePack that appends the readings to those given. The bad records
// are valid until the next call.
func (d *Decoder) Append(readings []Reading, payload []byte, now time.Time) ([]Reading, []senml.BadRecord, error) {
	records, bad, err := d.senml.Decode(payload, now)
	if err != nil {
		return readings, nil, err
	}
	for i, b := range bad {
		if !errors.Is(b.Err, ErrNotFinite) {
			bad[i].Err = fmt.Errorf("%w: %w", ErrRecord, b.Err)
		}
	}
	readings = slices.Grow(readings, len(records))
	for i := range records {
		reading, err := fromRecord(&records[i])
		if err != nil {
			bad = append(bad, senml.BadRecord{Index: records[i].Index, Err: fmt.Errorf("%s: %w", records[i].Name, err)})
			continue
		}
		readings = append(readings, reading)
	}
	return readings, bad, nil
}

func fromRecord(r *senml.Record) (Reading, error) {
	device, quantity, ok := SplitName(r.Name)
	if !ok {
		return Reading{}, fmt.Errorf("%w: name is not <device>:<quantity>", ErrRecord)
	}
	reading := Reading{
		Device: device, Quantity: quantity, Unit: r.Unit, Value: r.Value, Text: r.Text,
		Time: time.UnixMilli(int64(math.Round(r.Time * 1000))).UTC(),
	}
	isText := quantity == QuantityFault || quantity == QuantityBoot
	switch {
	case quantity == QuantityFaults:
		return Reading{}, fmt.Errorf("%w: faults are counted by the collector", ErrRecord)
	case isText != r.IsText:
		return Reading{}, fmt.Errorf("%w: wrong kind of value for %s", ErrRecord, quantity)
	case quantity == QuantityFault && !IsFaultReason(r.Text):
		return Reading{}, fmt.Errorf("%w: unknown fault %.40q", ErrRecord, r.Text)
	}
	d, known := dimensions(quantity)
	switch {
	case !known:
		return reading, nil
	case r.Unit != "" && r.Unit != d.Unit:
		return Reading{}, fmt.Errorf("%w: %q, want %q", ErrUnit, r.Unit, d.Unit)
	case r.Value < d.Min || r.Value > d.Max:
		return Reading{}, fmt.Errorf("%w: %v %s, want %v to %v", ErrRange, r.Value, d.Unit, d.Min, d.Max)
	}
	reading.Unit = d.Unit
	return reading, nil
}

// EncodePack writes readings as one SenML pack. The same readings always give
// the same bytes. The error names the reading that cannot be written.
func EncodePack(readings []Reading) ([]byte, error) {
	records := make([]senml.Record, len(readings))
	for i, r := range readings {
		records[i] = senml.Record{
			Name:   r.Name(),
			Unit:   r.Unit,
			Time:   float64(r.Time.UnixMilli()) / 1000,
			Value:  r.Value,
			Text:   r.Text,
			IsText: r.Quantity == QuantityFault || r.Quantity == QuantityBoot,
		}
	}
	return senml.Encode(records)
}
