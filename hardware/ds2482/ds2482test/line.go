package ds2482test

import (
	"math"
	"time"

	"thermarack/hardware/onewire"
)

// A Line is a 1-Wire line with its parts.
type Line struct {
	Probes  []*Probe
	Shorted bool
	// Noise, if set, returns what the bridge samples instead of the level.
	Noise func(level bool) bool

	fed bool // by the strong pull-up
}

// reset begins a conversation.
func (l *Line) reset() (present, shorted bool) {
	for _, p := range l.Probes {
		p.state, p.n, p.shift = romCommand, 0, 0
		present = present || !p.Gone
	}
	return present && !l.Shorted, l.Shorted
}

// slot is one bit on the line: what the bridge writes, and what it samples. A
// one is also a question, which any part answers with zero by pulling the line
// down.
func (l *Line) slot(now time.Time, bit bool) bool {
	high := bit && !l.Shorted
	for _, p := range l.Probes {
		high = high && (p.Gone || p.answer(now))
	}
	for _, p := range l.Probes {
		if !p.Gone {
			p.hear(now, high)
		}
	}
	if l.Noise != nil {
		return l.Noise(high)
	}
	return high
}

// byte is eight slots, the low bit first.
func (l *Line) byte(now time.Time, out byte) (in byte) {
	for i := range 8 {
		if l.slot(now, out>>i&1 == 1) {
			in |= 1 << i
		}
	}
	return in
}

// unfeed ends the strong pull-up. Parts that live on the line have converted if
// it lasted long enough.
func (l *Line) unfeed(now time.Time) {
	for _, p := range l.Probes {
		if p.Parasite && p.converting {
			p.end(l.fed && !now.Before(p.until))
		}
	}
	l.fed = false
}

// What a part does with the next slot.
type state int

const (
	silent state = iota // until the next reset
	romCommand
	searching
	matching
	functionCommand
	reading
	tellingPower
	converting
)

// A Probe is a thermometer, or another part, which has an address only.
type Probe struct {
	ROM      onewire.ROM
	Celsius  float64       // measured by the next conversion
	Takes    time.Duration // a conversion; 0: 600 ms, as most do
	Parasite bool          // lives on the data wire
	Gone     bool          // not connected
	Deaf     bool          // does not convert
	Clone    bool          // does not tell that it converts

	state      state
	n          int // bits of what is under way
	shift      byte
	pad        [9]byte // with zero in the last: the power-on value
	converting bool
	until      time.Time
	result     float64
}

// NewROM returns the address with a family code and a serial number.
func NewROM(family byte, serial uint32) onewire.ROM {
	rom := onewire.ROM{family, byte(serial), byte(serial >> 8), byte(serial >> 16), byte(serial >> 24)}
	rom[7] = onewire.CRC8(rom[:7])
	return rom
}

// PowerCycle makes the part forget what it has measured.
func (p *Probe) PowerCycle() { p.state, p.converting, p.pad = silent, false, [9]byte{} }

// own is bit n of the address.
func (p *Probe) own() bool { return p.ROM[p.n/8]>>(p.n%8)&1 == 1 }

// answer tells whether the part leaves the line high when it is asked.
func (p *Probe) answer(now time.Time) bool {
	switch p.state {
	case searching:
		switch p.shift {
		case 0:
			return p.own()
		case 1:
			return !p.own()
		}
	case reading:
		return p.pad[p.n/8]>>(p.n%8)&1 == 1
	case tellingPower:
		return !p.Parasite
	case converting:
		p.settle(now)
		return !p.converting || p.Clone
	}
	return true
}

// hear takes the level of a slot.
func (p *Probe) hear(now time.Time, high bool) {
	switch p.state {
	case romCommand, functionCommand:
		if p.command(high) {
			p.obey(now)
		}
	case searching:
		if p.shift++; p.shift == 3 {
			p.shift = 0
			p.follow(high)
		}
	case matching:
		p.follow(high)
	case reading:
		if p.n++; p.n == 8*len(p.pad) {
			p.state = silent
		}
	}
}

// command collects eight bits.
func (p *Probe) command(high bool) (whole bool) {
	if high {
		p.shift |= 1 << p.n
	}
	p.n++
	return p.n == 8
}

// follow goes on while the bits are those of the part's own address.
func (p *Probe) follow(high bool) {
	if high != p.own() {
		p.state = silent
		return
	}
	if p.n++; p.n == 64 {
		p.state, p.n, p.shift = functionCommand, 0, 0
	}
}

// obey begins what a command asks for.
func (p *Probe) obey(now time.Time) {
	command, was := p.shift, p.state
	p.state, p.n, p.shift = silent, 0, 0
	switch {
	case was == romCommand && command == 0xf0:
		p.state = searching
	case was == romCommand && command == 0x55:
		p.state = matching
	case was == romCommand && command == 0xcc:
		p.state = functionCommand
	case p.ROM.Part() == "": // knows no more
	case was == functionCommand && command == 0x44:
		p.convert(now)
	case was == functionCommand && command == 0xb4:
		p.state = tellingPower
	case was == functionCommand && command == 0xbe:
		p.settle(now)
		p.refresh()
		p.state = reading
	}
}

func (p *Probe) convert(now time.Time) {
	if p.Deaf {
		return
	}
	p.state, p.converting, p.result = converting, true, p.Celsius
	takes := p.Takes
	if takes == 0 {
		takes = 600 * time.Millisecond
	}
	p.until = now.Add(takes)
}

// settle ends a conversion on external power that has had its time.
func (p *Probe) settle(now time.Time) {
	if p.converting && !p.Parasite && !now.Before(p.until) {
		p.end(true)
	}
}

// end stores what was measured, or what remains if the supply fell meanwhile.
func (p *Probe) end(powered bool) {
	p.converting = false
	if !powered {
		p.fill(0x07ff, 0x0c)
		return
	}
	if p.ROM.Family() == 0x10 { // half degrees, and a counter for the rest
		whole := math.Floor(p.result + 0.25)
		p.fill(int(whole)*2, byte(16-math.Round((p.result+0.25-whole)*16)))
		return
	}
	raw := int(math.Round(p.result * 16))
	p.fill(raw, byte(0x10-raw&0xf))
}

// refresh puts the power-on value into a pad that was never filled.
func (p *Probe) refresh() {
	if p.pad != [9]byte{} {
		return
	}
	if p.ROM.Family() == 0x10 {
		p.fill(85*2, 0x0c)
		return
	}
	p.fill(85*16, 0x0c)
}

func (p *Probe) fill(raw int, six byte) {
	config := byte(0x7f)
	if p.ROM.Family() == 0x10 {
		config = 0xff
	}
	p.pad = [9]byte{byte(raw), byte(raw >> 8), 0x4b, 0x46, config, 0xff, six, 0x10}
	p.pad[8] = onewire.CRC8(p.pad[:8])
}
