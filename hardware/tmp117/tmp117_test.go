package tmp117_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
	"thermarack/hardware/i2c/i2ctest"
	"thermarack/hardware/i2c/i2ctest/parts"
	"thermarack/hardware/tmp117"
)

const addr = 0x48

func read(register byte, bytes ...byte) i2ctest.Op {
	return i2ctest.Op{Addr: addr, W: []byte{register}, R: bytes}
}

func write(bytes ...byte) i2ctest.Op { return i2ctest.Op{Addr: addr, W: bytes} }

// The rows are from table 7-1 of the datasheet.
func TestDecodeConvertsTheDatasheetsTable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		bytes [2]byte
		want  float64
	}{
		{[2]byte{0xf3, 0x80}, -25},
		{[2]byte{0xff, 0xf0}, -0.125},
		{[2]byte{0xff, 0xff}, -0.0078125},
		{[2]byte{0x00, 0x00}, 0},
		{[2]byte{0x00, 0x01}, 0.0078125},
		{[2]byte{0x00, 0x10}, 0.125},
		{[2]byte{0x00, 0x80}, 1},
		{[2]byte{0x0c, 0x80}, 25},
		{[2]byte{0x32, 0x00}, 100},
	} {
		if got, err := tmp117.Decode(tt.bytes); err != nil || got != tt.want {
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
		{"-256 °C", [2]byte{0x80, 0x00}, fault.PowerOn},
		{"hardly more", [2]byte{0x80, 0x01}, fault.Range},
		{"255.9921 °C", [2]byte{0x7f, 0xff}, fault.Range},
		{"150.0078 °C", [2]byte{0x4b, 0x01}, fault.Range},
		{"-55.0078 °C", [2]byte{0xe4, 0x7f}, fault.Range},
	} {
		if got, err := tmp117.Decode(tt.bytes); reason(err) != tt.want || got != 0 {
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
				got, err := tmp117.New(i2ctest.Play(t, tt.ops...), addr).Sense(t.Context())
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
	known, busy := read(0x0f, 0x01, 0x17), read(1, 0x12, 0x20)
	check(t, []conversation{
		{"a part that converts", []i2ctest.Op{known, read(1, 0x22, 0x20), read(0, 0x0a, 0xc0)}, 21.5, "", 0},
		{"below zero", []i2ctest.Op{known, read(1, 0x02, 0x20), read(0, 0xf9, 0x78)}, -13.0625, "", 0},
		{"a true zero", []i2ctest.Op{known, read(1, 0x22, 0x20), read(0, 0, 0), read(0x0f, 0x01, 0x17)}, 0, "", 0},
		{"true ones", []i2ctest.Op{known, read(1, 0x22, 0x20), read(0, 255, 255), read(0x0f, 0x01, 0x17)}, -0.0078125, "", 0},
		{"settings of zero are some", []i2ctest.Op{known, read(1, 0, 0), read(0, 0x0a, 0xc0)}, 21.5, "", 0},
		{
			"an EEPROM that loads", []i2ctest.Op{known, busy, busy, read(1, 0x02, 0x20), read(0, 0x0a, 0xc0)},
			21.5, "", 10 * time.Millisecond,
		},
		{
			"an EEPROM that never ends", []i2ctest.Op{known, busy, busy, busy, busy, busy, busy, busy, busy},
			0, fault.Timeout, 40 * time.Millisecond,
		},
		{
			"a part that sleeps, with settings that stay",
			[]i2ctest.Op{
				known, read(1, 0x27, 0xbc), read(4, 0, 0), write(1, 0x0f, 0xbc),
				read(1, 0x07, 0xbc), read(1, 0x27, 0xbc), read(0, 0x0a, 0xc0),
			},
			21.5, "", 145 * time.Millisecond,
		},
	})
}

func TestSenseRejectsWhatNobodyMeasured(t *testing.T) {
	t.Parallel()
	known := read(0x0f, 0x01, 0x17)
	check(t, []conversation{
		{
			"a part that sleeps, unlocked",
			[]i2ctest.Op{known, read(1, 0x26, 0x20), read(4, 0x80, 0)}, 0, fault.Stale, 0,
		},
		{"not converted yet", []i2ctest.Op{known, read(1, 0x02, 0x20), read(0, 0x80, 0)}, 0, fault.PowerOn, 0},
		{"nobody", []i2ctest.Op{{Addr: addr, W: []byte{0x0f}, Err: i2ctest.NoAck}}, 0, fault.NoDevice, 0},
		{"a floating line", []i2ctest.Op{read(0x0f, 0xff, 0xff)}, 0, fault.Floating, 0},
		{"a line that floats next", []i2ctest.Op{known, read(1, 0xff, 0xff)}, 0, fault.Floating, 0},
		{"a shorted line", []i2ctest.Op{read(0x0f, 0, 0)}, 0, fault.Zeros, 0},
		{"a line that is shorted next", []i2ctest.Op{known, read(1, 0, 0), read(0, 0, 0), read(0x0f, 0, 0)}, 0, fault.Zeros, 0},
		{
			"a line that begins to float",
			[]i2ctest.Op{known, read(1, 0x22, 0x20), read(0, 255, 255), read(0x0f, 255, 255)}, 0, fault.Floating, 0,
		},
		{"another part", []i2ctest.Op{read(0x0f, 0x50, 0x00)}, 0, fault.NoDevice, 0},
		{
			"another part next", []i2ctest.Op{known, read(1, 0x60, 0xa0), read(0, 0, 0), read(0x0f, 0x50, 0)},
			0, fault.NoDevice, 0,
		},
	})
}

func TestASleepingPartConvertsOnceWithItsAveraging(t *testing.T) {
	t.Parallel()
	for averages, most := range []time.Duration{20, 145, 565, 1125} {
		t.Run(fmt.Sprintf("averaging %d", averages), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := parts.NewTMP117(30)
				p.Config = p.Config&^(3<<5) | uint16(averages)<<5
				p.Sleep()
				asleep := p.Config &^ (1 << 13)
				dev := tmp117.New(p, addr)
				for _, celsius := range []float64{35.5, -20.25} {
					p.Celsius = celsius
					start := time.Now()
					got, err := dev.Sense(t.Context())
					if took := time.Since(start); err != nil || got != celsius || took > most*time.Millisecond {
						t.Errorf("%v, %v after %v", got, err, took)
					}
				}
				if p.Config&^(1<<13) != asleep || p.Burned != 0 {
					t.Errorf("configuration 0x%04x, want 0x%04x; %d writes to the EEPROM", p.Config, asleep, p.Burned)
				}
			})
		})
	}
}

func TestAPowerCycleIsRejectedUntilTheFirstConversion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := parts.NewTMP117(21.5)
		dev := tmp117.New(p, addr)
		p.PowerCycle()
		if _, err := dev.Sense(t.Context()); reason(err) != fault.PowerOn {
			t.Errorf("err = %v, want power-on", err)
		}
		time.Sleep(125 * time.Millisecond)
		if got, err := dev.Sense(t.Context()); err != nil || got != 21.5 || p.Writes != 0 {
			t.Errorf("%v, %v after %d writes", got, err, p.Writes)
		}
	})
}

func TestAnUnlockedEEPROMIsNeverWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := parts.NewTMP117(21.5)
		p.Unlocked = true
		dev := tmp117.New(p, addr)
		if got, err := dev.Sense(t.Context()); err != nil || got != 21.5 {
			t.Errorf("awake: %v, %v", got, err)
		}
		p.Sleep()
		if _, err := dev.Sense(t.Context()); reason(err) != fault.Stale || p.Burned != 0 || p.Writes != 0 {
			t.Errorf("asleep: %v, %d writes", err, p.Writes)
		}
	})
}

func TestTheIDIsReadAgainAfterTrouble(t *testing.T) {
	t.Parallel()
	known, settings, value := read(0x0f, 0x01, 0x17), read(1, 0x22, 0x20), read(0, 0x0a, 0xc0)
	gone := i2ctest.Op{Addr: addr, W: []byte{1}, Err: i2ctest.NoAck}
	dev := tmp117.New(i2ctest.Play(t, known, settings, value, settings, value, gone, read(0x0f, 0x50, 0x00)), addr)
	for _, want := range []string{"", "", fault.NoDevice, fault.NoDevice} {
		if got, err := dev.Sense(t.Context()); reason(err) != want || (err == nil) != (got == 21.5) {
			t.Errorf("%v, %v, want %q", got, err, want)
		}
	}
}

func TestSenseEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := parts.NewTMP117(21.5)
		p.Sleep()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := tmp117.New(p, addr).Sense(ctx)
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != 30*time.Millisecond {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestIdentifySaysWhatItSaw(t *testing.T) {
	t.Parallel()
	got, err := tmp117.Identify(i2ctest.Play(t, read(0x0f, 0x01, 0x17)), addr)
	want := i2c.Match{Part: "TMP117", Sure: i2c.Certain, Why: "register 0x0f holds 0x0117"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(byte(0x0c), byte(0x80))
	f.Add(byte(0x80), byte(0x00))
	f.Add(byte(0xff), byte(0xff))
	f.Fuzz(func(t *testing.T, high, low byte) {
		got, err := tmp117.Decode([2]byte{high, low})
		if err != nil {
			if reason(err) == "" || got != 0 {
				t.Errorf("%v, %v: want no value and a reason", got, err)
			}
			return
		}
		if got < -55 || got > 150 || math.Mod(got*128, 1) != 0 {
			t.Errorf("%02x %02x: %v", high, low, got)
		}
	})
}

// reason is the fault that err is, or "" if it is nil or no fault.
func reason(err error) string {
	r, _ := fault.Of(err)
	return r
}
