package sht4x_test

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
	"thermarack/hardware/sht4x"
)

const addr = 0x44

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
		{"mid scale", [6]byte{0x80, 0x00, 0xa2, 0x80, 0x00, 0xa2}, 42.5013, 56.5010},
		{"the checksum's example", [6]byte{0xbe, 0xef, 0x92, 0x66, 0x66, 0x93}, 85.5230, 44.0},
		{"frost", [6]byte{0x36, 0x69, 0x5a, 0x66, 0x66, 0x93}, -7.8050, 44.0},
		{"dry air is cropped at 0 %RH", [6]byte{0x80, 0x00, 0xa2, 0x00, 0x00, 0x81}, 42.5013, 0},
		{"fog is cropped at 100 %RH", [6]byte{0x80, 0x00, 0xa2, 0xff, 0xff, 0xac}, 42.5013, 100},
	} {
		got, err := sht4x.Decode(tt.frame)
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
		{"-45 °C", [6]byte{0x00, 0x00, 0x81, 0x80, 0x00, 0xa2}, fault.Range},
		{"130 °C", [6]byte{0xff, 0xff, 0xac, 0x80, 0x00, 0xa2}, fault.Range},
	} {
		if got, err := sht4x.Decode(tt.frame); reason(err) != tt.want || got != (sht4x.Sample{}) {
			t.Errorf("%s: %+v, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestSense(t *testing.T) {
	t.Parallel()
	start, result, notYet := write(0xfd), read(0x80, 0x00, 0xa2, 0x80, 0x00, 0xa2), refuse()
	for _, tt := range []struct {
		name string
		ops  []i2ctest.Op
		want string // fault
		took time.Duration
	}{
		{"a part that is there", []i2ctest.Op{start, result}, "", 9 * time.Millisecond},
		{"a slow part", []i2ctest.Op{start, notYet, notYet, result}, "", 13 * time.Millisecond},
		{
			"a part that never ends", []i2ctest.Op{start, notYet, notYet, notYet, notYet, notYet},
			fault.NoDevice, 17 * time.Millisecond,
		},
		{"nobody, or a heater that runs", []i2ctest.Op{refuse(0xfd)}, fault.NoDevice, 0},
		{
			"a bus that gets stuck", []i2ctest.Op{start, {Addr: addr, Err: fault.New(fault.Timeout, "stuck")}},
			fault.Timeout, 9 * time.Millisecond,
		},
		{"a bad cable", []i2ctest.Op{start, read(0x80, 0x00, 0xa2, 0x80, 0x10, 0xa2)}, fault.CRC, 9 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				got, err := sht4x.New(i2ctest.Play(t, tt.ops...), addr).Sense(t.Context())
				if took := time.Since(start); reason(err) != tt.want || took != tt.took || (err == nil) != (got.Celsius != 0) {
					t.Errorf("%+v, %v after %v, want %q after %v", got, err, took, tt.want, tt.took)
				}
			})
		})
	}
}

func TestASimulatedPartIsReadAndItsHeaterStaysOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := parts.NewSHT4x(-7.25, 43.5)
		dev := sht4x.New(p, addr)
		for range 3 {
			got, err := dev.Sense(t.Context())
			if err != nil || math.Abs(got.Celsius+7.25) > 0.003 || math.Abs(got.Humidity-43.5) > 0.002 {
				t.Errorf("%+v, %v", got, err)
			}
		}
		if p.Measured != 3 || p.Heated != 0 {
			t.Errorf("%d measurements, %d times heated", p.Measured, p.Heated)
		}
	})
}

func TestSenseEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := sht4x.New(parts.NewSHT4x(20, 40), addr).Sense(ctx)
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != 3*time.Millisecond {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestIdentifySaysWhatItSaw(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus := i2ctest.Play(t, refuse(0xf3, 0x2d), write(0x89), read(0xbe, 0xef, 0x92, 0x00, 0x00, 0x81))
		got, err := sht4x.Identify(bus, addr)
		want := i2c.Match{Part: "SHT4x", Sure: i2c.Certain, Why: "serial number beef0000 with the right checksums"}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	})
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
		s, err := sht4x.Decode([6]byte(b))
		if err != nil {
			if reason(err) == "" || s != (sht4x.Sample{}) {
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
