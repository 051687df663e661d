package parts

import (
	"encoding/binary"
	"time"

	"thermarack/hardware/fault"
	"thermarack/hardware/i2c/i2ctest"
)

// An MCP9808 is a thermometer with two IDs.
type MCP9808 struct {
	Celsius    float64 // of the air
	Config     uint16
	Resolution byte
	Alerts     uint16 // the upper three bits of the temperature register
	Maker      uint16
	Device     uint16
	Gone       bool
	Writes     int // of any register
	Abused     int // accesses to the registers of the factory

	pointer byte
	shown   uint16
	since   time.Time
}

// NewMCP9808 returns a part that has had its power for long.
func NewMCP9808(celsius float64) *MCP9808 {
	p := &MCP9808{Celsius: celsius, Maker: 0x0054, Device: 0x0400}
	p.PowerCycle()
	p.since = time.Time{}
	return p
}

// PowerCycle puts the part in the state after power-on.
func (p *MCP9808) PowerCycle() {
	p.Config, p.Resolution, p.shown, p.pointer = 0, 3, 0, 0
	p.since = time.Now()
}

// Tx runs one transaction.
func (p *MCP9808) Tx(_ uint16, w, r []byte) error {
	if p.Gone {
		return i2ctest.NoAck
	}
	p.convert()
	if len(w) > 0 {
		p.pointer = w[0]
		if p.pointer > 8 {
			p.Abused++
		}
	}
	if len(w) > 1 {
		p.write(w[1:])
	}
	p.read(r)
	return nil
}

// write takes a new configuration or resolution. A locked part can be woken, and
// not sent to sleep.
func (p *MCP9808) write(data []byte) {
	p.Writes++
	const shutdown = 1 << 8
	switch {
	case p.pointer == 8 && len(data) == 1:
		p.Resolution = data[0]
		p.since = time.Now()
	case p.pointer == 1 && len(data) == 2:
		config := binary.BigEndian.Uint16(data)
		if p.Config&(3<<6) != 0 {
			config = p.Config &^ (^config & shutdown)
		}
		if p.Config&shutdown != 0 && config&shutdown == 0 {
			p.since = time.Now()
		}
		p.Config = config & 0x07ff
	}
}

// read fills r from the register that the pointer selects.
func (p *MCP9808) read(r []byte) {
	if p.pointer == 8 {
		fill(r, uint16(p.Resolution)<<8)
		return
	}
	fill(r, [8]uint16{0x001d, p.Config, 0, 0, 0, p.shown, p.Maker, p.Device}[p.pointer&7])
}

// convert updates the temperature if a conversion has passed since it could.
func (p *MCP9808) convert() {
	duration := [4]time.Duration{30, 65, 130, 250}[p.Resolution&3] * time.Millisecond
	if p.Config&(1<<8) != 0 || time.Since(p.since) < duration {
		return
	}
	coarse := 3 - int(p.Resolution&3)
	p.shown = steps(p.Celsius, 1./16)>>coarse<<coarse&0x1fff | p.Alerts
}

// A DS2482 is a bridge to 1-Wire, as far as a stranger's questions go: it refuses
// commands that it does not know, as adapters report it that tell a refused byte
// from a refused address.
type DS2482 struct {
	Known int // commands that it knew, which move its read pointer or its wire
}

// Tx takes a command, and reads the status.
func (p *DS2482) Tx(_ uint16, w, r []byte) error {
	if len(w) > 0 {
		switch w[0] {
		case 0xf0, 0xe1, 0xd2, 0xc3, 0xb4, 0x87, 0xa5, 0x96, 0x78:
			p.Known++
		default:
			return fault.New(fault.CRC, "the byte was not acknowledged")
		}
	}
	for i := range r {
		r[i] = 0x18
	}
	return nil
}
