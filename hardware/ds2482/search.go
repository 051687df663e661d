package ds2482

import (
	"context"
	"errors"
	"fmt"

	"thermarack/hardware/fault"
	"thermarack/hardware/onewire"
)

// Bounds of a search. A line with more parts than that has no signal left.
const (
	maxParts    = 128
	searchTries = 3
)

// errSilent is what a search returns when nobody has the address that it has
// followed up to here.
var errSilent error = fault.New(fault.CRC, "the parts fell silent during the search; check cable and pull-up")

// Search returns the 1-Wire parts on all lines, line by line, in the order of
// the search algorithm. A line without parts has none, and no error. Parts that
// are no thermometers are listed too: their ROM.Part is "".
//
// A line is searched up to three times if it is disturbed. If that does not help
// the parts of the others are good beside the error, which names the first such
// line and their number. The error wraps a fault.Error if the bridge, the bus or
// a line is to blame.
//
// It takes some 40 ms a part on a bus of 100 kHz, and waits for a round of
// readings that is under way.
func (b *Bridge) Search(ctx context.Context) ([]Probe, error) {
	if err := b.acquire(ctx); err != nil {
		return nil, err
	}
	defer b.release()
	b.lines, b.busy = 0, [8]bool{}
	var probes []Probe
	var bad []error
	for channel := 0; channel < max(b.lines, 1); channel++ { // the first visit counts the lines
		roms, err := b.searchLine(ctx, channel)
		if err != nil {
			bad = append(bad, err)
		}
		for _, rom := range roms {
			probes = append(probes, Probe{channel, rom})
		}
	}
	if len(bad) > 0 {
		return probes, fmt.Errorf("ds2482: %d of %d channels could not be searched, the first: %w", len(bad), max(b.lines, 1), bad[0])
	}
	return probes, nil
}

// searchLine searches one line, again if it is disturbed.
func (b *Bridge) searchLine(ctx context.Context, channel int) (roms []onewire.ROM, err error) {
	for range searchTries {
		err = b.visit(ctx, channel, func() (err error) {
			roms, err = b.walk(ctx)
			return err
		})
		if why, ok := fault.Of(err); !ok || why == fault.Timeout {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return roms, nil
}

// A trail is what a pass of the search leaves for the next.
type trail struct {
	rom  onewire.ROM // found
	fork int         // the last bit at which it took the 0 of a fork; -1 if there is none
}

// walk finds the parts on the line: each pass one, whose address follows that of
// the one before up to its last fork, and takes the 1 there.
//
// Source: application note 187.
func (b *Bridge) walk(ctx context.Context) ([]onewire.ROM, error) {
	var roms []onewire.ROM
	t := trail{fork: -1}
	for len(roms) == 0 || t.fork >= 0 {
		if len(roms) == maxParts {
			return nil, fault.New(fault.CRC, "more than %d parts on one line; check cable and pull-up", maxParts)
		}
		err := b.address(ctx, searchROM)
		if len(roms) == 0 && errors.Is(err, errAbsent) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if t, err = b.pass(ctx, t); err != nil {
			return nil, err
		}
		roms = append(roms, t.rom)
	}
	return roms, nil
}

// pass finds the part after that of last. Its way must be that of last up to the
// fork: if it is not, a part came, went or was misread.
func (b *Bridge) pass(ctx context.Context, last trail) (trail, error) {
	next := trail{fork: -1}
	for i := range 64 {
		before := last.rom[i/8]>>(i%8)&1 == 1
		bit, fork, err := b.triplet(ctx, i == last.fork || i < last.fork && before)
		switch {
		case err != nil:
			return trail{}, err
		case i < last.fork && bit != before, i == last.fork && !fork:
			return trail{}, fault.New(fault.CRC, "the parts changed during the search; check cable and pull-up")
		case bit:
			next.rom[i/8] |= 1 << (i % 8)
		case fork:
			next.fork = i
		}
	}
	return next, check(next.rom)
}

// check rejects an address that no part has.
func check(rom onewire.ROM) error {
	switch {
	case rom == onewire.ROM{}:
		return fault.New(fault.Zeros, "the address is all zeros; check the line for a short")
	case onewire.CRC8(rom[:]) != 0:
		return fault.New(fault.CRC, "address %s does not end in its checksum; check cable and pull-up", rom)
	}
	return nil
}
