package bme280_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/hardware/bme280"
	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
	"thermarack/hardware/i2c/i2ctest"
)

// example is the calibration of the BMP280 datasheet's worked example, section
// 3.12; water is one that a BME280 may have.
var (
	example = words(27504, 26435, -1000, 36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)
	water   = []byte{75, 0x72, 0x01, 0, 0x13, 0x29, 0x03, 0x1e}
)

// measured are the example's raw values, 415148 and 519888, and a humidity.
var measured = []byte{0x65, 0x5a, 0xc0, 0x7e, 0xed, 0x00, 0x6d, 0x60}

func words(values ...int) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	return b
}

// A part is a simulated BME280 or BMP280.
type part struct {
	mu       sync.Mutex
	regs     [256]byte
	data     []byte // what a measurement gives
	busy     time.Duration
	done     time.Time
	gone     bool
	loads    int // of the calibration
	measures int
}

func newPart(id byte) *part {
	p := &part{data: measured, busy: 9 * time.Millisecond}
	p.regs[0xd0] = id
	copy(p.regs[0x88:], example)
	p.regs[0xa1] = water[0]
	copy(p.regs[0xe1:], water[1:])
	p.powerOn()
	return p
}

func (p *part) powerOn() {
	p.regs[0xf2], p.regs[0xf4] = 0, 0
	copy(p.regs[0xf7:], []byte{0x80, 0, 0, 0x80, 0, 0, 0x80, 0})
}

func (p *part) Tx(addr uint16, w, r []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone || addr != 0x76 {
		return i2ctest.NoAck
	}
	p.finish()
	if len(r) == 0 {
		for ; len(w) >= 2; w = w[2:] {
			p.set(w[0], w[1])
		}
		return nil
	}
	if w[0] == 0x88 {
		p.loads++
	}
	copy(r, p.regs[w[0]:])
	if w[0] == 0xf3 && !p.done.IsZero() {
		r[0] = 0x08
	}
	return nil
}

// set writes a register; forced mode starts a measurement.
func (p *part) set(reg, value byte) {
	p.regs[reg] = value
	if reg == 0xf4 && value&3 == 1 {
		p.done = time.Now().Add(p.busy)
	}
}

// finish ends a measurement whose time has come: the part sleeps again.
func (p *part) finish() {
	if p.done.IsZero() || time.Now().Before(p.done) {
		return
	}
	p.done = time.Time{}
	p.measures++
	p.regs[0xf4] &^= 3
	copy(p.regs[0xf7:], p.data)
	if p.regs[0xf2] == 0 {
		copy(p.regs[0xfd:], []byte{0x80, 0})
	}
}

func TestSenseMeasuresOnceAndKeepsTheCalibration(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPart(0x60)
		dev := bme280.New(p, 0x76)
		for range 3 {
			got, err := dev.Sense(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(got.Celsius-25.08) > 0.005 || math.Abs(got.Pascals-100653.27) > 0.01 || !got.HasHumidity {
				t.Errorf("got %+v, want the datasheet's 25.08 °C and 100653.27 Pa, and a humidity", got)
			}
		}
		if p.loads != 1 || p.measures != 3 {
			t.Errorf("%d loads, %d measurements, want 1 and 3", p.loads, p.measures)
		}
	})
}

func TestSenseOfABMP280HasNoHumidity(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPart(0x58)
		got, err := bme280.New(p, 0x76).Sense(t.Context())
		if err != nil || got.HasHumidity || got.Humidity != 0 || got.Celsius < 25 {
			t.Errorf("got %+v, %v", got, err)
		}
		if p.regs[0xf2] != 0 {
			t.Error("a BMP280 has no register 0xf2 to write")
		}
	})
}

func TestSenseReadsTheCalibrationAgainAfterAPowerCycle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPart(0x60)
		dev := bme280.New(p, 0x76)
		before, err := dev.Sense(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		copy(p.regs[0x88:], words(27600)) // another part in its place
		p.powerOn()
		after, err := dev.Sense(t.Context())
		if err != nil || p.loads != 2 || after.Celsius == before.Celsius {
			t.Errorf("got %+v, %v after %d loads; before %+v", after, err, p.loads, before)
		}
	})
}

func TestSenseFollowsAPartThatWasAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPart(0x60)
		dev := bme280.New(p, 0x76)
		p.gone = true
		if _, err := dev.Sense(t.Context()); reason(err) != fault.NoDevice {
			t.Errorf("err = %v, want no-device", err)
		}
		p.gone = false
		if got, err := dev.Sense(t.Context()); err != nil || got.Celsius < 25 {
			t.Errorf("got %+v, %v", got, err)
		}
		p.regs[0xd0] = 0x61 // a BME680, which speaks another language
		p.powerOn()
		if _, err := dev.Sense(t.Context()); reason(err) != fault.NoDevice {
			t.Errorf("err = %v, want no-device", err)
		}
	})
}

func TestSenseWaitsNoLongerThanItMust(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		busy     time.Duration
		deadline time.Duration
		want     string
		took     time.Duration
	}{
		{"a slow part is waited for", 20 * time.Millisecond, time.Second, "", 20 * time.Millisecond},
		{"a part that never ends", time.Hour, time.Second, fault.Timeout, 30 * time.Millisecond},
		{"the caller's deadline holds", 20 * time.Millisecond, 5 * time.Millisecond, fault.Timeout, 5 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tt.deadline)
				defer cancel()
				p := newPart(0x60)
				p.busy = tt.busy
				start := time.Now()
				_, err := bme280.New(p, 0x76).Sense(ctx)
				if took := time.Since(start); reason(err) != tt.want || took != tt.took {
					t.Errorf("err = %v after %v, want %q after %v", err, took, tt.want, tt.took)
				}
			})
		})
	}
}

func TestSenseRejectsWhatThePartDidNotMeasure(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		data []byte
		want string
	}{
		{"nothing was measured", []byte{0x80, 0, 0, 0x80, 0, 0, 0x80, 0}, fault.PowerOn},
		{"humidity was not", []byte{0x65, 0x5a, 0xc0, 0x7e, 0xed, 0, 0x80, 0}, fault.PowerOn},
		{"pressure was not", []byte{0x80, 0, 0, 0x7e, 0xed, 0, 0x6d, 0x60}, fault.PowerOn},
		{"all ones", []byte{255, 255, 255, 255, 255, 255, 255, 255}, fault.Floating},
		{"all zeros", make([]byte, 8), fault.Zeros},
		{"hotter than the part can be", []byte{0x65, 0x5a, 0xc0, 0xff, 0xff, 0xf0, 0x6d, 0x60}, fault.Range},
		{"vacuum", []byte{0xff, 0xff, 0xf0, 0x7e, 0xed, 0, 0x6d, 0x60}, fault.Range},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPart(0x60)
				p.data = tt.data
				if got, err := bme280.New(p, 0x76).Sense(t.Context()); reason(err) != tt.want || got != (bme280.Sample{}) {
					t.Errorf("got %+v, %v, want %q", got, err, tt.want)
				}
			})
		})
	}
}

func TestDecodeCalibrationRejectsWhatNoFactoryWrote(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		air, water []byte
		want       string
	}{
		{"all ones", words(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1), nil, fault.Floating},
		{"all zeros", make([]byte, 24), nil, fault.Zeros},
		{"no scale of the pressure", words(27504, 26435, -1000, 0, 1, 2, 3, 4, 5, 6, 7, 8), nil, fault.Zeros},
		{"no humidity words", example, make([]byte, 8), fault.Zeros},
		{"sound", example, water, ""},
	} {
		if _, err := bme280.DecodeCalibration(tt.air, tt.water); reason(err) != tt.want {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestDecodeCalibrationUnpacksTheTwelveBitWords(t *testing.T) {
	t.Parallel()
	c, err := bme280.DecodeCalibration(example, []byte{75, 0x72, 0x01, 9, 0x81, 0xf2, 0x8f, 0xe2})
	if err != nil {
		t.Fatal(err)
	}
	got := []int{int(c.H1), int(c.H2), int(c.H3), int(c.H4), int(c.H5), int(c.H6)}
	if diff := cmp.Diff([]int{75, 370, 9, -2030, -1793, -30}, got); diff != "" {
		t.Errorf("H1 to H6 (-want +got):\n%s", diff)
	}
}

func TestIdentify(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		id   byte
		part string
		sure i2c.Sure
	}{
		{0x60, "BME280", i2c.Certain}, {0x58, "BMP280", i2c.Certain}, {0x56, "BMP280", i2c.Certain},
		{0x57, "BMP280", i2c.Certain}, {0x61, "", i2c.No}, {0x55, "", i2c.No}, {0xff, "", i2c.No}, {0, "", i2c.No},
	} {
		bus := i2ctest.Play(t, i2ctest.Op{Addr: 0x77, W: []byte{0xd0}, R: []byte{tt.id}})
		got, err := bme280.Identify(bus, 0x77)
		if err != nil || got.Part != tt.part || got.Sure != tt.sure {
			t.Errorf("0x%02x: %+v, %v", tt.id, got, err)
		}
	}
	silent := i2ctest.Play(t, i2ctest.Op{Addr: 0x76, W: []byte{0xd0}, Err: i2ctest.NoAck})
	if got, err := bme280.Identify(silent, 0x76); err != nil || got.Sure != i2c.No {
		t.Errorf("nobody: %+v, %v", got, err)
	}
	refused := i2ctest.Play(t, i2ctest.Op{Addr: 0x76, W: []byte{0xd0}, Err: fault.New(fault.CRC, "not acknowledged")})
	if got, err := bme280.Identify(refused, 0x76); err != nil || got.Sure != i2c.No {
		t.Errorf("somebody who knows no such register: %+v, %v", got, err)
	}
	stuck := errors.New("bus is stuck")
	broken := i2ctest.Play(t, i2ctest.Op{Addr: 0x76, W: []byte{0xd0}, Err: stuck})
	if _, err := bme280.Identify(broken, 0x76); !errors.Is(err, stuck) {
		t.Errorf("err = %v, want the bus's", err)
	}
}

// reason is the fault that err is, or "" if it is nil or no fault.
func reason(err error) string {
	r, _ := fault.Of(err)
	return r
}
