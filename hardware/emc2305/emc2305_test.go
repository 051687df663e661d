package emc2305_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"thermarack/hardware/emc2305"
	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
	"thermarack/hardware/i2c/i2ctest"
)

// A chip is a simulated controller as it is after power-on, but for its ID.
type chip struct {
	regs  [256]byte
	fails byte // reading this register gives fail
	fail  error
}

func newChip(product byte) *chip {
	c := &chip{}
	c.regs[0xfd], c.regs[0xfe] = product, 0x5d
	for fan := range 5 {
		c.regs[0x32+0x10*fan] = 0x2b
		copy(c.regs[0x3e+0x10*fan:], []byte{0xff, 0xf8})
	}
	return c
}

// turn sets the drive and the tachometer of a fan, from 0 on.
func (c *chip) turn(fan int, drive byte, count uint16) {
	c.regs[0x30+0x10*fan] = drive
	c.regs[0x3e+0x10*fan], c.regs[0x3f+0x10*fan] = byte(count>>5), byte(count<<3)
}

func (c *chip) Tx(addr uint16, w, r []byte) error {
	switch {
	case addr != 0x2f:
		return i2ctest.NoAck
	case len(w) != 1 || len(r) == 0:
		return errors.New("the driver must not write")
	case c.fail != nil && w[0] == c.fails:
		return c.fail
	}
	copy(r, c.regs[w[0]:])
	if w[0] >= 0x24 && w[0] <= 0x27 {
		c.regs[w[0]] = 0 // reading clears
	}
	return nil
}

func TestSenseReadsEveryFanOfTheProduct(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		product byte
		fans    int
	}{{0x37, 1}, {0x36, 2}, {0x35, 3}, {0x34, 5}} {
		c := newChip(tt.product)
		for fan := range 5 {
			c.turn(fan, byte(51*fan), uint16(1024*(fan+1)))
		}
		fans, err := emc2305.New(c, 0x2f).Sense(t.Context())
		if err != nil || len(fans) != tt.fans {
			t.Fatalf("product 0x%02x: %v, %v, want %d fans", tt.product, fans, err, tt.fans)
		}
		for i, got := range fans {
			want := emc2305.Fan{Speed: 128 / float64(i+1), Duty: 0.2 * float64(i)}
			if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
				t.Errorf("fan %d (-want +got):\n%s", i, diff)
			}
		}
	}
}

func TestSpeed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		tach   [2]byte
		config byte
		rpm    float64
		want   string // fault
	}{
		{"datasheet's default range", [2]byte{0x20, 0x00}, 0x2b, 7680, ""},
		{"slowest range", [2]byte{0x20, 0x00}, 0x0b, 3840, ""},
		{"range of 2000", [2]byte{0x20, 0x00}, 0x4b, 15360, ""},
		{"range of 4000", [2]byte{0x40, 0x00}, 0x6b, 15360, ""},
		{"a fan of one pole with its three edges", [2]byte{0x20, 0x00}, 0x23, 7680, ""},
		{"the slowest that is not standing", [2]byte{0xff, 0xf0}, 0x2b, 960.234, ""},
		{"standing", [2]byte{0xff, 0xf8}, 0x2b, 0, ""},
		{"all ones", [2]byte{0xff, 0xff}, 0x2b, 0, fault.Floating},
		{"all zeros", [2]byte{0, 0}, 0x2b, 0, fault.Zeros},
		{"a bit that does not exist", [2]byte{0x20, 0x04}, 0x2b, 0, fault.Range},
		{"faster than any fan", [2]byte{0x00, 0x08}, 0x2b, 0, fault.Range},
	} {
		got, err := emc2305.Speed(tt.tach, tt.config)
		if math.Abs(got*60-tt.rpm) > 0.001 || reason(err) != tt.want {
			t.Errorf("%s: %v RPM, %v, want %v, %q", tt.name, got*60, err, tt.rpm, tt.want)
		}
	}
}

func TestSenseTellsAStallFromAStandstillAndAStart(t *testing.T) {
	t.Parallel()
	const still, slow = 0x1fff, 2000
	steps := []struct {
		name  string
		drive byte
		count uint16
		want  emc2305.Fan
	}{
		{"driven and not turning when first seen", 255, still, emc2305.Fan{Duty: 1, Stalled: true}},
		{"switched off", 0, still, emc2305.Fan{}},
		{"still coasting is no stall either", 0, slow, emc2305.Fan{Speed: 65.536}},
		{"just switched on", 255, still, emc2305.Fan{Duty: 1, SpinningUp: true}},
		{"and not turning at the next sample", 255, still, emc2305.Fan{Duty: 1, Stalled: true}},
		{"it starts after all", 255, slow, emc2305.Fan{Duty: 1, Speed: 65.536}},
		{"it stops", 255, still, emc2305.Fan{Duty: 1, Stalled: true}},
	}
	c := newChip(0x37)
	dev := emc2305.New(c, 0x2f)
	for _, s := range steps {
		c.turn(0, s.drive, s.count)
		got, err := dev.Sense(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		if diff := cmp.Diff([]emc2305.Fan{s.want}, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.name, diff)
		}
	}
}

func TestSenseKeepsWhatTheStatusSaidUntilItIsDelivered(t *testing.T) {
	t.Parallel()
	c := newChip(0x36)
	c.turn(0, 128, 2000)
	c.turn(1, 128, 2000)
	dev := emc2305.New(c, 0x2f)

	c.regs[0x25], c.regs[0x26], c.regs[0x27] = 0b01, 0b10, 0b11
	c.fails, c.fail = 0x4e, i2ctest.NoAck // after the status has been read and so cleared
	if _, err := dev.Sense(t.Context()); reason(err) != fault.NoDevice {
		t.Fatalf("err = %v, want no-device", err)
	}
	c.fail = nil
	got, err := dev.Sense(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first, second := got[0], got[1]
	if !first.Stalled || first.SpinFailed || !first.DriveFailed || second.Stalled || !second.SpinFailed || !second.DriveFailed {
		t.Errorf("got %+v", got)
	}
	if got, err = dev.Sense(t.Context()); err != nil || got[0].Stalled || got[0].DriveFailed || got[1].SpinFailed {
		t.Errorf("delivered twice: %+v, %v", got, err)
	}
}

func TestSenseSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		damage func(*chip)
		want   string
	}{
		{"nobody", func(c *chip) { c.fails, c.fail = 0xfd, i2ctest.NoAck }, fault.NoDevice},
		{"another part", func(c *chip) { c.regs[0xfd] = 0x16 }, fault.NoDevice},
		{"another vendor", func(c *chip) { c.regs[0xfe] = 0x5e }, fault.NoDevice},
		{"all ones", func(c *chip) { c.regs[0xfd], c.regs[0xfe] = 0xff, 0xff }, fault.Floating},
		{"all zeros", func(c *chip) { c.regs[0xfd], c.regs[0xfe] = 0, 0 }, fault.Zeros},
		{"a status of more fans than there are", func(c *chip) { c.regs[0x26] = 0xff }, fault.Floating},
		{"a tachometer of all ones", func(c *chip) { c.regs[0x3f] = 0xff }, fault.Floating},
		{"lost before the drive", func(c *chip) { c.fails, c.fail = 0x30, i2ctest.NoAck }, fault.NoDevice},
		{"lost before the range", func(c *chip) { c.fails, c.fail = 0x32, i2ctest.NoAck }, fault.NoDevice},
		{"lost before the status", func(c *chip) { c.fails, c.fail = 0x25, i2ctest.NoAck }, fault.NoDevice},
	} {
		c := newChip(0x37)
		tt.damage(c)
		if got, err := emc2305.New(c, 0x2f).Sense(t.Context()); reason(err) != tt.want || got != nil {
			t.Errorf("%s: %v, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestSenseEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := emc2305.New(newChip(0x34), 0x2f).Sense(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}

func TestIdentify(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		product, vendor byte
		part            string
	}{
		{0x34, 0x5d, "EMC2305"}, {0x35, 0x5d, "EMC2303"}, {0x36, 0x5d, "EMC2302"}, {0x37, 0x5d, "EMC2301"},
		{0x16, 0x5d, ""}, {0x34, 0x00, ""}, {0xff, 0xff, ""},
	} {
		c := newChip(tt.product)
		c.regs[0xfe] = tt.vendor
		got, err := emc2305.Identify(c, 0x2f)
		if err != nil || got.Part != tt.part || (got.Sure == i2c.Certain) != (tt.part != "") {
			t.Errorf("0x%02x of 0x%02x: %+v, %v", tt.product, tt.vendor, got, err)
		}
	}
	if got, err := emc2305.Identify(newChip(0x34), 0x4d); err != nil || got.Sure != i2c.No {
		t.Errorf("nobody: %+v, %v", got, err)
	}
	stuck := errors.New("bus is stuck")
	if _, err := emc2305.Identify(&chip{fails: 0xfd, fail: stuck}, 0x2f); !errors.Is(err, stuck) {
		t.Errorf("err = %v, want the bus's", err)
	}
}

func FuzzSpeed(f *testing.F) {
	f.Add(byte(0x20), byte(0x00), byte(0x2b))
	f.Add(byte(0xff), byte(0xf8), byte(0x2b))
	f.Add(byte(0xff), byte(0xff), byte(0x00))
	f.Fuzz(func(t *testing.T, high, low, config byte) {
		speed, err := emc2305.Speed([2]byte{high, low}, config)
		if err != nil && (reason(err) == "" || speed != 0) {
			t.Errorf("%v, %v: want no value and a reason", speed, err)
		}
		if !(speed >= 0 && speed <= 500) {
			t.Errorf("out of range: %v", speed)
		}
	})
}

// reason is the fault that err is, or "" if it is nil or no fault.
func reason(err error) string {
	r, _ := fault.Of(err)
	return r
}
