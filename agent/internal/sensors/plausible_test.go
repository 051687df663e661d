package sensors_test

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/internal/sensors"
	"thermarack/agent/wire"
	"thermarack/hardware/fault"
	"thermarack/hardware/i2c/i2ctest"
)

// A sample is one step of a history, and the reason that is wanted for it.
type sample struct {
	after   time.Duration // since the sample before
	celsius float64
	want    string
}

func TestAJumpIsRejectedUntilASecondSampleAgrees(t *testing.T) {
	t.Parallel()
	const each = 10 * time.Second // air may move 20 K in it, a die 140 K
	tests := []struct {
		name    string
		pace    sensors.Pace
		samples []sample
	}{
		{"the first is accepted, whatever it says", sensors.AirPace(), []sample{{0, 85, ""}}},
		{"a hand warms a probe", sensors.AirPace(), []sample{{0, 21, ""}, {each, 31, ""}, {each, 33, ""}}},
		{"just within the pace", sensors.AirPace(), []sample{{0, 21, ""}, {each, 41, ""}}},
		{"just beyond it", sensors.AirPace(), []sample{{0, 21, ""}, {each, 41.01, "jump"}}},
		{"downwards", sensors.AirPace(), []sample{{0, 21, ""}, {each, 0.99, "jump"}}},
		{"one bad sample", sensors.AirPace(), []sample{{0, 21, ""}, {each, 85, "jump"}, {each, 21.5, ""}}},
		{"a true step costs one reading", sensors.AirPace(), []sample{{0, 21, ""}, {each, 60, "jump"}, {each, 61, ""}, {each, 62, ""}}},
		{"noise never agrees", sensors.AirPace(), []sample{{0, 21, ""}, {each, 90, "jump"}, {each, -40, "jump"}, {each, 120, "jump"}, {each, 22, ""}}},
		{"an agreement must be in a row", sensors.AirPace(), []sample{{0, 21, ""}, {each, 90, "jump"}, {each, 21, ""}, {each, 90, "jump"}}},
		{"a longer gap allows more", sensors.AirPace(), []sample{{0, 21, ""}, {40 * time.Second, 85, ""}}},
		{"after ten minutes without a sample all is new", sensors.AirPace(), []sample{{0, 21, ""}, {10*time.Minute + 1, 1500, ""}}},
		{"but not after ten minutes", sensors.AirPace(), []sample{{0, 21, ""}, {10 * time.Minute, 1500, "jump"}}},
		{"a SoC under a sudden load", sensors.DiePace(), []sample{{0, 45, ""}, {each, 84, ""}, {each, 44, ""}}},
		{"more than a SoC can", sensors.DiePace(), []sample{{0, 45, ""}, {time.Second, -10, "jump"}, {time.Second, -10, ""}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, at := sensors.History{Pace: tt.pace}, time.Unix(1e9, 0)
			for i, s := range tt.samples {
				at = at.Add(s.after)
				var got string
				if h, got = h.Step(at, s.celsius, time.Time{}); got != s.want {
					t.Fatalf("sample %d, %g °C: %q, want %q", i, s.celsius, got, s.want)
				}
				if last, when := h.Last(); (last == s.celsius && when.Equal(at)) != (s.want == "") {
					t.Fatalf("sample %d: last %g at %v", i, last, when)
				}
			}
		})
	}
}

func TestAValueIsStuckOnlyWithEvidence(t *testing.T) {
	t.Parallel()
	const hour = time.Hour
	start := time.Unix(1e9, 0)
	fine, coarse := []float64{21, 21.0625}, []float64{21, 21.5}
	tests := []struct {
		name   string
		before []float64     // read a minute apart; the last one then stays
		stays  time.Duration // read each minute
		others time.Duration // when another began to move, after the value came; <0: never
		want   string
	}{
		{"two hours, and another moved", fine, 2 * hour, hour, "stuck"},
		{"another began to move just then", fine, 2 * hour, 0, "stuck"},
		{"not yet two hours", fine, 2*hour - time.Minute, hour, ""},
		{"nothing else moved", fine, 5 * hour, -1, ""},
		{"another moved before it", fine, 5 * hour, -hour, ""},
		{"a part of half a degree", coarse, 5 * hour, hour, ""},
		{"a part that has never moved", []float64{21}, 5 * hour, hour, ""},
		{"a quarter of a degree is fine enough", []float64{21.25, 21.5}, 2 * hour, hour, "stuck"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, at := sensors.History{Pace: sensors.AirPace()}, start
			for _, celsius := range tt.before {
				at = at.Add(time.Minute)
				h, _ = h.Step(at, celsius, time.Time{})
			}
			came, value, got := at, tt.before[len(tt.before)-1], ""
			var others time.Time
			if tt.others != -1 {
				others = came.Add(tt.others)
			}
			for at.Sub(came) < tt.stays {
				if got != "" {
					t.Fatalf("%s after %v already", got, at.Sub(came))
				}
				at = at.Add(time.Minute)
				h, got = h.Step(at, value, others)
			}
			if got != tt.want {
				t.Errorf("after %v: %q, want %q", tt.stays, got, tt.want)
			}
		})
	}
}

func TestAStuckProbeStaysRejectedUntilItMoves(t *testing.T) {
	t.Parallel()
	h, at := sensors.History{Pace: sensors.AirPace()}, time.Unix(1e9, 0)
	step := func(celsius float64) (reason string) {
		at = at.Add(time.Minute)
		h, reason = h.Step(at, celsius, at)
		return reason
	}
	step(21.0625)
	for range 120 {
		if got := step(21); got != "" {
			t.Fatalf("%q at %v", got, at)
		}
	}
	for range 600 { // far beyond the ten minutes after which all would be new
		if got := step(21); got != "stuck" {
			t.Fatalf("%q at %v, want stuck", got, at)
		}
	}
	for _, celsius := range []float64{21.0625, 21.0625} {
		if got := step(celsius); got != "" {
			t.Errorf("%q after it moved", got)
		}
	}
}

func TestASwingBeginsAtTheLastSampleOfTheOtherExtreme(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		celsius []float64 // a minute apart
		want    int       // minute in which the last swing began; -1: none
	}{
		{"too little", []float64{21, 22, 23.9, 21}, -1},
		{"warming", []float64{22, 21, 21, 22, 23, 24}, 2},
		{"cooling", []float64{24, 23, 22, 21}, 0},
		{"the later of two", []float64{21, 24, 27}, 1},
		{"a zigzag adds up to nothing", []float64{21, 22, 21, 22, 21, 22}, -1},
	}
	for _, tt := range tests {
		h, start := sensors.History{Pace: sensors.AirPace()}, time.Unix(1e9, 0)
		for i, celsius := range tt.celsius {
			h, _ = h.Step(start.Add(time.Duration(i)*time.Minute), celsius, time.Time{})
		}
		got := -1
		if !h.Swung().IsZero() {
			got = int(h.Swung().Sub(start).Minutes())
		}
		if got != tt.want {
			t.Errorf("%s: began in minute %d, want %d", tt.name, got, tt.want)
		}
	}
}

func FuzzHistory(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 1, 2, 3, 4, 10, 10})
	f.Fuzz(func(t *testing.T, data []byte) {
		h, at := sensors.History{Pace: sensors.AirPace()}, time.Unix(1e9, 0)
		for i := 0; len(data) >= 4; data, i = data[4:], i+1 {
			at = at.Add(time.Duration(binary.BigEndian.Uint16(data)) * time.Second)
			celsius := float64(int16(binary.BigEndian.Uint16(data[2:]))) / 16
			before, _ := h.Last()
			next, reason := h.Step(at, celsius, at)
			last, when := next.Last()
			accepted := reason == ""
			switch {
			case i == 0 && !accepted:
				t.Fatalf("the first sample is rejected: %s", reason)
			case accepted && (last != celsius || !when.Equal(at)), !accepted && last != before:
				t.Fatalf("%g °C, %q: last is %g", celsius, reason, last)
			case next.Swung().After(at), math.IsNaN(last):
				t.Fatalf("a history from the future: %+v", next)
			}
			h = next
		}
	})
}

const (
	socFile = "sys/class/thermal/thermal_zone0/temp"
	dieFile = "sys/class/hwmon/hwmon0/temp1_input"
	airFile = "sys/class/hwmon/hwmon1/temp1_input"

	besideFile = "sys/class/hwmon/hwmon2/temp1_input" // of a second part in the air
)

// thermometers is a host with a SoC, another die, and a part that measures the
// air, in thousandths of a degree.
func thermometers(soc, die, air string) fstest.MapFS {
	root := tree(map[string]string{
		"sys/class/thermal/thermal_zone0/type": "cpu-thermal", socFile: soc,
		"sys/class/hwmon/hwmon0/name": "nvme", dieFile: die,
		"sys/class/hwmon/hwmon1/name": "tmp102", airFile: air,
	})
	root["sys/class/hwmon/hwmon1/device"] = &fstest.MapFile{Data: []byte("../../../1-0048"), Mode: fs.ModeSymlink}
	return root
}

func put(root fstest.MapFS, name, text string) { root[name] = &fstest.MapFile{Data: []byte(text)} }

func TestEachThermometerIsBelievedAtItsOwnPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := thermometers("", "", "")
		set := open(root)
		steps := []struct {
			soc, die, air string
			want          []string
		}{
			{"48000", "40000", "21000", []string{"_soc:temperature=48 Cel", "_nvme-temp1:temperature=40 Cel", "_i2c1-48:temperature=21 Cel"}},
			{"85000", "75000", "41000", []string{"_soc:temperature=85 Cel", "_nvme-temp1:temperature=75 Cel", "_i2c1-48:temperature=41 Cel"}},
			{"-56000", "-60000", "61063", []string{"_soc:temperature!jump", "_nvme-temp1:temperature=-60 Cel", "_i2c1-48:temperature!jump"}},
			{"-56000", "-60000", "41500", []string{"_soc:temperature=-56 Cel", "_nvme-temp1:temperature=-60 Cel", "_i2c1-48:temperature=41.5 Cel"}},
		}
		for i, step := range steps {
			put(root, socFile, step.soc)
			put(root, dieFile, step.die)
			put(root, airFile, step.air)
			if diff := cmp.Diff(step.want, read(t, set)); diff != "" {
				t.Errorf("step %d (-want +got):\n%s", i, diff)
			}
			<-time.After(10 * time.Second)
		}
	})
}

func TestARejectionShowsTheValueAndTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := thermometers("48000", "40000", "21000")
		set := open(root)
		read(t, set)
		<-time.After(10 * time.Second)
		put(root, airFile, "85000")
		for _, sensor := range set.Sensors() {
			if !strings.HasSuffix(sensor.Name(), "_i2c1-48:temperature") {
				continue
			}
			readings, err := sensor.Read(t.Context())
			why, ok := errors.AsType[fault.Error](err)
			if len(readings) > 0 || !ok || why.Reason != fault.Jump || !strings.HasPrefix(why.Detail, "85 °C, after 21 °C 10s ago;") {
				t.Errorf("got %v, %v, want a jump with both values", readings, err)
			}
		}
	})
}

func TestAJumpIsTheFaultOfWhatHasJumped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registers := map[byte]byte{0x00: 30, 0x01: 25, 0xfd: 0x16, 0xfe: 0x5d} // of an EMC2101: chip, diode, IDs
		var pointer byte
		set := adapters{1: i2ctest.Func(func(addr uint16, w, r []byte) error {
			if addr != 0x4c || len(w) > 1 {
				return i2ctest.NoAck
			}
			if len(w) == 1 {
				pointer = w[0]
			}
			for i := range r {
				r[i] = registers[pointer+byte(i)]
			}
			return nil
		})}.set(nil)
		jumped := func() (devices []string) {
			t.Helper()
			for _, sensor := range set.Sensors() {
				readings, err := sensor.Read(t.Context())
				if err != nil {
					devices = append(devices, strings.TrimPrefix(sensor.Name(), node.Device(""))+"!")
				}
				for _, r := range readings {
					if r.Quantity == wire.QuantityFault {
						devices = append(devices, strings.TrimPrefix(r.Device, node.Device(""))+" "+r.Text)
					}
				}
			}
			time.Sleep(10 * time.Second)
			return devices
		}
		if got := jumped(); got != nil {
			t.Errorf("faults at first: %q", got)
		}
		registers[0x01] = 85
		if diff := cmp.Diff([]string{"_i2c1-4c-ext jump"}, jumped()); diff != "" {
			t.Errorf("the diode jumps (-want +got):\n%s", diff)
		}
		registers[0x00], registers[0x01] = 90, 85
		if diff := cmp.Diff([]string{"_i2c1-4c:temperature!"}, jumped()); diff != "" {
			t.Errorf("the chip jumps (-want +got):\n%s", diff)
		}
	})
}

func TestAScanHasNoHistory(t *testing.T) {
	root := thermometers("48000", "40000", "21000")
	set := open(root)
	read(t, set)
	put(root, airFile, "190000")
	for _, p := range set.Parts() {
		if p.What != "tmp102" {
			continue
		}
		readings, err := p.Sensor.Read(t.Context())
		if err != nil || len(readings) != 1 || readings[0].Value != 190 {
			t.Errorf("got %v, %v, want 190 °C", readings, err)
		}
		return
	}
	t.Error("no such part")
}

// A processor that works harder warms itself, not the air of a rack.
func TestAProbeIsStuckBesideAnotherThatMovesAndNotBesideASoC(t *testing.T) {
	tests := []struct {
		name  string
		moves string
		away  int // minutes for which the probe is gone, after half an hour
		want  []int
	}{
		{"read all the time", besideFile, 0, []int{121, 122, 123, 124}},
		{"its history outlasts nine minutes", besideFile, 9, []int{121, 122, 123, 124}},
		{"but no eleven", besideFile, 11, nil},
		{"only the SoC moves", socFile, 0, nil},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			root := thermometers("48000", "40000", "21000")
			root["sys/class/hwmon/hwmon2/name"] = &fstest.MapFile{Data: []byte("tmp102")}
			root["sys/class/hwmon/hwmon2/device"] = &fstest.MapFile{Data: []byte("../../../1-0049"), Mode: fs.ModeSymlink}
			put(root, besideFile, "30000")
			set := open(root)
			var stuck []int // minutes
			for minute := range 125 {
				put(root, tt.moves, []string{"30000", "34000"}[minute/20%2])
				if minute == 30 {
					delete(root, airFile)
					set.Rescan()
				}
				if minute == 1 || minute == 30+tt.away {
					put(root, airFile, "21063")
					set.Rescan()
				}
				for _, got := range read(t, set) {
					if strings.HasSuffix(got, "!stuck") {
						stuck = append(stuck, minute)
					}
				}
				<-time.After(time.Minute)
			}
			if diff := cmp.Diff(tt.want, stuck); diff != "" {
				t.Errorf("%s: stuck in minutes (-want +got):\n%s", tt.name, diff)
			}
		})
	}
}
