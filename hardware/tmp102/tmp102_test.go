package tmp102_test

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
	"thermarack/hardware/tmp102"
)

const addr = 0x49

func read(register byte, bytes ...byte) i2ctest.Op {
	return i2ctest.Op{Addr: addr, W: []byte{register}, R: bytes}
}

func write(bytes ...byte) i2ctest.Op { return i2ctest.Op{Addr: addr, W: bytes} }

// The rows are from the datasheet's tables of both formats.
func TestDecodeConvertsTheDatasheetsTables(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		bytes [2]byte
		want  float64
	}{
		{[2]byte{0x64, 0x00}, 100},
		{[2]byte{0x19, 0x00}, 25},
		{[2]byte{0x00, 0x40}, 0.25},
		{[2]byte{0x00, 0x00}, 0},
		{[2]byte{0xff, 0xf0}, -0.0625},
		{[2]byte{0xff, 0xc0}, -0.25},
		{[2]byte{0xe7, 0x00}, -25},
		{[2]byte{0x32, 0x01}, 100}, // extended from here on
		{[2]byte{0x0c, 0x81}, 25},
		{[2]byte{0x00, 0x21}, 0.25},
		{[2]byte{0x00, 0x01}, 0},
		{[2]byte{0xff, 0xe1}, -0.25},
		{[2]byte{0xff, 0xf9}, -0.0625},
		{[2]byte{0xf3, 0x81}, -25},
	} {
		if got, err := tmp102.Decode(tt.bytes); err != nil || got != tt.want {
			t.Errorf("% x: %v, %v, want %v", tt.bytes, got, err, tt.want)
		}
	}
}

func TestDecodeSaysWhyASampleIsRejected(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		bytes [2]byte
		want  string
	}{
		{"all ones", [2]byte{0xff, 0xff}, fault.Floating},
		{"a bit that is never set", [2]byte{0x19, 0x08}, fault.CRC},
		{"one that is never set in extended mode", [2]byte{0x0c, 0x83}, fault.CRC},
		{"125.0625 °C", [2]byte{0x7d, 0x10}, fault.Range},
		{"150 °C in extended mode", [2]byte{0x4b, 0x01}, fault.Range},
		{"-40.0625 °C", [2]byte{0xd7, 0xf0}, fault.Range},
		{"-128 °C", [2]byte{0x80, 0x00}, fault.Range},
	} {
		if got, err := tmp102.Decode(tt.bytes); reason(err) != tt.want || got != 0 {
			t.Errorf("%s: %v, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestSense(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		ops  []i2ctest.Op
		want float64
		flt  string
		took time.Duration
	}{
		{"a part that converts", []i2ctest.Op{read(1, 0x60, 0xa0), read(0, 0x15, 0x70)}, 21.4375, "", 0},
		{"below zero", []i2ctest.Op{read(1, 0x60, 0xa0), read(0, 0xf2, 0xf0)}, -13.0625, "", 0},
		{
			"a true zero",
			[]i2ctest.Op{read(1, 0x60, 0xa0), read(0, 0, 0), read(0, 0, 0)}, 0, "", 35 * time.Millisecond,
		},
		{
			"a part that sleeps, with settings that stay",
			[]i2ctest.Op{read(1, 0x7d, 0x60), write(1, 0xfd, 0x60), read(1, 0xfd, 0x60), read(0, 0x15, 0x70)},
			21.4375, "", 35 * time.Millisecond,
		},
		{
			"a conversion that takes longer",
			[]i2ctest.Op{read(1, 0x61, 0xa0), write(1, 0xe1, 0xa0), read(1, 0x61, 0xa0), read(1, 0xe1, 0xa0), read(0, 0, 0)},
			0, "", 40 * time.Millisecond,
		},
		{"nobody", []i2ctest.Op{{Addr: addr, W: []byte{1}, Err: i2ctest.NoAck}}, 0, fault.NoDevice, 0},
		{"a floating line", []i2ctest.Op{read(1, 0xff, 0xff)}, 0, fault.Floating, 0},
		{"a shorted line", []i2ctest.Op{read(1, 0, 0)}, 0, fault.Zeros, 0},
		{"another part", []i2ctest.Op{read(1, 0x02, 0x20)}, 0, fault.NoDevice, 0},
		{"a line that begins to float", []i2ctest.Op{read(1, 0x60, 0xa0), read(0, 0xff, 0xff)}, 0, fault.Floating, 0},
		{
			"gone in the middle",
			[]i2ctest.Op{read(1, 0x60, 0xa0), {Addr: addr, W: []byte{0}, Err: i2ctest.NoAck}}, 0, fault.NoDevice, 0,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				got, err := tmp102.New(i2ctest.Play(t, tt.ops...), addr).Sense(t.Context())
				if took := time.Since(start); got != tt.want || reason(err) != tt.flt || (err == nil) != (tt.flt == "") || took != tt.took {
					t.Errorf("%v, %v after %v, want %v, %q after %v", got, err, took, tt.want, tt.flt, tt.took)
				}
			})
		})
	}
}

func TestASleepingPartConvertsOnceEachTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := parts.NewTMP102(30)
		dev := tmp102.New(p, addr)
		if got, err := dev.Sense(t.Context()); err != nil || got != 30 || p.Writes != 0 {
			t.Errorf("awake: %v, %v, %d writes", got, err, p.Writes)
		}
		p.Config |= 1 << 8
		for _, celsius := range []float64{35, -20.5} {
			p.Celsius = celsius
			if got, err := dev.Sense(t.Context()); err != nil || got != celsius || p.Config&(1<<8) == 0 {
				t.Errorf("asleep: %v, %v, configuration 0x%04x", got, err, p.Config)
			}
		}
		p.Slow = time.Hour
		if _, err := dev.Sense(t.Context()); reason(err) != fault.Timeout {
			t.Errorf("a conversion that does not end: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if _, err := dev.Sense(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a reader that leaves: %v", err)
		}
	})
}

func TestAFreshPartIsNotBelievedAtZero(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := parts.NewTMP102(21.5)
		dev := tmp102.New(p, addr)
		p.PowerCycle()
		if got, err := dev.Sense(t.Context()); err != nil || got != 21.5 {
			t.Errorf("%v, %v, want 21.5", got, err)
		}
		p.Celsius = 0
		if got, err := dev.Sense(t.Context()); err != nil || got != 0 {
			t.Errorf("%v, %v, want 0", got, err)
		}
	})
}

func TestIdentifySaysWhatItSaw(t *testing.T) {
	t.Parallel()
	bus := i2ctest.Play(t, read(0x0f, 0x50, 0x00),
		read(0, 0x15, 0x70), read(1, 0x60, 0xa0), read(2, 0x4b, 0x00), read(1, 0x60, 0x80), read(3, 0x50, 0x00))
	got, err := tmp102.Identify(bus, addr)
	want := i2c.Match{Part: "TMP102", Sure: i2c.Likely, Why: "the configuration 0x60a0 has 16 bits, and the limits fit"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestIdentifyIsNotFooledByAByteOfTheRegisterBefore(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		ops  []i2ctest.Op // temperature, configuration, low, configuration, high
	}{
		{"equal second bytes everywhere", []i2ctest.Op{
			read(0, 0x15, 0x80), read(1, 0x60, 0x80), read(2, 0x4b, 0x80), read(1, 0x60, 0x80), read(3, 0x50, 0x00),
		}},
		{"a second byte that moves", []i2ctest.Op{
			read(0, 0x15, 0x80), read(1, 0x60, 0x80), read(2, 0x4b, 0x40), read(1, 0x60, 0x40), read(3, 0x50, 0x00),
		}},
		{"a second byte that moves by itself", []i2ctest.Op{
			read(0, 0x15, 0x80), read(1, 0x60, 0xa0), read(2, 0x4b, 0x00), read(1, 0x60, 0x40), read(3, 0x50, 0x00),
		}},
		{"limits upside down", []i2ctest.Op{
			read(0, 0x15, 0x80), read(1, 0x60, 0xa0), read(2, 0x60, 0x00), read(1, 0x60, 0xa0), read(3, 0x80, 0x00),
		}},
		{"no limits", []i2ctest.Op{
			read(0, 0x15, 0x80), read(1, 0x60, 0xa0), read(2, 0, 0), read(1, 0x60, 0xa0), read(3, 0, 0),
		}},
		{"a temperature of the other format", []i2ctest.Op{
			read(0, 0x15, 0x81), read(1, 0x60, 0xa0), read(2, 0x4b, 0x00), read(1, 0x60, 0xa0), read(3, 0x50, 0x00),
		}},
	} {
		bus := i2ctest.Play(t, append([]i2ctest.Op{read(0x0f, 0, 0)}, tt.ops...)...)
		if got, err := tmp102.Identify(bus, addr); err != nil || got != (i2c.Match{}) {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(byte(0x19), byte(0x00))
	f.Add(byte(0xff), byte(0xff))
	f.Add(byte(0x4b), byte(0x01))
	f.Fuzz(func(t *testing.T, high, low byte) {
		got, err := tmp102.Decode([2]byte{high, low})
		if err != nil {
			if reason(err) == "" || got != 0 {
				t.Errorf("%v, %v: want no value and a reason", got, err)
			}
			return
		}
		if got < -40 || got > 125 || math.Mod(got*16, 1) != 0 {
			t.Errorf("%02x %02x: %v", high, low, got)
		}
	})
}

// reason is the fault that err is, or "" if it is nil or no fault.
func reason(err error) string {
	r, _ := fault.Of(err)
	return r
}
