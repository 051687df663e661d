// Package sampler reads every sensor of one node at the same instants and makes
// one encoded pack of each.
package sampler

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"thermarack/agent/wire"
	"thermarack/agent/wire/clock"
	"thermarack/agent/wire/senml"
	"thermarack/hardware/fault"
)

// A Sensor is one quantity of one device that can be read now.
type Sensor interface {
	// Name returns the record name, "<device>:<quantity>", unique in its node.
	Name() string
	// Read returns the sensor's readings. Their Time is left zero: the sampler
	// sets it. Read may block for the device's conversion and should return soon
	// after ctx is done; if it cannot, only this sensor's readings are lost.
	// Readings beside an error are used too. An error that wraps a fault.Error
	// goes into the pack with its reason, one that wraps
	// context.DeadlineExceeded as timeout, any other as no-device.
	Read(ctx context.Context) ([]wire.Reading, error)
}

// A Source says which sensors there are at the moment. The same device must
// come as an equal Sensor name each time. Sensors must not block.
type Source interface {
	Sensors() []Sensor
}

// Fixed is a Source whose sensors never change.
type Fixed []Sensor

// Sensors returns f itself.
func (f Fixed) Sensors() []Sensor { return f }

// A Sink takes encoded packs, without blocking. It may keep the slice.
type Sink interface {
	Put(pack []byte)
}

// Options is what a Sampler is made of. Every field is needed but Clock, whose
// zero value is the wall clock, Jitter, Inline and Seen.
type Options struct {
	Node     wire.Node
	Boot     string        // random a start; two runs with the same one cannot be told apart
	Interval time.Duration // whole milliseconds, above 0
	Source   Source
	Sink     Sink // not used by Pack
	Clock    clock.Clock
	Log      *slog.Logger

	// Jitter is how long after its stamp Run puts a pack at the earliest, below
	// Interval; see Spread. Stamps stay on the grid.
	Jitter time.Duration

	// Inline says that sensors answer at once, from memory: they are read one
	// after another without a goroutine, and are never late.
	Inline bool

	// Seen is shown what goes into each pack, unless it is nil. It must not keep or
	// change the readings.
	Seen func(readings []wire.Reading)
}

// A Sampler owns the sampling schedule of one node. It is not safe for
// concurrent use: call Run, or Pack again and again.
type Sampler struct {
	Options
	seq    uint64
	tracks map[string]*track // by sensor name; unused when Inline
}

// New returns a Sampler that has made no pack yet.
func New(o Options) *Sampler {
	return &Sampler{Options: o, tracks: map[string]*track{}}
}

// maxWait bounds how long one sample may take, so that a pack of a long
// interval does not come much later than its stamp. It leaves room for 20
// 1-Wire probes on parasite power, which take 0.8 s each, one after another.
const maxWait = 20 * time.Second

// Run puts a pack into the sink for every multiple of the interval since the
// Unix epoch, the first one after it was called, until ctx is done; it then
// returns nil.
//
// Sensors are read at the stamp; the pack is ready when all have answered, at
// the latest a tenth of the interval before the next stamp, and is held until
// the Jitter is over or ctx is done. Instants that
// passed meanwhile, because the host slept or its clock was set, are left out:
// a reading never gets a stamp at which it was not taken. A program that runs
// faster than the world and wants every instant calls Pack itself.
func (s *Sampler) Run(ctx context.Context) error {
	at := Next(s.Clock.Now(), s.Interval)
	for s.Clock.SleepUntil(ctx, at) == nil {
		if s.Clock.Now().Sub(at).Abs() < s.Interval { // else it was set while we slept
			s.sample(ctx, at)
		}
		at = s.following(at)
	}
	return nil
}

// sample puts the pack of one instant into the sink.
func (s *Sampler) sample(ctx context.Context, at time.Time) {
	budget := min(s.Interval-s.Interval/10, maxWait)
	limited, cancel := context.WithDeadline(ctx, s.Clock.Wall(at.Add(budget)))
	defer cancel()
	pack, err := s.Pack(limited, at)
	switch {
	case ctx.Err() != nil: // readings cut short are no faults
	case err != nil:
		s.Log.Error("pack not made", "at", at, "err", err)
	default:
		s.hold(ctx, at)
		s.Sink.Put(pack)
	}
}

// hold waits until the pack stamped at may go. What is held goes at once when
// ctx ends.
func (s *Sampler) hold(ctx context.Context, at time.Time) {
	due, latest := at.Add(s.Jitter), s.Clock.Now().Add(s.Jitter)
	if due.After(latest) { // the clock was set back meanwhile
		due = latest
	}
	_ = s.Clock.SleepUntil(ctx, due)
}

// Spread returns the Jitter of a node: always the same, from 0 to less than nine
// tenths of the interval or of 10 s, whichever is shorter. Nodes with consecutive
// addresses, as a shelf has them, are spread evenly: neighbours by the golden
// ratio, so that any number of them leaves no gap much larger than the others.
func Spread(node wire.Node, interval time.Duration) time.Duration {
	mac, err := strconv.ParseUint(string(node), 16, 64)
	if err != nil {
		return 0 // no node of ours
	}
	const golden = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio
	share := float64(mac*golden) / (1 << 64)
	span := min(interval, 10*time.Second)
	return time.Duration(share * float64(span-span/10))
}

// Next returns the first instant after t that is a multiple of interval since
// the Unix epoch.
func Next(t time.Time, interval time.Duration) time.Time {
	since := time.Duration(t.UnixNano())
	return time.Unix(0, int64(since-since%interval+interval)).UTC()
}

// following returns the instant to sample after at: the next of the grid, or
// where the clock stands now if that was set meanwhile.
func (s *Sampler) following(at time.Time) time.Time {
	next := at.Add(s.Interval)
	now := s.Clock.Now()
	if ahead := next.Sub(now); ahead > 2*s.Interval || ahead <= -s.Interval {
		return Next(now, s.Interval)
	}
	return next
}

// Pack reads every sensor once and returns the pack, stamped at, which should be
// on the grid. A sensor that has not answered when ctx is done, or whose read of
// an earlier Pack still runs, costs its own readings and yields a fault;
// such faults are not logged if ctx was cancelled, for then nobody wants the pack.
//
// The readings come in the order of the source, then the node's seq, which
// counts packs from 1, and its boot. Given the same readings, seq and boot, the
// bytes are the same. The error says that the node's own name cannot be written.
func (s *Sampler) Pack(ctx context.Context, at time.Time) ([]byte, error) {
	var readings []wire.Reading
	if s.Inline {
		readings = s.readInline(ctx)
	} else {
		readings = s.readAll(ctx)
	}
	if extra := len(readings) - (senml.MaxRecords - 2); extra > 0 {
		s.Log.Warn("more readings than a pack may hold, the last are left out", "left out", extra)
		readings = readings[:senml.MaxRecords-2]
	}
	s.seq++
	node := s.Node.Device("")
	readings = append(readings,
		wire.Reading{Device: node, Quantity: wire.QuantitySeq, Value: float64(s.seq)},
		wire.Reading{Device: node, Quantity: wire.QuantityBoot, Text: s.Boot})
	for i := range readings {
		readings[i].Time = at
	}
	if s.Seen != nil {
		s.Seen(readings)
	}
	return s.encode(readings)
}

// encode leaves out readings that cannot be written: one broken sensor must not
// cost the pack.
func (s *Sampler) encode(readings []wire.Reading) ([]byte, error) {
	for {
		pack, err := wire.EncodePack(readings)
		var bad senml.BadRecord
		if err == nil || !errors.As(err, &bad) || bad.Index >= len(readings)-2 {
			return pack, err
		}
		s.Log.Error("reading left out", "name", readings[bad.Index].Name(), "err", bad.Err)
		readings = append(readings[:bad.Index], readings[bad.Index+1:]...)
	}
}

func (s *Sampler) readInline(ctx context.Context) []wire.Reading {
	var all []wire.Reading
	for _, sensor := range s.Source.Sensors() {
		readings, err := sensor.Read(ctx)
		all = append(all, readings...)
		if err != nil {
			all = append(all, rejected(sensor.Name(), err))
		}
	}
	return all
}

// rejected is the reading that stands for a rejected sample of a sensor.
func rejected(name string, err error) wire.Reading {
	device, _, ok := wire.SplitName(name)
	if !ok {
		device = name
	}
	return wire.Reading{Device: device, Quantity: wire.QuantityFault, Text: reason(err)}
}

func reason(err error) string {
	if why, ok := fault.Of(err); ok {
		return why
	}
	return wire.FaultNoDevice
}
