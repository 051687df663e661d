package sensors

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"thermarack/agent/internal/sampler"
	"thermarack/agent/wire"
	"thermarack/hardware/i2c"
)

const (
	// searchWait is how long a listing waits for the buses: a whole search of a
	// healthy one takes a tenth of it.
	searchWait = 3 * time.Second
	// behindWait is how long a search behind a bridge may take: 40 ms a probe.
	// Readings wait for it, which have 9 s at the usual interval.
	behindWait = 7 * time.Second
	// lostAfter is how many searches in a row must miss a part until it is no
	// longer listed. Until then it is rejected as no-device, so that somebody
	// hears of it.
	lostAfter = 3
)

// An i2cHost is the host's I²C buses and what hangs on them.
//
// Searching touches the buses, and one that a broken part holds low answers each
// transaction after a second only. So each bus is searched on its own, at most
// once at a time, given up at the first sign of being stuck, and not waited for
// longer than searchWait: what it brings later is told by late.
type i2cHost struct {
	root  fs.FS
	node  wire.Node
	open  func(number int) (i2c.Bus, error) // nil: the buses are left alone
	kinds []kind
	late  chan struct{} // holds one value after a search has ended that was not waited for

	mu    sync.Mutex
	buses map[int]*i2cBus
}

// newI2CHost returns the buses of a host, none of which has been searched.
func newI2CHost(o Options) *i2cHost {
	return &i2cHost{
		root: o.Root, node: o.Node, open: o.I2C, kinds: i2cKinds(o.Node), late: make(chan struct{}, 1), buses: map[int]*i2cBus{},
	}
}

// find searches the buses, or does not, and lists what hangs on them, in the order
// of their numbers.
func (h *i2cHost) find(search bool) []Part {
	if h.open == nil {
		return nil
	}
	numbers, err := i2c.Numbers(h.root)
	if err != nil {
		return []Part{{What: "I²C", Bus: "i2c", Address: "dev", Note: err.Error()}}
	}
	ctx, cancel := context.WithTimeout(context.Background(), searchWait)
	defer cancel()
	var searched []*i2cBus
	for _, n := range numbers {
		b := h.bus(n)
		if isDisplay(b.name) {
			continue
		}
		if search {
			b.search(h)
		}
		searched = append(searched, b)
	}
	var parts []Part
	for _, b := range searched {
		parts = append(parts, b.list(ctx, h.node)...)
	}
	return parts
}

func (h *i2cHost) bus(n int) *i2cBus {
	h.mu.Lock()
	defer h.mu.Unlock()
	b, ok := h.buses[n]
	if !ok {
		b = &i2cBus{number: n, name: i2c.Name(h.root, n), idle: closed()}
		h.buses[n] = b
	}
	return b
}

func closed() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// isDisplay tells whether a bus leads to a monitor or a memory module, by the
// name that its driver gives it. No probe hangs there, and a monitor may take a
// stray write amiss.
func isDisplay(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"hdmi", "ddc", "dpaux", "dp aux", "i915", "amdgpu", "nvidia", "smbus"},
		func(word string) bool { return strings.Contains(name, word) })
}

// An i2cBus is one bus of the host.
type i2cBus struct {
	number int
	name   string // of the kernel

	mu    sync.Mutex
	idle  chan struct{} // closed while no search is under way
	bus   i2c.Bus       // nil until it could be opened; shared, see pca9548.Share, by all that was ever found
	parts []*i2cPart
	note  string // what keeps the bus from being searched
	late  bool   // the search under way is not waited for
}

// busy tells whether a search is under way. The caller holds mu.
func (b *i2cBus) busy() bool {
	select {
	case <-b.idle:
		return false
	default:
		return true
	}
}

// search begins a search unless one is under way.
func (b *i2cBus) search(h *i2cHost) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.busy() {
		return
	}
	idle := make(chan struct{})
	b.idle = idle
	s := search{host: h, number: b.number, known: map[string]*i2cPart{}}
	for _, p := range b.parts {
		s.known[p.seat.String()] = p
	}
	go func() {
		note := ""
		if err := s.run(b); err != nil {
			note = err.Error()
		}
		b.mu.Lock()
		b.parts, b.note = s.found, note
		late := b.late
		b.late = false
		close(idle) // under mu, or list could still call it late
		b.mu.Unlock()
		if late {
			h.tell()
		}
	}()
}

// tell says that a search has ended which was not waited for.
func (h *i2cHost) tell() {
	select {
	case h.late <- struct{}{}:
	default: // nobody has listened since the last one
	}
}

// list returns what the bus has when its search has ended, or ctx.
func (b *i2cBus) list(ctx context.Context, node wire.Node) []Part {
	b.mu.Lock()
	idle := b.idle
	b.mu.Unlock()
	bus := fmt.Sprintf("i2c-%d", b.number)
	late := false
	select {
	case <-idle:
	case <-ctx.Done():
		late = true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.late = late && b.busy()
	var parts []Part
	for _, p := range b.parts {
		parts = append(parts, p.list(node)...)
	}
	switch {
	case late:
		parts = append(parts, Part{What: "I²C bus", Bus: bus, Address: bus, Note: "the bus answers very slowly; a part may hold it low: check wires and pull-ups"})
	case b.note != "":
		parts = append(parts, Part{What: "I²C bus", Bus: bus, Address: bus, Note: b.note})
	}
	return parts
}

// A seat is an address on a bus, or on a channel of a multiplexer.
type seat struct {
	bus  i2c.Bus
	name string // "i2c1", "i2c1-70-3"
	addr uint16
}

// String returns the seat as the wire names it, "i2c1-48".
func (s seat) String() string { return fmt.Sprintf("%s-%02x", s.name, s.addr) }

// An i2cPart is one part that was found.
type i2cPart struct {
	seat    seat
	match   i2c.Match
	owner   string // the kernel's driver, if that has it; nothing is attached then
	what    attachment
	bridged []bridgedPart
	trouble string // why the last look behind the bridge failed
	missing int    // searches in a row that did not find it
}

// An attachment is what a part gives. Its fields may all be nil.
type attachment struct {
	sensor   *i2cSensor
	channels []i2c.Bus                                 // behind a multiplexer, shared
	search   func(ctx context.Context) ([]Part, error) // 1-Wire parts behind a bridge
}

// list returns the part as a person and the sampler see it.
func (p *i2cPart) list(node wire.Node) []Part {
	row := Part{What: p.match.Part, Bus: p.seat.name, Address: fmt.Sprintf("0x%02x", p.seat.addr), Note: p.note()}
	if p.what.sensor != nil {
		row.Device, row.Sensor = node.Device(p.seat.String()), p.what.sensor
	}
	rows := []Part{row}
	for _, b := range p.bridged {
		rows = append(rows, b.Part)
	}
	if p.trouble != "" {
		rows = append(rows, Part{What: p.match.Part, Bus: p.seat.name, Address: p.seat.String(), Note: p.trouble})
	}
	return rows
}

func (p *i2cPart) note() string {
	switch {
	case p.owner != "":
		return "the kernel's driver " + p.owner + " has it; what it measures is read through hwmon"
	case p.match.Sure == i2c.Certain:
		return ""
	case p.match.Sure == i2c.Possible:
		return "not read, for it is only possibly one: " + p.match.Why
	}
	return p.match.Sure.String() + ": " + p.match.Why
}

// An i2cSensor reads one part.
type i2cSensor struct {
	name   string // of the record that stands for the part
	read   func(context.Context) ([]wire.Reading, error)
	failed atomic.Bool // the last read
}

var _ sampler.Sensor = (*i2cSensor)(nil)

// Name returns the record name of the part's first quantity.
func (s *i2cSensor) Name() string { return s.name }

// Read measures once.
func (s *i2cSensor) Read(ctx context.Context) ([]wire.Reading, error) {
	readings, err := s.read(ctx)
	s.failed.Store(err != nil)
	if err != nil {
		return readings, hostFault(err)
	}
	return readings, nil
}
