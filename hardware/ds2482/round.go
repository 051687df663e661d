package ds2482

import (
	"context"
	"fmt"
	"slices"
	"time"

	"thermarack/hardware/fault"
	"thermarack/hardware/onewire"
)

// How long parts convert: 750 ms at 12 bits, by the datasheets. On external power
// they say when they are done, so a clone with 14 bits, which takes twice as long,
// is waited for.
const (
	conversion = 750 * time.Millisecond
	overtime   = time.Second
	asking     = 50 * time.Millisecond // between two questions whether they are done
)

// ROM commands and those of the thermometers, from their datasheets.
const (
	searchROM       = 0xf0
	matchROM        = 0x55
	skipROM         = 0xcc
	convertT        = 0x44
	readScratchpad  = 0xbe
	readPowerSupply = 0xb4
)

// A Result is one reading: a temperature in °C, or why there is none.
type Result struct {
	Probe   Probe
	Celsius float64 // -55 to 125
	Err     error
}

// ReadAll reads probes on all lines, and returns a Result for each in their
// order. All probes of a line convert at once, and lines on external power do so
// side by side: it takes 750 ms and some 25 ms a probe on a bus of 100 kHz. Each
// line on which a probe takes its power from the data wire costs 750 ms more but
// for the first, because it is powered while nothing else happens.
//
// Whatever goes wrong costs the probe or the line that it happens to. An Err wraps
// a fault.Error if the bridge, the bus or a part is to blame; its reason is
// timeout once the deadline of ctx has passed, and stale if a line on which
// conversions used to be seen shows none, or one that does not end. That a single
// probe among others did not hear the command cannot be seen, unless it has lost
// its power and tells its power-on value. Any other Err says that ctx was
// cancelled or that the probe is no thermometer.
func (b *Bridge) ReadAll(ctx context.Context, probes []Probe) []Result {
	results := make([]Result, len(probes))
	for i, p := range probes {
		results[i].Probe = p
	}
	lines := byLine(results)
	if err := b.acquire(ctx); err != nil {
		for _, l := range lines {
			l.fail(err)
		}
		return results
	}
	defer b.release()

	// External power first, all lines at once; then, with their wait shared by
	// the first, one line after another that must be powered meanwhile.
	var converting, parasites []*line
	for _, l := range lines {
		switch external, err := b.start(ctx, l); {
		case err != nil:
			l.fail(err)
		case external:
			converting = append(converting, l)
		default:
			parasites = append(parasites, l)
		}
	}
	for len(converting)+len(parasites) > 0 {
		var powered *line
		if len(parasites) > 0 {
			powered, parasites = parasites[0], parasites[1:]
		}
		b.finish(ctx, converting, powered)
		converting = nil
	}
	return results
}

// A line is one line in a round.
type line struct {
	channel int
	probes  []*Result
}

// byLine groups the results by channel, in its order, and fails those whose
// probe is nothing to be read.
func byLine(results []Result) []*line {
	var lines []*line
	for i := range results {
		r := &results[i]
		err := check(r.Probe.ROM)
		if err == nil && r.Probe.ROM.Part() == "" {
			err = fmt.Errorf("family %02x is no known thermometer", r.Probe.ROM.Family())
		}
		if err != nil {
			r.Err = fmt.Errorf("ds2482: channel %d: %w", r.Probe.Channel, err)
			continue
		}
		at, found := slices.BinarySearchFunc(lines, r.Probe.Channel, func(l *line, channel int) int { return l.channel - channel })
		if !found {
			lines = slices.Insert(lines, at, &line{channel: r.Probe.Channel})
		}
		lines[at].probes = append(lines[at].probes, r)
	}
	return lines
}

func (l *line) fail(err error) {
	for _, r := range l.probes {
		r.Err = err
	}
}

// start finds out how the probes on a line are powered and, if none lives on the
// data wire, makes them convert.
func (b *Bridge) start(ctx context.Context, l *line) (external bool, err error) {
	err = b.visit(ctx, l.channel, func() error {
		if err := b.address(ctx, skipROM, readPowerSupply); err != nil {
			return err
		}
		var err error
		if external, err = b.readBit(ctx); err != nil || !external {
			return err
		}
		if err := b.address(ctx, skipROM, convertT); err != nil {
			return err
		}
		done, err := b.readBit(ctx)
		switch {
		case err != nil:
			return err
		case !done:
			b.busy[l.channel] = true
		case b.busy[l.channel]: // else these are clones that never tell
			return fault.New(fault.Stale, "no part has begun to convert; check cable and pull-up")
		}
		return nil
	})
	return external, err
}

// finish makes the probes of powered convert, if there is one, waits for all
// conversions and reads the probes.
func (b *Bridge) finish(ctx context.Context, converting []*line, powered *line) {
	if powered != nil {
		if err := b.power(ctx, powered); err != nil {
			powered.fail(err)
			powered = nil
		}
	}
	if powered == nil && len(converting) == 0 {
		return
	}
	err := wait(ctx, conversion)
	if powered != nil {
		converting = append(converting, powered)
		b.unpower(powered)
	}
	for _, l := range converting {
		if err != nil {
			l.fail(fmt.Errorf("ds2482: 0x%02x channel %d: %w", b.addr, l.channel, err))
			continue
		}
		if l != powered {
			if err := b.settle(ctx, l); err != nil {
				l.fail(err)
				continue
			}
		}
		for _, r := range l.probes {
			b.read(ctx, r)
		}
	}
}

// power makes the probes of a line convert and feeds them: within 10 µs of the
// command the line is held high, until the next one.
func (b *Bridge) power(ctx context.Context, l *line) error {
	return b.visit(ctx, l.channel, func() error {
		if err := b.address(ctx, skipROM); err != nil {
			return err
		}
		if err := b.configure(ctx, activePullUp|strongPullUp); err != nil {
			return err
		}
		return b.writeByte(ctx, convertT)
	})
}

// unpower ends what power began by a reset of the bridge, also when the round
// was cancelled: else the line would stay hard against the supply until the next
// one. If it fails, the next visit tries again.
func (b *Bridge) unpower(l *line) {
	b.ready = false
	_ = b.visit(context.Background(), l.channel, func() error { return nil })
}

// settle waits for parts that still convert.
func (b *Bridge) settle(ctx context.Context, l *line) error {
	return b.visit(ctx, l.channel, func() error {
		for range overtime / asking {
			done, err := b.readBit(ctx)
			if err != nil || done {
				return err
			}
			if err := wait(ctx, asking); err != nil {
				return err
			}
		}
		if err := b.resetLine(ctx); err != nil {
			return err // the better reason: the line is low for good
		}
		return fault.New(fault.Stale, "a part still converts after %v; check the supply of the probes", conversion+overtime)
	})
}

// read reads one probe, whose conversion has ended.
func (b *Bridge) read(ctx context.Context, r *Result) {
	rom := r.Probe.ROM
	r.Err = b.visit(ctx, r.Probe.Channel, func() (err error) {
		r.Celsius, err = b.scratchpad(ctx, rom)
		if err != nil {
			return fmt.Errorf("read %s: %w", rom, err)
		}
		return nil
	})
}

// scratchpad reads and decodes the memory of one probe.
func (b *Bridge) scratchpad(ctx context.Context, rom onewire.ROM) (celsius float64, err error) {
	command := [10]byte{0: matchROM, 9: readScratchpad}
	copy(command[1:9], rom[:])
	if err := b.address(ctx, command[:]...); err != nil {
		return 0, err
	}
	var pad [9]byte
	for i := range pad {
		if pad[i], err = b.readByte(ctx); err != nil {
			return 0, err
		}
	}
	return onewire.DecodeScratchpad(rom.Family(), pad)
}
