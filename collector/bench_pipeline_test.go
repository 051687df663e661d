package main_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"thermarack/collector/internal/benchload"
)

// A pipeline is one way that values take from MQTT to where they can be asked for:
// ours, or what a user would run instead.
type pipeline struct {
	name   string
	encode benchload.Encoding
	open   func(b *testing.B) *opened
}

// An opened pipeline runs on data of its own until close.
type opened struct {
	mqtt  string  // address of its broker
	parts []*part // the broker first, if it is one of its own; what takes from it last

	// ready tells why a collector cannot take readings yet, or nil; only ours has it.
	ready func() error
	// arrived tells whether every value of a plan can be asked for. It is called
	// again and again, and should cost little.
	arrived func(p benchload.Plan) bool
	// seen returns the stamps, in Unix milliseconds, of the prober's values since a
	// time.
	seen func(b *testing.B, since time.Time) []int64
	// audit counts which values of a plan are missing, and which are there more
	// than once, of the agents from first on, or of all where that costs no more.
	audit func(b *testing.B, p benchload.Plan, first int) (missing, twice int)
}

// A part is one program of a pipeline. It can be ended and begin again, on its
// data and its addresses.
type part struct {
	*daemon
	begin func(b *testing.B) *daemon
	spent time.Duration // CPU until the last mark
}

func newPart(b *testing.B, begin func(b *testing.B) *daemon) *part {
	b.Helper()
	return &part{daemon: begin(b), begin: begin}
}

// name is that of the program.
func (p *part) name() string { return filepath.Base(p.cmd.Path) }

func (p *part) again(b *testing.B) {
	b.Helper()
	p.daemon, p.spent = p.begin(b), 0
}

// consumer is the part that takes from the broker, or is it.
func (o *opened) consumer() *part { return o.parts[len(o.parts)-1] }

func (o *opened) close() {
	for i := range o.parts {
		o.parts[len(o.parts)-1-i].stop()
	}
}

// mark is where addCPU counts from; a part that begins again after it counts from
// its beginning.
func (o *opened) mark(b *testing.B) {
	b.Helper()
	for _, p := range o.parts {
		p.mark(b)
	}
}

func (p *part) mark(b *testing.B) {
	b.Helper()
	p.spent = p.use(b).cpu
}

// addCPU adds what the programs have taken since the mark for so many values: all
// together and, where there are several, each.
func (o *opened) addCPU(b *testing.B, figures tally, values int) {
	b.Helper()
	sum := 0.0
	for _, p := range o.parts {
		took := (p.use(b).cpu - p.spent).Seconds() / float64(values) * 1e6
		if sum += took; len(o.parts) > 1 {
			figures.add("CPU-s/Mvalue-"+p.name(), took)
		}
	}
	figures.add("CPU-s/Mvalue", sum)
}

// peak is what the programs have had of memory at most, each at its time, in MB.
func (o *opened) peak(b *testing.B) (sum float64) {
	b.Helper()
	for _, p := range o.parts {
		sum += p.use(b).peak
	}
	return sum
}

// wait returns when every value of a plan can be asked for.
func (o *opened) wait(b *testing.B, p benchload.Plan) {
	b.Helper()
	until(b, 5*time.Minute, "every value can be asked for", func() bool { return o.arrived(p) })
}

// check fails the benchmark unless all values of a plan are there, once: those of
// one agent of each connection.
func (o *opened) check(b *testing.B, p benchload.Plan) {
	b.Helper()
	if missing, twice := o.audit(b, p, p.Agents-p.Connections); missing > 0 || twice > 0 {
		b.Errorf("%d values missing, %d twice", missing, twice)
	}
}

// compare opens and runs each pipeline in turn, so many times, so that what else
// the machine does falls on all of them, and reports the figures of each.
func compare(b *testing.B, times int, contenders []pipeline, run func(b *testing.B, p pipeline, figures tally)) {
	b.Helper()
	figures := make([]tally, len(contenders))
	for range times {
		for i, p := range contenders {
			if figures[i] == nil {
				figures[i] = tally{}
			}
			run(b, p, figures[i])
		}
	}
	for i, p := range contenders {
		figures[i].report(b, p.name)
	}
}

// interval is how often an agent reports.
const interval = 10 * time.Second

// thousandAgents is the load of the comparisons.
func thousandAgents(b *testing.B, rounds int, encode benchload.Encoding) *benchload.Load {
	b.Helper()
	return load(b, benchload.Plan{Agents: 1000, Connections: 50, Rounds: rounds, Encode: encode})
}

// load encodes a plan whose last round is hardly over.
func load(b *testing.B, p benchload.Plan) *benchload.Load {
	b.Helper()
	p.Interval = interval
	p.First = time.Now().Truncate(interval).Add(-time.Duration(p.Rounds) * interval)
	made, err := benchload.New(p)
	if err != nil {
		b.Fatal(err)
	}
	return made
}

// publishAll sends a load at a rate, 0 for flat out, and returns when it began and
// when all was acknowledged.
func publishAll(b *testing.B, load *benchload.Load, addr string, rate float64) (begin, end time.Time) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
	defer cancel()
	if err := load.Connect(ctx, addr); err != nil {
		b.Fatal(err)
	}
	begin = time.Now()
	if err := load.Publish(ctx, rate); err != nil {
		b.Fatal(err)
	}
	end = time.Now()
	if err := load.Close(); err != nil {
		b.Fatal(err)
	}
	return begin, end
}
