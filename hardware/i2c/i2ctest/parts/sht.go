package parts

import (
	"time"

	"thermarack/hardware/i2c"
	"thermarack/hardware/i2c/i2ctest"
)

// A Hygrometer is a humidity sensor that takes commands and answers with words and
// their checksums.
type Hygrometer struct {
	Celsius, Humidity float64 // of the air
	Heater            bool    // of a part that tells
	Heated            int     // heater commands, of an SHT4x
	Periodic          bool    // it measures by itself
	Mute              bool    // it has no serial number
	Gone              bool
	Measured          int
	Slow              time.Duration // added to a measurement
	Damage            byte          // laid over the last byte of each answer
	Busy              int           // how many transactions more it refuses

	long    bool // commands have two bytes
	answers func(command []byte) (words []uint16, after time.Duration, ok bool)
	scale   func(humidity float64) float64
	words   []uint16 // the answer that is ready
	left    []uint16 // and what can be read after it
	at      time.Time
}

// NewSHT3x returns an SHT3x.
func NewSHT3x(celsius, humidity float64) *Hygrometer {
	p := &Hygrometer{Celsius: celsius, Humidity: humidity, long: true, scale: func(h float64) float64 { return h / 100 }}
	p.answers = func(command []byte) ([]uint16, time.Duration, bool) {
		if wordOf(command) == 0x3682 && !p.Mute && !p.Periodic {
			return []uint16{0x0a1b, 0x2c3d}, 500 * time.Microsecond, true
		}
		return p.common(wordOf(command), 15*time.Millisecond)
	}
	return p
}

// NewHDC302x returns an HDC3020.
func NewHDC302x(celsius, humidity float64) *Hygrometer {
	p := &Hygrometer{Celsius: celsius, Humidity: humidity, long: true, scale: func(h float64) float64 { return h / 100 }}
	p.answers = func(command []byte) ([]uint16, time.Duration, bool) {
		switch wordOf(command) {
		case 0x3781:
			return []uint16{0x3000}, 0, true
		case 0x3683, 0x3684, 0x3685:
			return []uint16{0x4711}, 0, true
		}
		return p.common(wordOf(command), 12500*time.Microsecond)
	}
	return p
}

// NewSHT4x returns an SHT4x.
func NewSHT4x(celsius, humidity float64) *Hygrometer {
	p := &Hygrometer{Celsius: celsius, Humidity: humidity, scale: func(h float64) float64 { return (h + 6) / 125 }}
	p.answers = func(command []byte) ([]uint16, time.Duration, bool) {
		switch command[0] {
		case 0xfd, 0xf6, 0xe0:
			return p.measure(), 8300 * time.Microsecond, len(command) == 1
		case 0x89:
			return []uint16{0x1234, 0x5678}, 500 * time.Microsecond, len(command) == 1
		case 0x39, 0x32, 0x2f, 0x24, 0x1e, 0x15:
			p.Heated++
		}
		return nil, 0, false
	}
	return p
}

// common answers what an SHT3x and an HDC302x have in common.
func (p *Hygrometer) common(command uint16, duration time.Duration) ([]uint16, time.Duration, bool) {
	switch {
	case command == 0xf32d && p.Heater:
		return []uint16{0xa010}, 0, true
	case command == 0xf32d:
		return []uint16{0x8010}, 0, true
	case command == 0x3066:
		p.Heater = false
		return nil, 0, true
	case command == 0x2400 && !p.Periodic:
		return p.measure(), duration, true
	case command == 0xe000 && p.Periodic:
		return p.measure(), 0, true
	}
	return nil, 0, false
}

// Leave leaves a measurement that nobody has fetched yet. Other answers do not
// replace it.
func (p *Hygrometer) Leave() { p.left = p.measure() }

// measure returns the words of temperature and humidity.
func (p *Hygrometer) measure() []uint16 {
	p.Measured++
	return []uint16{uint16((p.Celsius+45)/175*0xffff + 0.5), uint16(p.scale(p.Humidity)*0xffff + 0.5)}
}

// Tx takes a command, and reads the answer to the latest once it is there. Nothing
// is acknowledged that the part cannot do.
func (p *Hygrometer) Tx(_ uint16, w, r []byte) error {
	if p.Gone || p.Busy > 0 {
		p.Busy--
		return i2ctest.NoAck
	}
	if len(w) > 0 && !(p.long && len(w) == 1) { // half a command does nothing
		words, after, ok := p.answers(w)
		if !ok {
			p.words = nil
			return i2ctest.NoAck
		}
		if after > 0 {
			after += p.Slow
		}
		p.words, p.at = words, time.Now().Add(after)
	}
	if len(r) == 0 {
		return nil
	}
	if p.words == nil {
		p.words, p.left = p.left, nil
	}
	if p.words == nil || time.Now().Before(p.at) {
		return i2ctest.NoAck
	}
	p.answer(r)
	return nil
}

// answer fills r with the words, each with its checksum, and ones.
func (p *Hygrometer) answer(r []byte) {
	var b []byte
	for _, word := range p.words {
		pair := []byte{byte(word >> 8), byte(word)}
		b = append(b, pair[0], pair[1], i2c.CRC8(pair))
	}
	p.words = nil
	b[len(b)-1] ^= p.Damage
	for i := copy(r, b); i < len(r); i++ {
		r[i] = 0xff
	}
}

// wordOf returns a command of two bytes, or 0.
func wordOf(command []byte) uint16 {
	if len(command) != 2 {
		return 0
	}
	return uint16(command[0])<<8 | uint16(command[1])
}
