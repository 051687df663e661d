package bme280_test

import (
	"math"
	"testing"

	"thermarack/hardware/bme280"
)

// The datasheet gives the same conversion a second time in whole numbers
// (BME280 section 4.2.3), for processors without floating point. It is the
// oracle here: written separately, it must agree within its own rounding.

func wholeFine(c *bme280.Calibration, adc int32) int32 {
	t1 := int32(c.T1)
	a := ((adc>>3 - t1<<1) * int32(c.T2)) >> 11
	b := (((adc>>4 - t1) * (adc>>4 - t1)) >> 12) * int32(c.T3) >> 14
	return a + b
}

func wholePascals(c *bme280.Calibration, adc, fine int32) float64 {
	a := int64(fine) - 128000
	b := a*a*int64(c.P6) + (a*int64(c.P5))<<17 + int64(c.P4)<<35
	a = (a*a*int64(c.P3))>>8 + (a*int64(c.P2))<<12
	a = (1<<47 + a) * int64(c.P1) >> 33
	if a == 0 {
		return math.NaN()
	}
	p := ((1048576-int64(adc))<<31 - b) * 3125 / a
	a = int64(c.P9) * (p >> 13) * (p >> 13) >> 25
	b = int64(c.P8) * p >> 19
	return float64((p+a+b)>>8+int64(c.P7)<<4) / 256
}

func wholePercent(c *bme280.Calibration, adc, fine int32) float64 {
	v := fine - 76800
	left := (adc<<14 - int32(c.H4)<<20 - int32(c.H5)*v + 16384) >> 15
	right := ((v*int32(c.H6))>>10*((v*int32(c.H3))>>11+32768))>>10 + 2097152
	v = left * ((right*int32(c.H2) + 8192) >> 14)
	v -= ((v >> 15) * (v >> 15)) >> 7 * int32(c.H1) >> 4
	return float64(min(max(v, 0), 419430400)>>12) / 1024
}

func TestDecodeAgreesWithTheDatasheetsWholeNumbers(t *testing.T) {
	t.Parallel()
	c, err := bme280.DecodeCalibration(example, water)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for temperature := int32(420_000); temperature < 700_000; temperature += 9_973 {
		for humidity := int32(18_000); humidity < 44_000; humidity += 2_203 {
			pressure := 300_000 + (temperature*7+humidity)%160_000
			got, err := c.Decode(frame(pressure, temperature, humidity))
			if err != nil {
				continue
			}
			seen++
			fine := wholeFine(&c, temperature)
			near(t, "°C", got.Celsius, float64(fine)/5120, 0.005)
			near(t, "Pa", got.Pascals, wholePascals(&c, pressure, fine), 2)
			near(t, "%RH", got.Humidity, wholePercent(&c, humidity, fine), 0.02)
		}
	}
	if seen < 100 {
		t.Errorf("only %d frames were in range", seen)
	}
}

func TestDecodeGivesTheDatasheetsExample(t *testing.T) {
	t.Parallel()
	c, err := bme280.DecodeCalibration(example, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Decode(measured[:6])
	if err != nil {
		t.Fatal(err)
	}
	near(t, "°C", got.Celsius, 25.08, 0.005)
	near(t, "Pa", got.Pascals, 100653.27, 0.01)
}

// The bytes of a real BME280 and what it measured, as the authors of periph's
// driver recorded them. Theirs converts in whole numbers.
func TestDecodeConvertsWhatARealPartSent(t *testing.T) {
	t.Parallel()
	air := []byte{
		0x10, 0x6e, 0x6c, 0x66, 0x32, 0x00, 0x5d, 0x95, 0xb8, 0xd5, 0xd0, 0x0b,
		0x77, 0x1e, 0x9d, 0xff, 0xf9, 0xff, 0xac, 0x26, 0x0a, 0xd8, 0xbd, 0x10,
	}
	c, err := bme280.DecodeCalibration(air, []byte{0x4b, 0x6e, 0x01, 0x00, 0x13, 0x05, 0x00, 0x1e})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Decode([]byte{0x4a, 0x52, 0xc0, 0x80, 0x96, 0xc0, 0x7a, 0x76})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "°C", got.Celsius, 23.72, 0.01)
	near(t, "Pa", got.Pascals, 100942.7, 2)
	near(t, "%RH", got.Humidity, 65.306, 0.02)
}

// frame lays out raw values as the part does.
func frame(pressure, temperature, humidity int32) []byte {
	return []byte{
		byte(pressure >> 12), byte(pressure >> 4), byte(pressure << 4),
		byte(temperature >> 12), byte(temperature >> 4), byte(temperature << 4),
		byte(humidity >> 8), byte(humidity),
	}
}

func near(t *testing.T, unit string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("got %v %s, want %v", got, unit, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(example, water, measured)
	f.Add(example, []byte{}, measured[:6])
	f.Add(example, water, []byte{0x80, 0, 0, 0x80, 0, 0, 0x80, 0})
	f.Fuzz(func(t *testing.T, air, water, data []byte) {
		if len(air) != 24 || len(water) != 0 && len(water) != 8 || len(data) != 6 && len(data) != 8 {
			t.Skip()
		}
		c, err := bme280.DecodeCalibration(air, water)
		if err != nil {
			return
		}
		s, err := c.Decode(data)
		if err != nil {
			if reason(err) == "" || s != (bme280.Sample{}) {
				t.Errorf("%+v, %v: want no value and a reason", s, err)
			}
			return
		}
		if !(s.Celsius >= -40 && s.Celsius <= 85 && s.Pascals >= 30e3 && s.Pascals <= 110e3 && s.Humidity >= 0 && s.Humidity <= 100) {
			t.Errorf("out of range: %+v", s)
		}
	})
}
