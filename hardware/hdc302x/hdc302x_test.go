package hdc302x_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/hardware/fault"
	"thermarack/hardware/hdc302x"
	"thermarack/hardware/i2c"
	"thermarack/hardware/i2c/i2ctest"
	"thermarack/hardware/i2c/i2ctest/parts"
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
		got, err := hdc302x.Decode(tt.frame)
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
		{"zeros with the right checksums, said to come once after power-on", [6]byte{0x00, 0x00, 0x81, 0x00, 0x00, 0x81}, fault.Range},
		{"130 °C", [6]byte{0xff, 0xff, 0xac, 0x80, 0x00, 0xa2}, fault.Range},
	} {
		if got, err := hdc302x.Decode(tt.frame); reason(err) != tt.want || got != (hdc302x.Sample{}) {
			t.Errorf("%s: %+v, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

func ask(command [2]byte, answer ...byte) i2ctest.Op {
	return i2ctest.Op{Addr: addr, W: command[:], R: answer}
}

func TestSense(t *testing.T) {
	t.Parallel()
	status := ask([2]byte{0xf3, 0x2d}, 0x80, 0x10, 0xe1)
	latest := ask([2]byte{0xe0, 0x00}, 0x66, 0x66, 0x93, 0x66, 0x66, 0x93)
	measure, result, notYet := write(0x24, 0x00), read(0x66, 0x66, 0x93, 0x66, 0x66, 0x93), refuse()
	nobody := refuse(0xf3, 0x2d)
	for _, tt := range []struct {
		name string
		ops  []i2ctest.Op
		want string // fault
		took time.Duration
	}{
		{"a part that is there", []i2ctest.Op{status, measure, result}, "", 15 * time.Millisecond},
		{"a slow part", []i2ctest.Op{status, measure, notYet, notYet, result}, "", 23 * time.Millisecond},
		{"a part that measures by itself", []i2ctest.Op{status, refuse(0x24, 0x00), latest}, "", 0},
		{
			"one that is measuring just now",
			[]i2ctest.Op{nobody, nobody, status, refuse(0x24, 0x00), refuse(0xe0, 0x00), latest}, "", 12 * time.Millisecond,
		},
		{
			"a heater that is on", []i2ctest.Op{ask([2]byte{0xf3, 0x2d}, 0xa0, 0x10, 0x3d), write(0x30, 0x66)},
			fault.Range, 0,
		},
		{"nobody", []i2ctest.Op{nobody, nobody, nobody, nobody, nobody, nobody}, fault.NoDevice, 20 * time.Millisecond},
		{"a floating line", []i2ctest.Op{ask([2]byte{0xf3, 0x2d}, 255, 255, 255)}, fault.Floating, 0},
		{"a shorted line", []i2ctest.Op{ask([2]byte{0xf3, 0x2d}, 0, 0, 0)}, fault.Zeros, 0},
		{"a bad cable", []i2ctest.Op{ask([2]byte{0xf3, 0x2d}, 0x80, 0x11, 0xe1)}, fault.CRC, 0},
		{
			"nothing measured yet", []i2ctest.Op{status, measure, read(0, 0, 0x81, 0, 0, 0x81)},
			fault.Range, 15 * time.Millisecond,
		},
		{
			"a bus that gets stuck", []i2ctest.Op{status, measure, {Addr: addr, Err: fault.New(fault.Timeout, "stuck")}},
			fault.Timeout, 15 * time.Millisecond,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				got, err := hdc302x.New(i2ctest.Play(t, tt.ops...), addr).Sense(t.Context())
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
		p := parts.NewHDC302x(-7.25, 43.5)
		dev := hdc302x.New(p, addr)
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
		if _, err := hdc302x.New(p, addr).Sense(t.Context()); reason(err) != fault.NoDevice || p.Heated != 0 {
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
			p := parts.NewHDC302x(20, 40)
			p.Slow = time.Hour
			start := time.Now()
			_, err := hdc302x.New(p, addr).Sense(ctx)
			if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != deadline {
				t.Errorf("%v after %v, want it after %v", err, took, deadline)
			}
		})
	}
}

func TestIdentifyWaitsForAPartThatIsMeasuring(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := parts.NewHDC302x(20, 40)
		p.Busy = 3
		got, err := hdc302x.Identify(p, addr)
		want := i2c.Match{Part: "HDC302x", Sure: i2c.Certain, Why: "manufacturer ID 0x3000 with the right checksum"}
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
		s, err := hdc302x.Decode([6]byte(b))
		if err != nil {
			if reason(err) == "" || s != (hdc302x.Sample{}) {
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
