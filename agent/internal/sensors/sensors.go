// Package sensors finds what a node can measure and makes sampler sensors of
// it: 1-Wire thermometers, I²C parts, thermal zones, hwmon chips, fans and the
// board's power.
package sensors

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"thermarack/agent/internal/sampler"
	"thermarack/agent/wire"
	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
	"thermarack/hardware/onewire"
	"thermarack/hardware/tach"
)

// A Part is one thing that was found. Its strings come from the host and are
// hostile until escaped.
type Part struct {
	Device  string         // its name on the wire, or "" if its value is not published
	What    string         // "DS18B20", "cpu-thermal", "pwmfan fan1"
	Bus     string         // "w1_bus_master1", "hwmon2", "thermal", "firmware"
	Address string         // on the bus: a ROM, a zone's directory, a channel's name
	Sensor  sampler.Sensor // reads it; nil if there is nothing to read
	Note    string         // why it is not published or not read, or what to know of it; mostly ""
}

// A Set is the parts of one node. It is safe for concurrent use.
type Set struct {
	root     fs.FS
	node     wire.Node
	log      *slog.Logger
	oneWire  *onewire.Reader // one for good: it knows which reads still hang
	throttle throttle
	overload overload
	i2c      *i2cHost

	tachometers []*tachometer
	past        past

	names    []string   // what moved has seen
	scanning sync.Mutex // held while parts are looked for

	mu    sync.Mutex
	parts []Part
}

// Options is where a Set looks. Root, Node and Log are needed.
type Options struct {
	Root fs.FS // the host's root
	Node wire.Node
	Log  *slog.Logger

	// Bulk lets all thermometers of a 1-Wire bus convert at once, the one thing
	// for which a file of the host is written. Nil if Root is only to be read.
	Bulk onewire.Opener

	// I2C opens a bus of the host, to look for parts that we know. Nil leaves the
	// buses alone.
	I2C func(number int) (i2c.Bus, error)

	Fans    []Fan                            // whose tachometers hang on GPIOs
	OpenPin func(gpio int) (tach.Pin, error) // takes one of them; needed with Fans
}

// New returns the parts of the host as they are now.
func New(o Options) *Set {
	s := &Set{root: o.Root, node: o.Node, log: o.Log, oneWire: onewire.NewReader(o.Root, o.Bulk)}
	s.throttle.root, s.throttle.name = o.Root, o.Node.Device("soc")+":"+wire.QuantityThrottled
	s.i2c = newI2CHost(o)
	s.tachometers = s.newTachometers(o)
	s.parts = s.find(true)
	return s
}

// find lists every part: 1-Wire, then thermal zones, throttling, PoE, I²C, fans
// and hwmon. Of the host's files it reads names only and starts no measurement, so
// it cannot hang on one; the I²C buses are searched, or not, as i2cHost says.
func (s *Set) find(search bool) []Part {
	return slices.Concat(s.findOneWire(), s.findZones(), s.findThrottled(), s.findPoE(),
		s.i2c.find(search), s.findTachometers(), s.findHwmon())
}

// Parts returns everything that was found, also what cannot be read.
func (s *Set) Parts() []Part {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.parts)
}

// Sensors returns the sensors of the parts that are published, in a stable
// order.
func (s *Set) Sensors() []sampler.Sensor {
	var list []sampler.Sensor
	for _, p := range s.Parts() {
		if p.Device != "" && p.Sensor != nil {
			list = append(list, believed{p.Sensor, &s.past})
		}
	}
	return list
}

// Inventory returns the published parts as the inventory message lists them.
func (s *Set) Inventory() []wire.Part {
	var list []wire.Part
	for _, p := range s.Parts() {
		if p.Device != "" {
			list = append(list, wire.Part{Device: p.Device, Part: p.What, Bus: p.Bus})
		}
	}
	return list
}

// The kernel searches its 1-Wire buses every 10 s and gives a lost part up after
// 100 s; a minute follows that closely enough. What is looked at then are names of
// directories; every fifth time, and where they are others, all of it. The throttled word must be seen
// every 2 s, since the kernel's rpi_volt driver clears it that often, or whenever
// the kernel says that it has changed.
//
// The I²C buses are searched after the first minute, for what was slow to start,
// and then with every fifth rescan: each address costs a transaction that wakes the
// host, behind a multiplexer four on every channel.
const (
	rescanEvery = time.Minute
	searchEvery = 5 // rescans
	pollEvery   = 2 * time.Second
)

// moved tells whether directories in which parts appear list other names than at
// the call before.
func (s *Set) moved() bool {
	var names []string
	for _, dir := range []string{w1Devices, "sys/class/hwmon", "sys/class/thermal", "sys/class/power_supply", "sys/bus/i2c/devices"} {
		entries, err := fs.ReadDir(s.root, dir)
		if err != nil {
			entries = nil // looking at it closely says why
		}
		names = append(names, dir)
		for _, e := range entries {
			names = append(names, e.Name())
		}
	}
	same := slices.Equal(s.names, names)
	s.names = names
	return !same
}

// Run looks for parts that came or went every minute, on I²C every five, and
// gathers the throttled word as it changes, until ctx is done; it then returns nil. changed is called, never twice at a time, whenever Inventory has become
// another.
func (s *Set) Run(ctx context.Context, changed func()) error {
	s.overload.owned.Store(true)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return apart(ctx, func(do func(func())) { s.throttle.follow(ctx, func() { do(s.throttle.poll) }) })
	})
	rescans := 0
	find := func(search bool) {
		if s.rescan(search) {
			changed()
		}
	}
	g.Go(func() error {
		return apart(ctx, func(do func(func())) {
			every(ctx, rescanEvery, func() {
				search := rescans%searchEvery == 0
				rescans++
				do(func() {
					if moved := s.moved(); moved || search {
						find(search)
					}
				})
			})
		})
	})
	g.Go(func() error { return s.await(ctx, func() { find(false) }) })
	return g.Wait()
}

// await calls do whenever a search of a bus has ended that was not waited for,
// until ctx is done.
func (s *Set) await(ctx context.Context, do func()) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.i2c.late:
			do()
		}
	}
}

// apart runs work in a goroutine of its own until ctx is done. It does not wait for
// a job that work does then: a file that hangs must not hold up a stop. No job
// begins afterwards.
func apart(ctx context.Context, work func(do func(job func()))) error {
	turn := make(chan struct{}, 1) // holds an element while a job may begin
	turn <- struct{}{}
	go work(func(job func()) {
		select {
		case <-turn:
			job()
			turn <- struct{}{}
		default: // ctx is done
		}
	})
	<-ctx.Done()
	select {
	case <-turn:
	default: // a job is under way, and stays the last
	}
	return nil
}

// every calls job again and again until ctx is done.
func every(ctx context.Context, d time.Duration, job func()) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			job()
		}
	}
}

// Rescan finds the parts again and tells whether Inventory has become another.
func (s *Set) Rescan() bool { return s.rescan(true) }

// rescan is Rescan, with a search of the I²C buses or without.
func (s *Set) rescan(search bool) bool {
	s.scanning.Lock()
	defer s.scanning.Unlock()
	before, parts := s.Inventory(), s.find(search)
	s.mu.Lock()
	s.parts = parts
	s.mu.Unlock()
	after := s.Inventory()
	if slices.Equal(before, after) {
		return false
	}
	s.log.Info("parts changed", "before", len(before), "now", len(after))
	return true
}

// hostFault gives an error of reading a file its reason, unless it has one: the
// part's silence if the kernel says so, and otherwise a value that nobody can use.
func hostFault(err error) error {
	if _, ok := fault.Of(err); ok {
		return err
	}
	var errno syscall.Errno
	reason := fault.Range
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		reason = fault.Timeout
	case errors.As(err, &errno), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission),
		errors.Is(err, fs.ErrInvalid):
		reason = fault.NoDevice
	}
	return fault.New(reason, "%v", err)
}
