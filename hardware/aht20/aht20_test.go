package aht20_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"thermarack/hardware/aht20"
	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
	"thermarack/hardware/i2c/i2ctest"
)

// Frames of real parts: from the tests of periph's driver, and from the notes of
// the authors of an Elixir driver.
var (
	mild  = [7]byte{0x18, 0x75, 0x52, 0x05, 0x8e, 0x40, 0x7f}
	humid = [7]byte{0x1c, 0x26, 0x9a, 0x76, 0x42, 0xe7, 0x76}
)

const addr = 0x38

func status(s byte) i2ctest.Op        { return i2ctest.Op{Addr: addr, R: []byte{s}} }
func result(frame [7]byte) i2ctest.Op { return i2ctest.Op{Addr: addr, R: frame[:]} }
func write(b ...byte) i2ctest.Op      { return i2ctest.Op{Addr: addr, W: b} }

var (
	trigger    = write(0xac, 0x33, 0x00)
	initialise = write(0xbe, 0x08, 0x00)
	measuring  = [7]byte{0x98, 0x75, 0x52, 0x05, 0x8e, 0x40, 0x7f}
)

func TestDecodeConvertsWhatRealPartsSent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		frame             [7]byte
		celsius, humidity float64
	}{
		{mild, 19.4458, 45.8282},
		{humid, 28.2667, 15.0794},
	} {
		got, err := aht20.Decode(tt.frame)
		if err != nil || math.Abs(got.Celsius-tt.celsius) > 1e-4 || math.Abs(got.Humidity-tt.humidity) > 1e-4 {
			t.Errorf("% x: %+v, %v, want %v °C, %v %%RH", tt.frame, got, err, tt.celsius, tt.humidity)
		}
	}
}

func TestDecodeSaysWhyASampleIsRejected(t *testing.T) {
	t.Parallel()
	damaged := mild
	damaged[3] ^= 0x10
	for _, tt := range []struct {
		name  string
		frame [7]byte
		want  string
	}{
		{"all ones", [7]byte{255, 255, 255, 255, 255, 255, 255}, fault.Floating},
		{"all zeros", [7]byte{}, fault.Zeros},
		{"a flipped bit", damaged, fault.CRC},
		{"a busy part's checksum is not looked at", measuring, fault.Stale},
		{"nothing measured is -50 °C", [7]byte{0x18, 0, 0, 0, 0, 0, 0x35}, fault.Range},
		{"more than the part can be", [7]byte{0x18, 0x80, 0, 0x0f, 0xff, 0xff, 0x1a}, fault.Range},
	} {
		if got, err := aht20.Decode(tt.frame); reason(err) != tt.want || got != (aht20.Sample{}) {
			t.Errorf("%s: %+v, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestSense(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		ops  []i2ctest.Op
		want string // fault
		took time.Duration
	}{
		{"a part that is ready", []i2ctest.Op{status(0x18), trigger, result(mild)}, "", 80 * time.Millisecond},
		{"after power-on", []i2ctest.Op{status(0x10), initialise, status(0x18), trigger, result(mild)}, "", 90 * time.Millisecond},
		{
			"a slow part", []i2ctest.Op{status(0x18), trigger, result(measuring), result(measuring), result(mild)},
			"", 100 * time.Millisecond,
		},
		{
			"a part that never ends", []i2ctest.Op{
				status(0x18), trigger, result(measuring), result(measuring), result(measuring),
				result(measuring), result(measuring), result(measuring),
			},
			fault.Timeout, 130 * time.Millisecond,
		},
		{"a part that loses its calibration", []i2ctest.Op{status(0x10), initialise, status(0x10)}, fault.PowerOn, 10 * time.Millisecond},
		{"a floating line", []i2ctest.Op{status(0xff)}, fault.Floating, 0},
		{
			"a line that begins to float", []i2ctest.Op{status(0x18), trigger, result([7]byte{255, 255, 255, 255, 255, 255, 255})},
			fault.Floating, 80 * time.Millisecond,
		},
		{"nobody", []i2ctest.Op{{Addr: addr, Err: i2ctest.NoAck, R: []byte{0}}}, fault.NoDevice, 0},
		{
			"gone in the middle", []i2ctest.Op{status(0x18), trigger, {Addr: addr, Err: i2ctest.NoAck}},
			fault.NoDevice, 80 * time.Millisecond,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				got, err := aht20.New(i2ctest.Play(t, tt.ops...), addr).Sense(t.Context())
				if took := time.Since(start); reason(err) != tt.want || took != tt.took || (err == nil) != (got.Celsius != 0) {
					t.Errorf("%+v, %v after %v, want %q after %v", got, err, took, tt.want, tt.took)
				}
			})
		})
	}
}

func TestSenseEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := aht20.New(i2ctest.Play(t, status(0x18), trigger), addr).Sense(ctx)
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != 30*time.Millisecond {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestIdentify(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		frame [7]byte
		want  i2c.Sure
	}{
		{"a part that has measured", mild, i2c.Likely},
		{"the checksum holds though the status is odd", [7]byte{0x00, 0x75, 0x52, 0x05, 0x8e, 0x40, 0x20}, i2c.Likely},
		{"a part that has started and not measured", [7]byte{0x18, 0, 0, 0, 0, 0, 0}, i2c.Likely},
		{"a part without calibration", [7]byte{0x10, 0, 0, 0, 0, 0, 0}, i2c.Possible},
		{"a port expander repeats its pins", [7]byte{0x18, 0x18, 0x18, 0x18, 0x18, 0x18, 0x18}, i2c.No},
		{"all ones", [7]byte{255, 255, 255, 255, 255, 255, 255}, i2c.No},
		{"busy, and nothing else fits", [7]byte{0x81, 1, 2, 3, 4, 5, 6}, i2c.No},
	} {
		got, err := aht20.Identify(i2ctest.Play(t, result(tt.frame)), addr)
		if err != nil || got.Sure != tt.want || (got.Part == "AHT20") != (tt.want != i2c.No) {
			t.Errorf("%s: %+v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
	silent := i2ctest.Play(t, i2ctest.Op{Addr: addr, Err: i2ctest.NoAck})
	if got, err := aht20.Identify(silent, addr); err != nil || got.Sure != i2c.No {
		t.Errorf("nobody: %+v, %v", got, err)
	}
	stuck := errors.New("bus is stuck")
	if _, err := aht20.Identify(i2ctest.Play(t, i2ctest.Op{Addr: addr, Err: stuck}), addr); !errors.Is(err, stuck) {
		t.Errorf("err = %v, want the bus's", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(mild[:])
	f.Add(humid[:])
	f.Add(measuring[:])
	f.Add(mild[:6])
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 6 {
			b = append(b, checksum(b)) // so that values are reached too
		}
		if len(b) != 7 {
			t.Skip()
		}
		s, err := aht20.Decode([7]byte(b))
		if err != nil {
			if reason(err) == "" || s != (aht20.Sample{}) {
				t.Errorf("%+v, %v: want no value and a reason", s, err)
			}
			return
		}
		if !(s.Celsius >= -40 && s.Celsius <= 85 && s.Humidity >= 0 && s.Humidity < 100) {
			t.Errorf("out of range: %+v", s)
		}
	})
}

// checksum divides by the polynomial, bit after bit, with the initial value's
// ones laid over the first byte.
func checksum(b []byte) byte {
	rest := uint(0xff)
	for _, v := range b {
		rest = (rest ^ uint(v)) << 8
		for bit := 15; bit >= 8; bit-- {
			if rest>>bit&1 == 1 {
				rest ^= 0x131 << (bit - 8)
			}
		}
	}
	return byte(rest)
}

// reason is the fault that err is, or "" if it is nil or no fault.
func reason(err error) string {
	r, _ := fault.Of(err)
	return r
}
