package lm75_test

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
	"thermarack/hardware/lm75"
)

const addr = 0x48

func read(register byte, bytes ...byte) i2ctest.Op {
	return i2ctest.Op{Addr: addr, W: []byte{register}, R: bytes}
}

func write(bytes ...byte) i2ctest.Op { return i2ctest.Op{Addr: addr, W: bytes} }

// The rows are from the tables of the datasheets: TMP75 table 7-1, SNIS153
// "Temperature data format", NXP LM75B table 10.
func TestDecodeConvertsTheDatasheetsTables(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		bytes [2]byte
		bits  int
		want  float64
	}{
		{[2]byte{0x64, 0x00}, 12, 100},
		{[2]byte{0x19, 0x00}, 12, 25},
		{[2]byte{0x00, 0x40}, 12, 0.25},
		{[2]byte{0x00, 0x00}, 12, 0},
		{[2]byte{0xff, 0xf0}, 12, -0.0625},
		{[2]byte{0xff, 0xc0}, 12, -0.25},
		{[2]byte{0xe7, 0x00}, 12, -25},
		{[2]byte{0xc9, 0x00}, 12, -55},
		{[2]byte{0x7d, 0x00}, 12, 125},
		{[2]byte{0x19, 0x2a}, 9, 25},
		{[2]byte{0xff, 0x80}, 9, -0.5},
		{[2]byte{0xce, 0xff}, 10, -49.25},
		{[2]byte{0xff, 0xe0}, 11, -0.125},
	} {
		if got, err := lm75.Decode(tt.bytes, tt.bits); err != nil || got != tt.want {
			t.Errorf("% x with %d bits: %v, %v, want %v", tt.bytes, tt.bits, got, err, tt.want)
		}
	}
}

func TestDecodeSaysWhyASampleIsRejected(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		bytes [2]byte
		want  string
	}{
		{[2]byte{0xff, 0xff}, fault.Floating},
		{[2]byte{0x7d, 0x10}, fault.Range},
		{[2]byte{0xc8, 0xf0}, fault.Range},
		{[2]byte{0x80, 0x00}, fault.Range},
	} {
		if got, err := lm75.Decode(tt.bytes, 12); reason(err) != tt.want || got != 0 {
			t.Errorf("% x: %v, %v, want %q", tt.bytes, got, err, tt.want)
		}
	}
}

func TestTheFirstReadingRaisesTheResolution(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus := i2ctest.Play(t,
			read(1, 0x06), // interrupt mode, active high: the operator's
			read(1, 0x06),
			read(2, 0x4b, 0x00), read(6, 0x4b, 0x00), read(3, 0x50, 0x00), read(6, 0x4b, 0x00), read(7, 0x50, 0x00),
			read(0, 0xf8, 0x80),
			write(1, 0x66), read(1, 0x66),
			read(0, 0xf8, 0xc0),
			// The second reading knows all that.
			read(1, 0x66), read(0, 0xf8, 0xd0),
		)
		dev, start := lm75.New(bus, addr), time.Now()
		if got, err := dev.Sense(t.Context()); err != nil || got != -7.25 || time.Since(start) != 300*time.Millisecond {
			t.Errorf("first: %v, %v after %v, want -7.25 after 300ms", got, err, time.Since(start))
		}
		start = time.Now()
		if got, err := dev.Sense(t.Context()); err != nil || got != -7.1875 || time.Since(start) != 0 {
			t.Errorf("second: %v, %v after %v, want -7.1875 at once", got, err, time.Since(start))
		}
	})
}

func TestEveryMakeIsReadAsFinelyAsItCan(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		kind    parts.Make
		celsius float64
		want    float64
		config  byte
	}{
		{"TMP75", parts.TMP75, 21.4375, 21.4375, 0x60},
		{"TMP75 below zero", parts.TMP75, -10.3125, -10.3125, 0x60},
		{"TMP105 of QEMU", parts.QEMUTMP105, 21.4375, 21.4375, 0x60},
		{"TMP105 of QEMU below zero", parts.QEMUTMP105, -12.5, -12.5, 0x60},
		{"LM75 has undefined bits", parts.National, -0.75, -1, 0},
		{"LM75A", parts.LM75A, 21.4375, 21, 0},
		{"LM75B", parts.NXP, 21.4375, 21.375, 0},
		{"a part that refuses what it should not be asked", parts.Strict, 21.6, 21.5, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := parts.NewLM75(tt.kind, tt.celsius)
				dev, start := lm75.New(p, addr), time.Now()
				for range 3 {
					if got, err := dev.Sense(t.Context()); err != nil || got != tt.want {
						t.Errorf("%v, %v, want %v", got, err, tt.want)
					}
				}
				if took := time.Since(start); took != 300*time.Millisecond {
					t.Errorf("three readings took %v", took)
				}
				if p.Config != tt.config || p.Writes > 1 || p.Abused != 0 || p.Short != 0 {
					t.Errorf("the part is %+v, want configuration 0x%02x and no harm", p, tt.config)
				}
			})
		})
	}
}

func TestAPartThatDropsTheResolutionGetsItsConfigurationBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// 21.5 °C: an LM75B shows by nothing that it is finer than the bits say.
		p := parts.NewLM75(parts.NXP, 21.5)
		p.Config = 0x18
		dev := lm75.New(p, addr)
		for range 2 {
			if got, err := dev.Sense(t.Context()); err != nil || got != 21.5 {
				t.Errorf("%v, %v", got, err)
			}
		}
		if p.Config != 0x18 || p.Writes != 2 {
			t.Errorf("configuration 0x%02x after %d writes, want 0x18 after 2", p.Config, p.Writes)
		}
		p.Celsius = 21.625
		if got, err := dev.Sense(t.Context()); err != nil || got != 21.625 {
			t.Errorf("%v, %v, want its finer bits as well", got, err)
		}
	})
}

func TestAPowerCycleIsSeen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := parts.NewLM75(parts.TMP75, 21.4375)
		dev := lm75.New(p, addr)
		sense := func(want float64, took time.Duration) {
			t.Helper()
			start := time.Now()
			if got, err := dev.Sense(t.Context()); err != nil || got != want || time.Since(start) != took {
				t.Errorf("%v, %v after %v, want %v after %v", got, err, time.Since(start), want, took)
			}
		}
		sense(21.4375, 300*time.Millisecond)
		sense(21.4375, 0)
		p.PowerCycle()
		sense(21.4375, 300*time.Millisecond)
		p.Gone = true
		if _, err := dev.Sense(t.Context()); reason(err) != fault.NoDevice {
			t.Errorf("err = %v, want no-device", err)
		}
		p.Gone = false
		p.PowerCycle()
		sense(21.4375, 300*time.Millisecond)
		if p.Config != 0x60 {
			t.Errorf("configuration 0x%02x, want 0x60", p.Config)
		}
	})
}

func TestAFreshLM75IsNotBelievedAtZero(t *testing.T) {
	t.Parallel()
	for _, kind := range []parts.Make{parts.LM75A, parts.NXP, parts.Strict} {
		synctest.Test(t, func(t *testing.T) {
			p := parts.NewLM75(kind, 21.5)
			dev := lm75.New(p, addr)
			if _, err := dev.Sense(t.Context()); err != nil {
				t.Error(err)
			}
			p.PowerCycle() // which no bit of its configuration shows
			if got, err := dev.Sense(t.Context()); err != nil || got != 21.5 {
				t.Errorf("make %d: %v, %v, want 21.5", kind, got, err)
			}
			p.Celsius = 0.25 // which is truly 0 °C with nine bits
			time.Sleep(time.Second)
			want := 0.0
			if kind == parts.NXP {
				want = 0.25
			}
			if got, err := dev.Sense(t.Context()); err != nil || got != want {
				t.Errorf("make %d: %v, %v, want %v", kind, got, err, want)
			}
		})
	}
}

func TestASleepingPartIsWokenForOneConversion(t *testing.T) {
	t.Parallel()
	for _, kind := range []parts.Make{parts.TMP75, parts.LM75A, parts.NXP, parts.National} {
		synctest.Test(t, func(t *testing.T) {
			p := parts.NewLM75(kind, 30)
			dev := lm75.New(p, addr)
			if _, err := dev.Sense(t.Context()); err != nil {
				t.Error(err)
			}
			p.Config |= 0x19 // shut down, by somebody who wants a queue of six
			asleep := p.Config
			for _, celsius := range []float64{35, 20} {
				p.Celsius = celsius
				start := time.Now()
				got, err := dev.Sense(t.Context())
				if took := time.Since(start); err != nil || got != celsius || took != 300*time.Millisecond || p.Config != asleep {
					t.Errorf("make %d: %v, %v after %v, configuration 0x%02x", kind, got, err, took, p.Config)
				}
			}
		})
	}
}

func TestASleepingPartSleepsAgainThoughItsReaderLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := parts.NewLM75(parts.TMP75, 30)
		p.Config = 0x61
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := lm75.New(p, addr).Sense(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 100*time.Millisecond || p.Config != 0x61 {
			t.Errorf("%v after %v, configuration 0x%02x", err, time.Since(start), p.Config)
		}
	})
}

func TestAReaderThatLeftDoesNotShortenTheFirstConversion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := parts.NewLM75(parts.TMP75, 21.4375)
		dev := lm75.New(p, addr)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		if _, err := dev.Sense(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v", err)
		}
		got, err := dev.Sense(t.Context())
		if took := time.Since(start); err != nil || got != 21.4375 || took != 300*time.Millisecond {
			t.Errorf("%v, %v after %v", got, err, took)
		}
	})
}

func TestSenseRejectsWhatNobodyMeasured(t *testing.T) {
	t.Parallel()
	noAck := i2ctest.Op{Addr: addr, W: []byte{1}, Err: i2ctest.NoAck}
	known := []i2ctest.Op{read(1, 0x60)}
	for _, tt := range []struct {
		name string
		ops  []i2ctest.Op
		want string
	}{
		{"nobody", []i2ctest.Op{noAck}, fault.NoDevice},
		{"a floating line", []i2ctest.Op{read(1, 0xff)}, fault.Floating},
		{"a line that begins to float", append(known, read(0, 0xff, 0xff)), fault.Floating},
		{"a line that is shorted", append(known, read(0, 0, 0), read(3, 0, 0), read(2, 0, 0)), fault.Zeros},
		{"hotter than the part can be", append(known, read(0, 0x7e, 0)), fault.Range},
		{"gone in the middle", append(known, i2ctest.Op{Addr: addr, W: []byte{0}, Err: i2ctest.NoAck}), fault.NoDevice},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got, err := lm75.New(i2ctest.Play(t, tt.ops...), addr).Sense(t.Context()); reason(err) != tt.want || got != 0 {
				t.Errorf("%v, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestIdentifyOfTheEmulatedPi(t *testing.T) {
	t.Parallel()
	got, err := lm75.Identify(parts.NewLM75(parts.QEMUTMP105, 21.5), addr)
	want := i2c.Match{Part: "LM75", Sure: i2c.Likely, Why: "unused registers repeat the four that it has, and the limits fit"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(byte(0x19), byte(0x2a), 9)
	f.Add(byte(0xff), byte(0xff), 12)
	f.Add(byte(0xc9), byte(0x00), 11)
	f.Fuzz(func(t *testing.T, high, low byte, bits int) {
		got, err := lm75.Decode([2]byte{high, low}, bits)
		if err != nil {
			if reason(err) == "" || got != 0 {
				t.Errorf("%v, %v: want no value and a reason", got, err)
			}
			return
		}
		if got < -55 || got > 125 || math.Mod(got*16, 1) != 0 {
			t.Errorf("%02x %02x with %d bits: %v", high, low, bits, got)
		}
	})
}

// reason is the fault that err is, or "" if it is nil or no fault.
func reason(err error) string {
	r, _ := fault.Of(err)
	return r
}
