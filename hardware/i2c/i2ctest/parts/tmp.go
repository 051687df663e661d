package parts

import (
	"encoding/binary"
	"time"

	"thermarack/hardware/i2c/i2ctest"
)

// A TMP102 is a thermometer with a configuration of sixteen bits.
type TMP102 struct {
	Celsius   float64 // of the air
	Config    uint16
	Low, High uint16
	Gone      bool
	Writes    int // of any register
	Slow      time.Duration

	pointer byte
	shown   uint16
	since   time.Time
}

// NewTMP102 returns a part that has had its power for long.
func NewTMP102(celsius float64) *TMP102 {
	p := &TMP102{Celsius: celsius}
	p.PowerCycle()
	p.since = time.Time{}
	return p
}

// PowerCycle puts the part in the state after power-on.
func (p *TMP102) PowerCycle() {
	p.Config, p.Low, p.High, p.shown, p.pointer = 0x60a0, 75<<8, 80<<8, 0, 0
	p.since = time.Now()
}

// Tx runs one transaction.
func (p *TMP102) Tx(_ uint16, w, r []byte) error {
	if p.Gone {
		return i2ctest.NoAck
	}
	p.convert()
	if len(w) > 0 {
		p.pointer = w[0] & 3
	}
	if len(w) == 3 && p.pointer == 1 {
		p.configure(binary.BigEndian.Uint16(w[1:]))
	}
	fill(r, [4]uint16{p.shown, p.Config, p.Low, p.High}[p.pointer])
	return nil
}

// configure takes a new configuration; the resolution and the alert are read only.
func (p *TMP102) configure(config uint16) {
	p.Writes++
	asleep := config&(1<<8) != 0
	if asleep && config&(1<<15) != 0 || !asleep && p.Config&(1<<8) != 0 {
		p.since = time.Now()
	}
	p.Config = config&0x1fd0 | 0x6020
}

// convert updates the temperature if a conversion has passed since it could. A
// part that sleeps converts once, if since says so, and marks it.
func (p *TMP102) convert() {
	asleep := p.Config&(1<<8) != 0
	if p.since.IsZero() && asleep || time.Since(p.since) < 35*time.Millisecond+p.Slow {
		return
	}
	if asleep {
		p.since = time.Time{}
		p.Config |= 1 << 15
	}
	if p.Config&(1<<4) != 0 {
		p.shown = steps(p.Celsius, 1./16)<<3 | 1
		return
	}
	p.shown = steps(min(p.Celsius, 127.9375), 1./16) << 4
}

// A TMP117 is a thermometer with an ID and an EEPROM.
type TMP117 struct {
	Celsius  float64 // of the air
	Config   uint16
	Unlocked bool
	ID       uint16
	Gone     bool
	Writes   int // of any register
	Burned   int // those that went to the EEPROM

	pointer byte
	shown   uint16
	since   time.Time
	loaded  time.Time // when the EEPROM is no longer busy
}

// NewTMP117 returns a part that has had its power for long.
func NewTMP117(celsius float64) *TMP117 {
	p := &TMP117{Celsius: celsius, ID: 0x0117}
	p.PowerCycle()
	p.since, p.loaded = time.Time{}, time.Time{}
	return p
}

// PowerCycle puts the part in the state after power-on.
func (p *TMP117) PowerCycle() {
	p.Config, p.shown, p.pointer, p.Unlocked = 0x0220, 0x8000, 0, false
	p.since = time.Now()
	p.loaded = p.since.Add(1500 * time.Microsecond)
}

// Sleep puts the part in shutdown, with the reading that it has.
func (p *TMP117) Sleep() {
	p.convert()
	p.Config = p.Config&^(3<<10) | 1<<10
}

// Tx runs one transaction.
func (p *TMP117) Tx(_ uint16, w, r []byte) error {
	if p.Gone {
		return i2ctest.NoAck
	}
	p.convert()
	if len(w) > 0 {
		p.pointer = w[0] & 0xf
	}
	if len(w) == 3 {
		p.write(binary.BigEndian.Uint16(w[1:]))
	}
	if len(r) > 0 {
		fill(r, p.read())
	}
	return nil
}

// write takes a new configuration, or unlocks the EEPROM.
func (p *TMP117) write(word uint16) {
	p.Writes++
	switch p.pointer {
	case 4:
		p.Unlocked = word&0x8000 != 0
	case 1:
		if p.Unlocked {
			p.Burned++
		}
		p.Config = p.Config&0xf000 | word&0x0ffc
		p.since = time.Now()
	}
}

// read returns a register, and clears the flag that a new reading is there.
func (p *TMP117) read() uint16 {
	config := p.Config
	switch p.pointer {
	case 0:
		p.Config &^= 1 << 13
		return p.shown
	case 1:
		p.Config &^= 7 << 13
		if time.Now().Before(p.loaded) {
			config |= 1 << 12
		}
		return config
	case 2:
		return 0x6000
	case 3:
		return 0x8000
	case 4:
		if p.Unlocked {
			return 0x8000
		}
	case 0xf:
		return p.ID
	}
	return 0
}

// convert updates the temperature if a conversion has passed since it could.
func (p *TMP117) convert() {
	count := [4]time.Duration{1, 8, 32, 64}[p.Config>>5&3]
	mode := p.Config >> 10 & 3
	if mode == 1 || time.Since(p.since) < 15500*time.Microsecond*count {
		return
	}
	if mode == 3 {
		p.Config = p.Config&^(3<<10) | 1<<10
	}
	p.Config |= 1 << 13
	p.shown = steps(p.Celsius, 1./128)
}
