package mcp9808_test

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
	"thermarack/hardware/mcp9808"
)

const addr = 0x18

func read(register byte, bytes ...byte) i2ctest.Op {
	return i2ctest.Op{Addr: addr, W: []byte{register}, R: bytes}
}

func write(bytes ...byte) i2ctest.Op { return i2ctest.Op{Addr: addr, W: bytes} }

func TestDecodeConvertsWithoutTheAlerts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		bytes [2]byte
		want  float64
	}{
		{[2]byte{0xc1, 0x94}, 25.25}, // critical and upper limits of 0 °C, as from the factory
		{[2]byte{0x01, 0x94}, 25.25},
		{[2]byte{0xe1, 0x57}, 21.4375},
		{[2]byte{0x00, 0x01}, 0.0625},
		{[2]byte{0xc0, 0x00}, 0},
		{[2]byte{0x00, 0x00}, 0},
		{[2]byte{0x1f, 0xff}, -0.0625},
		{[2]byte{0x3f, 0xff}, -0.0625},
		{[2]byte{0x3e, 0x6c}, -25.25},
		{[2]byte{0x3d, 0x80}, -40},
		{[2]byte{0xc7, 0xd0}, 125},
	} {
		if got, err := mcp9808.Decode(tt.bytes); err != nil || got != tt.want {
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
		{"125.0625 °C", [2]byte{0xc7, 0xd1}, fault.Range},
		{"-40.0625 °C", [2]byte{0x3d, 0x7f}, fault.Range},
		{"-256 °C", [2]byte{0x10, 0x00}, fault.Range},
	} {
		if got, err := mcp9808.Decode(tt.bytes); reason(err) != tt.want || got != 0 {
			t.Errorf("%s: %v, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

// A conversation is what a reading leads to.
type conversation struct {
	name string
	ops  []i2ctest.Op
	want float64
	flt  string // the fault, or none
	took time.Duration
}

// check reads once in each of the conversations.
func check(t *testing.T, conversations []conversation) {
	t.Helper()
	for _, tt := range conversations {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				got, err := mcp9808.New(i2ctest.Play(t, tt.ops...), addr).Sense(t.Context())
				took := time.Since(start)
				if got != tt.want || reason(err) != tt.flt || (err == nil) != (tt.flt == "") || took != tt.took {
					t.Errorf("%v, %v after %v, want %v, %q after %v", got, err, took, tt.want, tt.flt, tt.took)
				}
			})
		})
	}
}

func TestSense(t *testing.T) {
	t.Parallel()
	check(t, []conversation{
		{"a part that converts", []i2ctest.Op{read(1, 0, 0), read(8, 3), read(5, 0xc1, 0x57)}, 21.4375, "", 0},
		{"below zero", []i2ctest.Op{read(1, 0, 0), read(8, 3), read(5, 0x3e, 0x6c)}, -25.25, "", 0},
		{
			"a coarse resolution is raised", []i2ctest.Op{read(1, 0, 0), read(8, 1), write(8, 3), read(5, 0xc1, 0x57)},
			21.4375, "", 300 * time.Millisecond,
		},
		{
			"a part that sleeps, with settings that stay",
			[]i2ctest.Op{
				read(1, 0x07, 0x0b), read(8, 3), write(1, 0x06, 0x0b), read(5, 0xc1, 0x57), write(1, 0x07, 0x0b),
			},
			21.4375, "", 300 * time.Millisecond,
		},
		{
			"a part that sleeps, locked", []i2ctest.Op{read(1, 0x01, 0x40), read(8, 3)}, 0, fault.Stale, 0,
		},
		{
			"a true zero", []i2ctest.Op{read(1, 0, 0), read(8, 3), read(5, 0, 0), read(6, 0, 0x54), read(5, 0, 0)},
			0, "", 300 * time.Millisecond,
		},
		{"a zero with alerts was measured", []i2ctest.Op{read(1, 0, 0), read(8, 3), read(5, 0xc0, 0)}, 0, "", 0},
	})
}

func TestSenseRejectsWhatNobodyMeasured(t *testing.T) {
	t.Parallel()
	check(t, []conversation{
		{"nobody", []i2ctest.Op{{Addr: addr, W: []byte{1}, Err: i2ctest.NoAck}}, 0, fault.NoDevice, 0},
		{"a floating line", []i2ctest.Op{read(1, 0xff, 0xff)}, 0, fault.Floating, 0},
		{"a line that begins to float", []i2ctest.Op{read(1, 0, 0), read(8, 3), read(5, 255, 255)}, 0, fault.Floating, 0},
		{"another part", []i2ctest.Op{read(1, 0x18, 0x18)}, 0, fault.NoDevice, 0},
		{"another part with small numbers", []i2ctest.Op{read(1, 0, 0), read(8, 0x18)}, 0, fault.NoDevice, 0},
		{
			"gone in the middle",
			[]i2ctest.Op{read(1, 0, 0), read(8, 3), {Addr: addr, W: []byte{5}, Err: i2ctest.NoAck}}, 0, fault.NoDevice, 0,
		},
	})
}

// A shorted line gives a good configuration and a resolution that can be raised.
func TestAShortedLineIsNoZeroDegrees(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		got, err := mcp9808.New(parts.Silent(0), addr).Sense(t.Context())
		if reason(err) != fault.Zeros || got != 0 {
			t.Errorf("%v, %v, want zeros", got, err)
		}
	})
}

func TestAPartIsFollowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := parts.NewMCP9808(21.4375)
		p.Resolution, p.Alerts = 0, 0xc000
		dev := mcp9808.New(p, addr)
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
		sense(21.4375, 300*time.Millisecond) // the register held a zero
		p.Config |= 1 << 8
		for _, celsius := range []float64{30.0625, -30.0625} {
			p.Celsius = celsius
			sense(celsius, 300*time.Millisecond)
		}
		if p.Config != 1<<8 || p.Resolution != 3 || p.Abused != 0 {
			t.Errorf("the part is %+v, want it asleep and unharmed", p)
		}
		p.Gone = true
		if _, err := dev.Sense(t.Context()); reason(err) != fault.NoDevice {
			t.Errorf("err = %v, want no-device", err)
		}
	})
}

func TestASleepingPartSleepsAgainThoughItsReaderLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := parts.NewMCP9808(30)
		p.Config = 1 << 8
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := mcp9808.New(p, addr).Sense(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 100*time.Millisecond || p.Config != 1<<8 {
			t.Errorf("%v after %v, configuration 0x%04x", err, time.Since(start), p.Config)
		}
	})
}

func TestIdentifySaysWhatItSaw(t *testing.T) {
	t.Parallel()
	got, err := mcp9808.Identify(i2ctest.Play(t, read(6, 0x00, 0x54), read(7, 0x04, 0x01)), addr)
	want := i2c.Match{Part: "MCP9808", Sure: i2c.Certain, Why: "registers 0x06 and 0x07 hold 0x0054 and 0x0401"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(byte(0xc1), byte(0x94))
	f.Add(byte(0x1f), byte(0xff))
	f.Add(byte(0xff), byte(0xff))
	f.Fuzz(func(t *testing.T, high, low byte) {
		got, err := mcp9808.Decode([2]byte{high, low})
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
