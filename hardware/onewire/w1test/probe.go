package w1test

import (
	"fmt"
	"math"
	"path"
	"time"

	"thermarack/hardware/onewire"
)

// familyDS28EA00 is the one that the kernel keeps out of bulk conversions.
const familyDS28EA00 = 0x42

// Options is what a Probe is. The zero value of each field is the usual.
type Options struct {
	Bits     int  // resolution, 9 to 12; 0 is 12
	Parasite bool // it has no supply wire
	Polls    bool // the kernel polls for its end of conversion, on the bus all the while
}

// A Probe is one thermometer with the registers of a DS18B20, whatever its
// family code.
type Probe struct {
	master *Master
	name   string
	family byte

	// guarded by Kernel.mu
	Options
	celsius     float64 // of the air around it
	pad         [9]byte // what a read of the scratchpad gives
	next        [9]byte // what the conversion under way will leave in pad
	due         time.Time
	fixed       bool // pad was set by a test
	flag        int  // of the kernel: -1 a bulk conversion runs, 1 it is to be read
	cut         time.Duration
	unplugged   bool
	conversions int
}

// Add connects a thermometer whose name is such as "28-0000055f311a", in air of
// the given temperature. It has not converted yet: it holds the power-on value.
func (m *Master) Add(name string, celsius float64, o Options) *Probe {
	rom, err := onewire.ParseSlave(name)
	if err != nil {
		panic(err) // a mistake in the test
	}
	if o.Bits == 0 {
		o.Bits = 12
	}
	p := &Probe{Options: o, master: m, name: name, family: rom.Family(), celsius: celsius}
	p.pad = p.powerOn()
	m.kernel.mu.Lock()
	defer m.kernel.mu.Unlock()
	m.probes = append(m.probes, p)
	return p
}

// Slave returns the probe as onewire.Slaves lists it.
func (p *Probe) Slave() onewire.Slave {
	rom, _ := onewire.ParseSlave(p.name) // Add has parsed it
	return onewire.Slave{Dir: path.Join(devices, p.name), Master: p.master.name, ROM: rom}
}

// Set changes the temperature of the air.
func (p *Probe) Set(celsius float64) {
	p.master.kernel.mu.Lock()
	defer p.master.kernel.mu.Unlock()
	p.celsius = celsius
}

// SetBits changes the resolution, as somebody who writes the file resolution
// does.
func (p *Probe) SetBits(bits int) {
	p.master.kernel.mu.Lock()
	defer p.master.kernel.mu.Unlock()
	p.Bits = bits
}

// Fix sets the scratchpad for good: no conversion changes it any more.
func (p *Probe) Fix(pad [8]byte) {
	p.master.kernel.mu.Lock()
	defer p.master.kernel.mu.Unlock()
	p.pad, p.fixed = crc(pad), true
}

// Unplug takes the part off the bus. The kernel keeps its files.
func (p *Probe) Unplug() {
	p.master.kernel.mu.Lock()
	defer p.master.kernel.mu.Unlock()
	p.unplugged = true
}

// Plug connects it again, with the power-on value.
func (p *Probe) Plug() {
	p.master.kernel.mu.Lock()
	defer p.master.kernel.mu.Unlock()
	p.unplugged, p.pad, p.due = false, p.powerOn(), time.Time{}
}

// Interrupt lets a signal end the sleep of the part's next own conversion after
// d: the reader finds an empty file.
func (p *Probe) Interrupt(d time.Duration) {
	p.master.kernel.mu.Lock()
	defer p.master.kernel.mu.Unlock()
	p.cut = d
}

// Conversions returns how often the part was told to convert.
func (p *Probe) Conversions() int {
	p.master.kernel.mu.Lock()
	defer p.master.kernel.mu.Unlock()
	return p.conversions
}

func (p *Probe) bulk() bool { return p.family != familyDS28EA00 }

// wait is how long the kernel lets it convert.
func (p *Probe) wait() time.Duration {
	switch p.Bits {
	case 9:
		return 95 * time.Millisecond
	case 10:
		return 190 * time.Millisecond
	case 11:
		return 375 * time.Millisecond
	}
	return 750 * time.Millisecond
}

func (p *Probe) powerOn() [9]byte {
	return crc([8]byte{0x50, 0x05, 0x4b, 0x46, p.config(), 0xff, 0x0c, 0x10})
}

func (p *Probe) config() byte { return byte(p.Bits-9)<<5 | 0x1f }

// takes is how long the part itself needs: as good as all genuine ones four
// fifths of what the datasheet allows.
func (p *Probe) takes() time.Duration { return p.wait() * 4 / 5 }

// start is the part's side of a conversion; Kernel.mu is held.
func (p *Probe) start() {
	if p.unplugged {
		return
	}
	p.conversions++
	raw := int16(math.Floor(p.celsius*16)) &^ (1<<(12-p.Bits) - 1)
	p.next = crc([8]byte{byte(raw), byte(raw >> 8), 0x4b, 0x46, p.config(), 0xff, byte(0x10 - raw&0xf), 0x10})
	p.due = time.Now().Add(p.takes())
}

func (p *Probe) reader(base string) func() string {
	number := func(n int) func() string { return func() string { return fmt.Sprintln(n) } }
	switch base {
	case "w1_slave":
		return func() string { return p.show(p.lines) }
	case "temperature":
		return func() string { return p.show(p.number) }
	case "resolution":
		return p.resolution
	case "ext_power":
		return p.power
	case "conv_time":
		return number(int(p.wait().Milliseconds()))
	case "features":
		if p.Polls && !p.Parasite {
			return number(2)
		}
		return number(0)
	case "id":
		return func() string { rom := p.Slave().ROM; return string(rom[:]) }
	case "alarms", "eeprom":
		return func() string { return "" }
	}
	return nil
}

func (p *Probe) lines(pad [9]byte) string {
	raw := int16(uint16(pad[1])<<8 | uint16(pad[0]))
	return fmt.Sprintf("% x : crc=%02x YES\n% x t=%d\n", pad, pad[8], pad, int(raw)*1000/16)
}

func (p *Probe) number(pad [9]byte) string {
	raw := int16(uint16(pad[1])<<8 | uint16(pad[0]))
	return fmt.Sprintln(int(raw) * 1000 / 16)
}

// show is w1_slave_show and temperature_show of the kernel: an empty text for
// every failure.
func (p *Probe) show(text func([9]byte) string) string {
	k := p.master.kernel
	k.mu.Lock()
	flag := p.flag
	k.mu.Unlock()
	var pad [9]byte
	var ok bool
	switch {
	case flag < 0:
		return ""
	case flag > 0:
		pad, ok = p.scratchpad()
		k.mu.Lock()
		p.flag = 0 // also if that failed
		k.mu.Unlock()
	default:
		pad, ok = p.convert()
	}
	if !ok {
		return ""
	}
	return text(pad)
}

// convert is convert_t of the kernel: it keeps the bus through the conversion on
// parasite power and while it polls, else gives it away.
func (p *Probe) convert() (pad [9]byte, ok bool) {
	m, k := p.master, p.master.kernel
	m.lock <- struct{}{}
	if !m.reset() {
		m.unlock()
		return pad, false
	}
	time.Sleep(Command)
	k.mu.Lock()
	p.start()
	wait, keeps, cut := p.wait(), p.Parasite || p.Polls, p.cut
	p.cut = 0
	if p.Polls {
		wait = p.takes()
	}
	k.mu.Unlock()
	if !keeps {
		m.unlock()
	}
	whole := sleep(wait, cut)
	if keeps {
		m.unlock()
	}
	if !whole {
		return pad, false
	}
	return p.scratchpad()
}

// scratchpad is read_scratchpad of the kernel. A part that is gone costs as many
// tries as the kernel makes.
func (p *Probe) scratchpad() (pad [9]byte, ok bool) {
	m, k := p.master, p.master.kernel
	m.lock <- struct{}{}
	defer m.unlock()
	if !m.reset() {
		return pad, false
	}
	for range attempts {
		time.Sleep(Scratchpad)
		k.mu.Lock()
		if p.settle(); !p.unplugged {
			defer k.mu.Unlock()
			return p.pad, true
		}
		k.mu.Unlock()
	}
	return pad, false
}

// settle lets a conversion that is due take effect; Kernel.mu is held.
func (p *Probe) settle() {
	if !p.fixed && !p.due.IsZero() && !time.Now().Before(p.due) {
		p.pad, p.due = p.next, time.Time{}
	}
}

func (p *Probe) resolution() string {
	if _, ok := p.scratchpad(); !ok {
		return "-5\n" // an error number as text
	}
	p.master.kernel.mu.Lock()
	defer p.master.kernel.mu.Unlock()
	return fmt.Sprintln(p.Bits)
}

// power asks the part. One that is gone reads as powered, because nobody pulls
// the line down.
func (p *Probe) power() string {
	m := p.master
	m.lock <- struct{}{}
	defer m.unlock()
	if !m.reset() {
		return "-19\n"
	}
	time.Sleep(PowerQuery)
	m.kernel.mu.Lock()
	defer m.kernel.mu.Unlock()
	if p.Parasite && !p.unplugged {
		return "0\n"
	}
	return "1\n"
}
