package i2c_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"thermarack/hardware/hdc302x"
	"thermarack/hardware/i2c"
	"thermarack/hardware/i2c/i2ctest"
	"thermarack/hardware/i2c/i2ctest/parts"
	"thermarack/hardware/lm75"
	"thermarack/hardware/mcp9808"
	"thermarack/hardware/sht3x"
	"thermarack/hardware/sht4x"
	"thermarack/hardware/tmp102"
	"thermarack/hardware/tmp117"
)

// drivers are those whose parts share addresses with others.
var drivers = map[string]struct {
	identify  func(i2c.Bus, uint16) (i2c.Match, error)
	addresses []uint16
}{
	"lm75":    {lm75.Identify, lm75.Addresses()},
	"tmp102":  {tmp102.Identify, tmp102.Addresses()},
	"tmp117":  {tmp117.Identify, tmp117.Addresses()},
	"mcp9808": {mcp9808.Identify, mcp9808.Addresses()},
	"sht3x":   {sht3x.Identify, sht3x.Addresses()},
	"sht4x":   {sht4x.Identify, sht4x.Addresses()},
	"hdc302x": {hdc302x.Identify, hdc302x.Addresses()},
}

// with returns a part after a change.
func with[T any](part *T, change func(*T)) *T {
	change(part)
	return part
}

// A stranger is a part that may be met.
type stranger struct {
	name   string
	part   i2c.Bus
	driver string // which must know it; "" for none
	want   i2c.Match
}

// strangers returns all of them, new.
func strangers() []stranger {
	return slices.Concat(lm75s(), thermometers(), hygrometers(), others())
}

func lm75s() []stranger {
	row := func(name string, kind parts.Make, part string, sure i2c.Sure, change func(*parts.LM75)) stranger {
		return stranger{name, with(parts.NewLM75(kind, -7.25), change), "lm75", i2c.Match{Part: part, Sure: sure}}
	}
	as := func(config byte) func(*parts.LM75) { return func(p *parts.LM75) { p.Config = config } }
	limits := func(p *parts.LM75) { p.Low, p.High = 40<<8, 45<<8 }
	return []stranger{
		row("TMP75", parts.TMP75, "LM75", i2c.Likely, as(0)),
		row("TMP75 at 12 bits", parts.TMP75, "LM75", i2c.Likely, as(0x60)),
		row("TMP75 asleep", parts.TMP75, "LM75", i2c.Likely, as(0x01)),
		row("TMP75 with limits", parts.TMP75, "LM75", i2c.Likely, limits),
		row("TMP105 of QEMU", parts.QEMUTMP105, "LM75", i2c.Likely, as(0)),
		row("TMP105 of QEMU at 12 bits", parts.QEMUTMP105, "LM75", i2c.Likely, as(0x60)),
		row("LM75", parts.National, "LM75", i2c.Likely, as(0)),
		row("LM75A", parts.LM75A, "LM75A", i2c.Likely, limits),
		row("LM75B", parts.NXP, "LM75", i2c.Likely, limits),
		row("LM75 by the factory's limits", parts.Strict, "LM75", i2c.Likely, as(0)),
		row("LM75 by its format alone", parts.Strict, "LM75", i2c.Possible, limits),
	}
}

func thermometers() []stranger {
	tmp102 := func(name, driver, part string, celsius float64, change func(*parts.TMP102)) stranger {
		return stranger{name, with(parts.NewTMP102(celsius), change), driver, i2c.Match{Part: part, Sure: i2c.Likely}}
	}
	tmp117 := func(name string, change func(*parts.TMP117)) stranger {
		return stranger{name, with(parts.NewTMP117(21.5), change), "tmp117", i2c.Match{Part: "TMP117", Sure: i2c.Certain}}
	}
	jc42 := func(name string, maker, device uint16) stranger {
		part := with(parts.NewMCP9808(21.5), func(p *parts.MCP9808) { p.Maker, p.Device = maker, device })
		return stranger{name: name, part: part}
	}
	sleep := func(p *parts.TMP102) { p.Config |= 1 << 8 }
	extended := func(p *parts.TMP102) { p.Config |= 1 << 4; p.Low, p.High = 75<<7, 80<<7 }
	as := func(config uint16) func(*parts.TMP102) { return func(p *parts.TMP102) { p.Config = config } }
	id := func(id uint16) func(*parts.TMP117) { return func(p *parts.TMP117) { p.ID = id } }
	return []stranger{
		tmp102("TMP102", "tmp102", "TMP102", 21.5, as(0x60a0)),
		tmp102("TMP102 asleep", "tmp102", "TMP102", 21.5, sleep),
		tmp102("TMP102 that alerts", "tmp102", "TMP102", 90.625, as(0x6080)),
		tmp102("TMP102 in extended mode", "tmp102", "TMP102", -3.25, extended),
		tmp102("TMP102 with equal bytes is read as an LM75", "lm75", "LM75", 21.5, as(0x6060)),
		tmp117("TMP117", id(0x0117)),
		tmp117("TMP117 of a later revision", id(0x2117)),
		tmp117("TMP117 that alerts", func(p *parts.TMP117) { p.Config = 0x6220 }),
		{"TMP116", with(parts.NewTMP117(21.5), id(0x1116)), "", i2c.Match{}},
		{"MCP9808", parts.NewMCP9808(21.5), "mcp9808", i2c.Match{Part: "MCP9808", Sure: i2c.Certain}},
		jc42("MCP9804", 0x0054, 0x0201),
		jc42("memory module's thermometer", 0x1131, 0xa201),
	}
}

func hygrometers() []stranger {
	sure := func(name, driver, part string, sure i2c.Sure, made *parts.Hygrometer) stranger {
		return stranger{name, made, driver, i2c.Match{Part: part, Sure: sure}}
	}
	periodic := func(p *parts.Hygrometer) { p.Periodic = true }
	mute := func(p *parts.Hygrometer) { p.Mute = true }
	damage := func(p *parts.Hygrometer) { p.Damage = 4 }
	return []stranger{
		sure("SHT3x", "sht3x", "SHT3x", i2c.Certain, parts.NewSHT3x(21.5, 40)),
		sure("SHT3x by itself", "sht3x", "SHT3x", i2c.Likely, with(parts.NewSHT3x(21.5, 40), periodic)),
		sure("SHT3x with a measurement left", "sht3x", "SHT3x", i2c.Certain, with(parts.NewSHT3x(21.5, 40), (*parts.Hygrometer).Leave)),
		sure("HDC302x with a measurement left", "hdc302x", "HDC302x", i2c.Certain, with(parts.NewHDC302x(21.5, 40), (*parts.Hygrometer).Leave)),
		sure("copy of an SHT3x", "sht3x", "SHT3x", i2c.Likely, with(parts.NewSHT3x(21.5, 40), mute)),
		sure("SHT4x", "sht4x", "SHT4x", i2c.Certain, parts.NewSHT4x(21.5, 40)),
		sure("HDC302x", "hdc302x", "HDC302x", i2c.Certain, parts.NewHDC302x(21.5, 40)),
		sure("HDC302x by itself", "hdc302x", "HDC302x", i2c.Certain, with(parts.NewHDC302x(21.5, 40), periodic)),
		sure("hygrometer on a bad cable", "", "", i2c.No, with(parts.NewSHT4x(21.5, 40), damage)),
	}
}

func others() []stranger {
	plain := func(name string, registers ...uint16) stranger {
		part := &parts.Plain{}
		copy(part.Registers[:], registers)
		return stranger{name: name, part: part}
	}
	return []stranger{
		plain("ADS1115", 0x0c40, 0x8583, 0x8000, 0x7fff),
		plain("ADS1115 at work", 0x0c40, 0x0583, 0x8000, 0x7fff),
		plain("INA219", 0x399f, 0x0010, 0x1f42, 0x0000, 0x0000, 0x1000),
		plain("INA226", 0x4127, 0x0010, 0x2710, 0x0000, 0x0000, 0x0a00),
		plain("another with the limits of an LM75", 0x1580, 0x8500, 0x4b00, 0x5000),
		{name: "DS2482", part: &parts.DS2482{}},
		{name: "floating line", part: parts.Silent(0xff)},
		{name: "short to ground", part: parts.Silent(0)},
		{name: "nobody", part: parts.Bus{}},
	}
}

func TestEveryPartIsKnownByItsDriverAlone(t *testing.T) {
	t.Parallel()
	for name := range drivers {
		driver := drivers[name]
		for _, s := range strangers() {
			for _, addr := range driver.addresses {
				synctest.Test(t, func(t *testing.T) {
					got, err := driver.identify(parts.Bus{addr: s.part}, addr)
					want := i2c.Match{}
					if name == s.driver {
						want = s.want
					}
					if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(i2c.Match{}, "Why")); diff != "" || err != nil {
						t.Errorf("%s.Identify of %s at 0x%02x: %v (-want +got):\n%s", name, s.name, addr, err, diff)
					}
					if (got.Why == "") != (got.Sure == i2c.No) {
						t.Errorf("%s.Identify of %s says why %q", name, s.name, got.Why)
					}
				})
			}
		}
	}
}

func TestNoIdentificationDisturbsAnyPart(t *testing.T) {
	t.Parallel()
	for name, driver := range drivers {
		before := strangers()
		for i, s := range strangers() {
			if _, ok := s.part.(*parts.MCP9808); ok && name != "mcp9808" {
				continue // it is never where the others are
			}
			synctest.Test(t, func(t *testing.T) {
				if _, err := driver.identify(parts.Bus{driver.addresses[0]: s.part}, driver.addresses[0]); err != nil {
					t.Errorf("%s.Identify of %s: %v", name, s.name, err)
				}
			})
			if harm := harm(s.part, before[i].part); harm != "" {
				t.Errorf("%s.Identify of %s: %s", name, s.name, harm)
			}
		}
	}
}

// harm compares what matters of a part with what it was.
func harm(after, before i2c.Bus) string {
	switch p := after.(type) {
	case *parts.LM75:
		b := before.(*parts.LM75)
		return cmp.Diff([]int{int(b.Config), int(b.Low), int(b.High), 0, 0}, []int{int(p.Config), int(p.Low), int(p.High), p.Writes, p.Short})
	case *parts.TMP102:
		return cmp.Diff(0, p.Writes)
	case *parts.TMP117:
		b := before.(*parts.TMP117) // whose flags say that an alert or a reading is new
		return cmp.Diff([]int{int(b.Config | p.Config&(1<<13)), 0, 0}, []int{int(p.Config), p.Writes, p.Burned})
	case *parts.MCP9808:
		return cmp.Diff(0, p.Writes+p.Abused)
	case *parts.Hygrometer:
		b := before.(*parts.Hygrometer)
		return cmp.Diff([]any{b.Heater, b.Periodic, 0, b.Measured}, []any{p.Heater, p.Periodic, p.Heated, p.Measured})
	case *parts.DS2482:
		return cmp.Diff(before, after)
	case *parts.Plain:
		return cmp.Diff(before.(*parts.Plain).Registers, p.Registers)
	}
	return ""
}

func TestIdentificationReportsTroubleOfTheBus(t *testing.T) {
	t.Parallel()
	stuck := errors.New("the bus is stuck")
	for name, driver := range drivers {
		for after := range 20 {
			synctest.Test(t, func(t *testing.T) {
				for _, s := range strangers() {
					calls := 0
					bus := i2ctest.Func(func(addr uint16, w, r []byte) error {
						if calls++; calls > after {
							return stuck
						}
						return s.part.Tx(addr, w, r)
					})
					m, err := driver.identify(bus, driver.addresses[0])
					if calls > after && (!errors.Is(err, stuck) || m != i2c.Match{}) || calls <= after && err != nil {
						t.Errorf("%s.Identify of %s, broken after %d: %+v, %v", name, s.name, after, m, err)
					}
				}
			})
		}
	}
}

func TestIdentificationTakesLittleTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		for name, driver := range drivers {
			for _, addr := range driver.addresses {
				if m, err := driver.identify(parts.Bus{}, addr); err != nil || m.Sure != i2c.No {
					t.Errorf("%s at 0x%02x: %+v, %v", name, addr, m, err)
				}
			}
		}
		if took := time.Since(start); took > 100*time.Millisecond {
			t.Errorf("a scan of an empty bus took %v", took)
		}
	})
}
