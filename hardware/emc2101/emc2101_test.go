package emc2101_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"thermarack/hardware/emc2101"
	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
	"thermarack/hardware/i2c/i2ctest"
)

// A chip is a simulated controller. Its pairs of bytes are held as the real
// one's: the second byte read is of the moment of the first.
type chip struct {
	regs map[byte]byte
	held map[byte]byte
	lost byte  // reading this register gives fail
	fail error // nil: nothing is lost
}

// running is a chip whose board has set it up: 41 °C and 36.625 °C, a fan at full
// drive and 4500 RPM.
func running() *chip {
	return &chip{held: map[byte]byte{}, regs: map[byte]byte{
		0xfd: 0x16, 0xfe: 0x5d, 0x00: 41, 0x01: 36, 0x10: 0xa0,
		0x03: 0x04, 0x4c: 46, 0x4d: 23, 0x46: 0xb0, 0x47: 0x04,
	}}
}

func (c *chip) Tx(addr uint16, w, r []byte) error {
	switch {
	case addr != 0x4c:
		return i2ctest.NoAck
	case len(w) != 1 || len(r) != 1:
		return errors.New("the driver must read single registers")
	case c.fail != nil && w[0] == c.lost:
		return c.fail
	}
	r[0] = c.regs[w[0]]
	if held, ok := c.held[w[0]]; ok {
		r[0] = held
		delete(c.held, w[0])
	}
	if second, ok := map[byte]byte{0x01: 0x10, 0x46: 0x47}[w[0]]; ok {
		c.held[second] = c.regs[second]
		c.regs[second] ^= 0x20 // it measures on
	}
	return nil
}

func sense(t *testing.T, c *chip) emc2101.Sample {
	t.Helper()
	s, err := emc2101.New(c, 0x4c).Sense(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSenseReadsTemperaturesAndFan(t *testing.T) {
	t.Parallel()
	want := emc2101.Sample{Internal: 41, External: 36.625, Speed: 75, Duty: 1}
	if diff := cmp.Diff(want, sense(t, running())); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSenseTellsAnAlertPinFromAStoppedFan(t *testing.T) {
	t.Parallel()
	c := running()
	c.regs[0x46], c.regs[0x47] = 0xff, 0xff
	if s := sense(t, c); s.Speed != 0 || s.SpeedErr != nil || !s.Stalled {
		t.Errorf("stopped fan: %+v", s)
	}
	c.regs[0x47] = 0xff
	c.regs[0x03] = 0
	s := sense(t, c)
	if !errors.Is(s.SpeedErr, emc2101.ErrNoTach) || s.Stalled || s.SpinningUp {
		t.Errorf("alert pin: %+v", s)
	}
	if _, isFault := fault.Of(s.SpeedErr); isFault {
		t.Error("a speed that is not measured is no fault")
	}
}

func TestSenseGivesAFanUntilTheNextSampleToStart(t *testing.T) {
	t.Parallel()
	steps := []struct {
		name     string
		drive    byte
		tach     uint16
		stalled  bool
		spinning bool
	}{
		{"driven and not turning when first seen", 46, 0xffff, true, false},
		{"switched off", 0, 0xffff, false, false},
		{"just switched on", 23, 0xffff, false, true},
		{"and not turning at the next sample", 23, 0xffff, true, false},
		{"turning", 23, 2400, false, false},
	}
	c := running()
	dev := emc2101.New(c, 0x4c)
	for _, step := range steps {
		c.regs[0x4c], c.regs[0x46], c.regs[0x47] = step.drive, byte(step.tach), byte(step.tach>>8)
		s, err := dev.Sense(t.Context())
		if err != nil || s.Stalled != step.stalled || s.SpinningUp != step.spinning {
			t.Errorf("%s: %+v, %v", step.name, s, err)
		}
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	fan := [5]byte{0x04, 46, 23, 0xb0, 0x04}
	for _, tt := range []struct {
		name     string
		heat     [3]byte
		fan      [5]byte
		want     emc2101.Sample // without its errors
		external string         // fault
		speed    string
	}{
		{"frost", [3]byte{0xf6, 0xf5, 0x80}, fan, emc2101.Sample{Internal: -10, External: -10.5, Speed: 75, Duty: 1}, "", ""},
		{"open diode", [3]byte{41, 0x7f, 0x00}, fan, emc2101.Sample{Internal: 41, Speed: 75, Duty: 1}, fault.NoDevice, ""},
		{"shorted diode", [3]byte{41, 0x7f, 0xe0}, fan, emc2101.Sample{Internal: 41, Speed: 75, Duty: 1}, fault.NoDevice, ""},
		{"hottest diode", [3]byte{41, 0x7e, 0xe0}, fan, emc2101.Sample{Internal: 41, External: 126.875, Speed: 75, Duty: 1}, "", ""},
		{"diode colder than the chip measures", [3]byte{41, 0xbf, 0xe0}, fan, emc2101.Sample{Internal: 41, Speed: 75, Duty: 1}, fault.Range, ""},
		{"diode with bits that do not exist", [3]byte{41, 0xff, 0xff}, fan, emc2101.Sample{Internal: 41, Speed: 75, Duty: 1}, fault.Range, ""},
		{"a count of nothing", [3]byte{41, 36, 0}, [5]byte{4, 46, 23, 0, 0}, emc2101.Sample{Internal: 41, External: 36, Duty: 1}, "", fault.Range},
		{"the slowest that is not standing", [3]byte{41, 36, 0}, [5]byte{4, 0, 23, 0xfe, 0xff}, emc2101.Sample{Internal: 41, External: 36, Speed: 90000. / 65534}, "", ""},
		{"half drive by pulses", [3]byte{41, 36, 0}, [5]byte{4, 23, 23, 0xff, 0xff}, emc2101.Sample{Internal: 41, External: 36, Duty: 0.5}, "", ""},
		{"the same number as a voltage", [3]byte{41, 36, 0}, [5]byte{0x14, 21, 23, 0xff, 0xff}, emc2101.Sample{Internal: 41, External: 36, Duty: 1. / 3}, "", ""},
		{"more than a whole period", [3]byte{41, 36, 0}, [5]byte{4, 63, 8, 0xff, 0xff}, emc2101.Sample{Internal: 41, External: 36, Duty: 1}, "", ""},
		{"a period that cannot be", [3]byte{41, 36, 0}, [5]byte{4, 1, 0, 0xff, 0xff}, emc2101.Sample{Internal: 41, External: 36, Duty: 0.5}, "", ""},
	} {
		got, err := emc2101.Decode(tt.heat, tt.fan)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if reason(got.ExternalErr) != tt.external || reason(got.SpeedErr) != tt.speed {
			t.Errorf("%s: external %v, speed %v, want %q, %q", tt.name, got.ExternalErr, got.SpeedErr, tt.external, tt.speed)
		}
		got.ExternalErr, got.SpeedErr = nil, nil
		if diff := cmp.Diff(tt.want, got, cmpopts.EquateApprox(0, 1e-12)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if _, err := emc2101.Decode([3]byte{0x80, 36, 0}, fan); reason(err) != fault.Range {
		t.Errorf("a chip at -128 °C: %v, want range", err)
	}
}

func TestSenseSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		damage func(*chip)
		want   string
	}{
		{"nobody", func(c *chip) { c.lost, c.fail = 0xfd, i2ctest.NoAck }, fault.NoDevice},
		{"lost before the diode", func(c *chip) { c.lost, c.fail = 0x10, i2ctest.NoAck }, fault.NoDevice},
		{"lost before the fan", func(c *chip) { c.lost, c.fail = 0x47, i2ctest.NoAck }, fault.NoDevice},
		{"another part of the vendor", func(c *chip) { c.regs[0xfd] = 0x34 }, fault.NoDevice},
		{"another vendor", func(c *chip) { c.regs[0xfe] = 0x01 }, fault.NoDevice},
		{"all ones", func(c *chip) { c.regs[0xfd], c.regs[0xfe] = 0xff, 0xff }, fault.Floating},
		{"all zeros", func(c *chip) { c.regs[0xfd], c.regs[0xfe] = 0, 0 }, fault.Zeros},
		{"a chip at -100 °C", func(c *chip) { c.regs[0x00] = 0x9c }, fault.Range},
	} {
		c := running()
		tt.damage(c)
		if got, err := emc2101.New(c, 0x4c).Sense(t.Context()); reason(err) != tt.want || got != (emc2101.Sample{}) {
			t.Errorf("%s: %+v, %v, want %q", tt.name, got, err, tt.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := emc2101.New(running(), 0x4c).Sense(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestIdentify(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		product, vendor byte
		want            i2c.Sure
	}{{0x16, 0x5d, i2c.Certain}, {0x28, 0x5d, i2c.Certain}, {0x34, 0x5d, i2c.No}, {0x16, 0x54, i2c.No}, {0xff, 0xff, i2c.No}} {
		c := running()
		c.regs[0xfd], c.regs[0xfe] = tt.product, tt.vendor
		got, err := emc2101.Identify(c, 0x4c)
		if err != nil || got.Sure != tt.want || (got.Part == "EMC2101") != (tt.want == i2c.Certain) {
			t.Errorf("0x%02x of 0x%02x: %+v, %v", tt.product, tt.vendor, got, err)
		}
	}
	if got, err := emc2101.Identify(running(), 0x4d); err != nil || got.Sure != i2c.No {
		t.Errorf("nobody: %+v, %v", got, err)
	}
	stuck := errors.New("bus is stuck")
	c := running()
	c.lost, c.fail = 0xfe, stuck
	if _, err := emc2101.Identify(c, 0x4c); !errors.Is(err, stuck) {
		t.Errorf("err = %v, want the bus's", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{41, 36, 0xa0, 0x04, 46, 23, 0xb0, 0x04})
	f.Add([]byte{41, 0x7f, 0x00, 0x00, 0, 0, 0xff, 0xff})
	f.Add([]byte{0x80, 0x80, 0x00, 0x14, 0xff, 0xff, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) != 8 {
			t.Skip()
		}
		s, err := emc2101.Decode([3]byte(b), [5]byte(b[3:]))
		if err != nil {
			if reason(err) == "" || s != (emc2101.Sample{}) {
				t.Errorf("%+v, %v: want no value and a reason", s, err)
			}
			return
		}
		within(t, "internal", s.Internal, -64, 127)
		within(t, "external", s.External, -64, 127.75)
		within(t, "speed", s.Speed, 0, 500)
		within(t, "duty", s.Duty, 0, 1)
	})
}

func within(t *testing.T, what string, got, low, high float64) {
	t.Helper()
	if math.IsNaN(got) || got < low || got > high {
		t.Errorf("%s = %v, want %v to %v", what, got, low, high)
	}
}

// reason is the fault that err is, or "" if it is nil or no fault.
func reason(err error) string {
	r, _ := fault.Of(err)
	return r
}
