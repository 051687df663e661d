package sht3x_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
	"thermarack/hardware/i2c/i2ctest"
	"thermarack/hardware/i2c/i2ctest/parts"
	"thermarack/hardware/sht3x"
)

const addr = 0x45

func write(bytes ...byte) i2ctest.Op { return i2ctest.Op{Addr: addr, W: bytes} }
func read(bytes ...byte) i2ctest.Op  { return i2ctest.Op{Addr: addr, R: bytes} }
func refuse(w ...byte) i2ctest.Op    { return i2ctest.Op{Addr: addr, W: w, Err: i2ctest.NoAck} }

func TestDecodeConvertsByTheDatasheetsFormula(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name              string
		frame             [6]byte
		celsius, humidity float64
	}{
		{"room air", [6]byte{0x66, 0x66, 0x93, 0x66, 0x66, 0x93}, 25, 40},
		{"mid scale", [6]byte{0x80, 0x00, 0xa2, 0x80, 0x00, 0xa2}, 42.5013, 50.0008},
		{"the checksum's example", [6]byte{0xbe, 0xef, 0x92, 0x66, 0x66, 0x93}, 85.5230, 40},
		{"frost", [6]byte{0x36, 0x69, 0x5a, 0x66, 0x66, 0x93}, -7.8050, 40},
		{"no water at all", [6]byte{0x66, 0x66, 0x93, 0x00, 0x00, 0x81}, 25, 0},
		{"fog", [6]byte{0x66, 0x66, 0x93, 0xff, 0xff, 0xac}, 25, 100},
	} {
		got, err := sht3x.Decode(tt.frame)
		if err != nil || math.Abs(got.Celsius-tt.celsius) > 1e-4 || math.Abs(got.Humidity-tt.humidity) > 1e-4 {
			t.Errorf("%s: %+v, %v, want %v °C, %v %%RH", tt.name, got, err, tt.celsius, tt.humidity)
		}
	}
}

func TestDecodeSaysWhyASampleIsRejected(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		frame [6]byte
		want  string
	}{
		{"all ones", [6]byte{255, 255, 255, 255, 255, 255}, fault.Floating},
		{"all zeros", [6]byte{}, fault.Zeros},
		{"a flipped bit of the temperature", [6]byte{0x81, 0x00, 0xa2, 0x80, 0x00, 0xa2}, fault.CRC},
		{"a flipped bit of the humidity", [6]byte{0x80, 0x00, 0xa2, 0x80, 0x01, 0xa2}, fault.CRC},
		{"a line that begins to float", [6]byte{0x80, 0x00, 0xa2, 255, 255, 255}, fault.Floating},
		{"-45 °C", [6]byte{0x00, 0x00, 0x81, 0x00, 0x00, 0x81}, fault.Range},
		{"130 °C", [6]byte{0xff, 0xff, 0xac, 0x80, 0x00, 0xa2}, fault.Range},
	} {
		if got, err := sht3x.Decode(tt.frame); reason(err) != tt.want || got != (sht3x.Sample{}) {
			t.Errorf("%s: %+v, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestSense(t *testing.T) {
	t.Parallel()
	ask, status := write(0xf3, 0x2d), read(0x80, 0x10, 0xe1)
	measure, result, notYet := write(0x24, 0x00), read(0x66, 0x66, 0x93, 0x66, 0x66, 0x93), refuse()
	for _, tt := range []struct {
		name string
		ops  []i2ctest.Op
		want string // fault
		took time.Duration
	}{
		{"a part that is there", []i2ctest.Op{ask, status, measure, result}, "", 17 * time.Millisecond},
		{"a slow part", []i2ctest.Op{ask, status, measure, notYet, notYet, result}, "", 23 * time.Millisecond},
		{
			"a part that measures by itself, and refuses", []i2ctest.Op{ask, status, refuse(0x24, 0x00), write(0xe0, 0x00), result},
			"", 2 * time.Millisecond,
		},
		{
			"a part that measures by itself, and does not answer",
			[]i2ctest.Op{ask, status, measure, notYet, notYet, notYet, notYet, write(0xe0, 0x00), result}, "", 27 * time.Millisecond,
		},
		{
			"a part that never ends",
			[]i2ctest.Op{ask, status, measure, notYet, notYet, notYet, notYet, write(0xe0, 0x00), notYet},
			fault.NoDevice, 27 * time.Millisecond,
		},
		{
			"a heater that is on", []i2ctest.Op{ask, read(0xa0, 0x10, 0x3d), write(0x30, 0x66)},
			fault.Range, time.Millisecond,
		},
		{"nobody", []i2ctest.Op{refuse(0xf3, 0x2d)}, fault.NoDevice, 0},
		{"a floating line", []i2ctest.Op{ask, read(255, 255, 255)}, fault.Floating, time.Millisecond},
		{"a shorted line", []i2ctest.Op{ask, read(0, 0, 0)}, fault.Zeros, time.Millisecond},
		{"a bad cable", []i2ctest.Op{ask, read(0x80, 0x11, 0xe1)}, fault.CRC, time.Millisecond},
		{
			"a bus that gets stuck", []i2ctest.Op{ask, status, measure, {Addr: addr, Err: fault.New(fault.Timeout, "stuck")}},
			fault.Timeout, 17 * time.Millisecond,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				got, err := sht3x.New(i2ctest.Play(t, tt.ops...), addr).Sense(t.Context())
				if took := time.Since(start); reason(err) != tt.want || took != tt.took || (err == nil) != (got.Celsius == 25) {
					t.Errorf("%+v, %v after %v, want %q after %v", got, err, took, tt.want, tt.took)
				}
			})
		})
	}
}

func TestASimulatedPartIsFollowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := parts.NewSHT3x(-7.25, 43.5)
		dev := sht3x.New(p, addr)
		sense := func(want string) {
			t.Helper()
			got, err := dev.Sense(t.Context())
			if reason(err) != want || want == "" && (err != nil || math.Abs(got.Celsius+7.25) > 0.003 || math.Abs(got.Humidity-43.5) > 0.002) {
				t.Errorf("%+v, %v, want %q", got, err, want)
			}
		}
		sense("")
		p.Heater = true
		sense(fault.Range)
		sense("")
		if p.Heater {
			t.Error("the heater is still on")
		}
		p.Periodic = true
		sense("")
		sense("")
		if !p.Periodic {
			t.Error("the part no longer measures by itself")
		}
		p.Gone = true
		sense(fault.NoDevice)
		p.Gone, p.Periodic = false, false
		sense("")
	})
}

func TestAnSHT4xInItsPlaceIsNotHeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := parts.NewSHT4x(20, 40)
		if _, err := sht3x.New(p, addr).Sense(t.Context()); reason(err) != fault.NoDevice || p.Heated != 0 {
			t.Errorf("%v, %d times heated", err, p.Heated)
		}
	})
}

func TestSenseEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for _, deadline := range []time.Duration{500 * time.Microsecond, 3 * time.Millisecond, 20 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			p := parts.NewSHT3x(20, 40)
			p.Slow = time.Hour
			start := time.Now()
			_, err := sht3x.New(p, addr).Sense(ctx)
			if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != deadline {
				t.Errorf("%v after %v, want it after %v", err, took, deadline)
			}
		})
	}
}

func TestIdentify(t *testing.T) {
	t.Parallel()
	ask, status := write(0xf3, 0x2d), read(0x80, 0x10, 0xe1)
	for _, tt := range []struct {
		name string
		ops  []i2ctest.Op
		want i2c.Match
	}{
		{
			"a serial number",
			[]i2ctest.Op{ask, status, refuse(0x37, 0x81), write(0x36, 0x82), read(0x0a, 0x1b, 0xc6, 0x2c, 0x3d, 0x60)},
			i2c.Match{Part: "SHT3x", Sure: i2c.Certain, Why: "serial number 0a1b2c3d with the right checksums"},
		},
		{
			"none",
			[]i2ctest.Op{ask, status, refuse(0x37, 0x81), refuse(0x36, 0x82)},
			i2c.Match{Part: "SHT3x", Sure: i2c.Likely, Why: "status 0x8010 with the right checksum"},
		},
		{
			"a damaged one",
			[]i2ctest.Op{ask, status, refuse(0x37, 0x81), write(0x36, 0x82), read(0x0a, 0x1b, 0xc6, 0x2c, 0x3d, 0x61)},
			i2c.Match{Part: "SHT3x", Sure: i2c.Likely, Why: "status 0x8010 with the right checksum"},
		},
		{"an HDC302x", []i2ctest.Op{ask, status, write(0x37, 0x81), read(0x30, 0x00, 0x33)}, i2c.Match{}},
		{"reserved bits of the status", []i2ctest.Op{ask, read(0xbe, 0xef, 0x92)}, i2c.Match{}},
		{"a damaged status", []i2ctest.Op{ask, read(0x80, 0x10, 0xe0)}, i2c.Match{}},
		{"nobody", []i2ctest.Op{refuse(0xf3, 0x2d)}, i2c.Match{}},
	} {
		synctest.Test(t, func(t *testing.T) {
			got, err := sht3x.Identify(i2ctest.Play(t, tt.ops...), addr)
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%s: %v (-want +got):\n%s", tt.name, err, diff)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{0x80, 0x00, 0xa2, 0x80, 0x00, 0xa2})
	f.Add([]byte{0x00, 0x00, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 4 { // with the right checksums, so that values are reached too
			b = []byte{b[0], b[1], i2c.CRC8(b[:2]), b[2], b[3], i2c.CRC8(b[2:])}
		}
		if len(b) != 6 {
			t.Skip()
		}
		s, err := sht3x.Decode([6]byte(b))
		if err != nil {
			if reason(err) == "" || s != (sht3x.Sample{}) {
				t.Errorf("%+v, %v: want no value and a reason", s, err)
			}
			return
		}
		if !(s.Celsius >= -40 && s.Celsius <= 125 && s.Humidity >= 0 && s.Humidity <= 100) {
			t.Errorf("out of range: %+v", s)
		}
	})
}

// reason is the fault that err is, or "" if it is nil or no fault.
func reason(err error) string {
	r, _ := fault.Of(err)
	return r
}
