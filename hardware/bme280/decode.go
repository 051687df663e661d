package bme280

import (
	"encoding/binary"
	"fmt"

	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
)

// A Calibration holds the words that the factory wrote into one part. The names
// are the datasheet's (BME280 section 4.2.2). The H words are 0 in a BMP280.
type Calibration struct {
	T1                             uint16
	T2, T3                         int16
	P1                             uint16
	P2, P3, P4, P5, P6, P7, P8, P9 int16
	H1, H3                         uint8
	H2, H4, H5                     int16
	H6                             int8

	humid bool
}

// DecodeCalibration converts the calibration from the 24 bytes at register 0x88
// and, of a BME280, the byte at 0xa1 followed by the seven at 0xe1; water is
// empty for a BMP280.
//
// The error is a fault.Error if nobody drove the bytes or the words cannot be.
// It panics for other lengths.
func DecodeCalibration(air, water []byte) (Calibration, error) {
	if len(air) != 24 || len(water) != 0 && len(water) != 8 {
		panic(fmt.Sprintf("bme280: calibration of %d and %d bytes", len(air), len(water)))
	}
	if err := i2c.Blank("the calibration", air); err != nil {
		return Calibration{}, err
	}
	word := func(i int) uint16 { return binary.LittleEndian.Uint16(air[2*i:]) }
	signed := func(i int) int16 { return int16(word(i)) }
	c := Calibration{
		T1: word(0), T2: signed(1), T3: signed(2),
		P1: word(3), P2: signed(4), P3: signed(5), P4: signed(6), P5: signed(7),
		P6: signed(8), P7: signed(9), P8: signed(10), P9: signed(11),
	}
	if c.T1 == 0 || c.P1 == 0 {
		return Calibration{}, fault.New(fault.Zeros, "the calibration has T1 = %d and P1 = %d; replace the part if it stays so", c.T1, c.P1)
	}
	if len(water) == 0 {
		return c, nil
	}
	if err := i2c.Blank("the humidity's calibration", water); err != nil {
		return Calibration{}, err
	}
	// H4 and H5 have 12 bits each and share a byte.
	c.H1, c.H2, c.H3 = water[0], int16(binary.LittleEndian.Uint16(water[1:])), water[3]
	c.H4 = int16(int8(water[4]))<<4 | int16(water[5]&0xf)
	c.H5 = int16(int8(water[6]))<<4 | int16(water[5]>>4)
	c.H6 = int8(water[7])
	c.humid = true
	return c, nil
}

// What stands in place of a measurement that was not made, BME280 sections 3.4
// and 5.4.7 to 5.4.9; after power-on as well.
const (
	skipped20 = 0x80000
	skipped16 = 0x8000
)

// Decode converts the bytes from register 0xf7 on: eight of a BME280, six of a
// BMP280.
//
// The error is a fault.Error: Floating or Zeros if nobody drove the bytes,
// PowerOn if a channel was not measured, Range for a value that the part cannot
// measure. It panics for other lengths.
func (c *Calibration) Decode(frame []byte) (Sample, error) {
	if len(frame) != 6 && len(frame) != 8 {
		panic(fmt.Sprintf("bme280: frame of %d bytes", len(frame)))
	}
	if err := i2c.Blank("the measurement", frame); err != nil {
		return Sample{}, err
	}
	pressure, temperature := twenty(frame), twenty(frame[3:])
	if pressure == skipped20 || temperature == skipped20 {
		return Sample{}, notMeasured()
	}
	fine := c.fine(temperature)
	s := Sample{Celsius: fine / 5120, Pascals: c.pascals(pressure, fine)}
	if len(frame) == 8 {
		humidity := binary.BigEndian.Uint16(frame[6:])
		if humidity == skipped16 {
			return Sample{}, notMeasured()
		}
		s.Humidity, s.HasHumidity = c.percent(humidity, fine), true
	}
	if err := s.check(); err != nil {
		return Sample{}, err
	}
	return s, nil
}

// notMeasured is the fault of a channel without a value.
func notMeasured() error {
	return fault.New(fault.PowerOn, "a channel was not measured; the part lost its power: check its supply")
}

// twenty returns the 20 bits at the start of b, the highest first.
func twenty(b []byte) uint32 {
	return uint32(b[0])<<12 | uint32(b[1])<<4 | uint32(b[2])>>4
}

// check rejects what the part cannot measure. The comparisons are such that no
// number is rejected too.
func (s *Sample) check() error {
	if !(s.Celsius >= -40 && s.Celsius <= 85) {
		return fault.New(fault.Range, "%.2f °C is outside -40 to 85", s.Celsius)
	}
	if !(s.Pascals >= 30_000 && s.Pascals <= 110_000) {
		return fault.New(fault.Range, "%.0f Pa is outside 30000 to 110000", s.Pascals)
	}
	if !(s.Humidity >= 0 && s.Humidity <= 100) {
		return fault.New(fault.Range, "%.1f %%RH is outside 0 to 100", s.Humidity)
	}
	return nil
}

// fine returns the temperature in 1/5120 °C, the input to the other channels.
// BME280 section 8.1, as the next two.
func (c *Calibration) fine(raw uint32) float64 {
	t, t1 := float64(raw), float64(c.T1)
	a := t/16384 - t1/1024
	b := t/131072 - t1/8192
	return a*float64(c.T2) + b*b*float64(c.T3)
}

// pascals returns the pressure; it is no number for words that cannot be.
func (c *Calibration) pascals(raw uint32, fine float64) float64 {
	t := fine/2 - 64000
	offset := t*t*float64(c.P6)/32768 + t*float64(c.P5)*2
	offset = offset/4 + float64(c.P4)*65536
	scale := (float64(c.P3)*t*t/524288 + float64(c.P2)*t) / 524288
	scale = (1 + scale/32768) * float64(c.P1)

	p := (1048576 - float64(raw) - offset/4096) * 6250 / scale
	square := float64(c.P9) * p * p / (1 << 31)
	linear := p * float64(c.P8) / 32768
	return p + (square+linear+float64(c.P7))/16
}

// percent returns the relative humidity, cropped to 0 to 100 as the datasheet
// says.
func (c *Calibration) percent(raw uint16, fine float64) float64 {
	t := fine - 76800
	h := float64(raw) - (float64(c.H4)*64 + float64(c.H5)/16384*t)
	h *= float64(c.H2) / 65536 * (1 + float64(c.H6)/(1<<26)*t*(1+float64(c.H3)/(1<<26)*t))
	h *= 1 - float64(c.H1)*h/524288
	return min(max(h, 0), 100)
}
