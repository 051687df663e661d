package parts

import (
	"time"

	"thermarack/hardware/i2c/i2ctest"
)

// A Make is a kind of LM75.
type Make int

// The makes, by what their unused registers and reserved bits do.
const (
	TMP75      Make = iota // 9 to 12 bits; registers repeat every four
	QEMUTMP105             // the same, as QEMU does it: no time passes, a stale byte behind the configuration
	National               // 9 bits, the others undefined; unused registers give what was read last
	LM75A                  // 9 bits; a revision in register 7
	NXP                    // 11 bits; registers repeat every four
	Strict                 // 9 bits; refuses unused registers
)

// An LM75 is a thermometer of that family.
type LM75 struct {
	Make      Make
	Celsius   float64 // of the air
	Config    byte
	Low, High uint16
	Gone      bool
	Writes    int // to the configuration
	Abused    int // those that set reserved bits
	Short     int // reads of one byte of two, which may hold the bus

	pointer byte
	last    uint16 // what was read last
	shown   uint16 // the temperature register
	since   time.Time
}

// NewLM75 returns a part that has had its power for long.
func NewLM75(kind Make, celsius float64) *LM75 {
	p := &LM75{Make: kind, Celsius: celsius}
	p.PowerCycle()
	p.since = time.Time{}
	return p
}

// PowerCycle puts the part in the state after power-on.
func (p *LM75) PowerCycle() {
	p.Config, p.Low, p.High, p.shown, p.pointer = 0, 75<<8, 80<<8, 0, 0
	p.since = time.Now()
}

// Tx runs one transaction.
func (p *LM75) Tx(_ uint16, w, r []byte) error {
	if p.Gone {
		return i2ctest.NoAck
	}
	p.convert()
	if len(w) > 0 {
		if p.Make == Strict && w[0] > 3 {
			return i2ctest.NoAck
		}
		p.pointer = w[0]
	}
	if len(w) > 1 && p.pointer == 1 {
		p.configure(w[1])
	}
	if len(r) > 0 {
		p.read(r)
	}
	return nil
}

// configure takes a new configuration, which starts a conversion.
func (p *LM75) configure(config byte) {
	p.Writes++
	if p.Make > QEMUTMP105 && config&0xe0 != 0 {
		p.Abused++
		config &= 0x1f
	}
	p.Config = config &^ 0x80
	p.since = time.Now()
}

// convert updates the temperature if a conversion has passed since it could.
func (p *LM75) convert() {
	if p.Config&1 == 0 && time.Since(p.since) >= p.duration() || p.Make == QEMUTMP105 {
		bits := p.bits()
		p.shown = steps(p.Celsius, 256/float64(int(1)<<bits)) << (16 - bits)
	}
}

// bits is how many the temperature has.
func (p *LM75) bits() int {
	switch p.Make {
	case NXP:
		return 11
	case TMP75, QEMUTMP105:
		return 9 + int(p.Config>>5&3)
	}
	return 9
}

// duration is how long a conversion takes.
func (p *LM75) duration() time.Duration {
	if p.Make == TMP75 {
		return 37500 * time.Microsecond << (p.bits() - 9) // the longest that the datasheet allows
	}
	return 100 * time.Millisecond
}

// read fills r from the register that the pointer selects.
func (p *LM75) read(r []byte) {
	switch p.register() {
	case 0:
		p.last = p.shown
		if p.Make == National {
			p.last |= 0x2a // undefined bits
		}
	case 1:
		p.last = uint16(p.Config)<<8 | p.second()
	case 2:
		p.last = p.Low
	case 3:
		p.last = p.High
	case 7:
		if p.Make == LM75A {
			p.last = 0xa1ff
			break
		}
		fallthrough
	default:
		if p.Make == LM75A {
			p.last = 0xffff
		}
	}
	if len(r) == 1 && p.register() != 1 {
		p.Short++
	}
	fill(r, p.last)
}

// register is the one that the pointer selects.
func (p *LM75) register() byte {
	if p.Make == National || p.Make == LM75A {
		return p.pointer & 7
	}
	return p.pointer & 3
}

// second is the byte behind the configuration.
func (p *LM75) second() uint16 {
	if p.Make == QEMUTMP105 {
		return p.last & 0xff
	}
	return uint16(p.Config)
}
