package sysfs_test

import (
	"errors"
	"io/fs"
	"math"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"thermarack/hardware/sysfs"
)

func TestChipsReadsAPlainPi(t *testing.T) {
	t.Parallel()
	got, err := sysfs.Chips(board(t, "pi3b"))
	if err != nil {
		t.Fatal(err)
	}
	want := []sysfs.Chip{
		{Dir: "sys/class/hwmon/hwmon0", Name: "cpu_thermal", Sensors: []sysfs.Channel{{Kind: "temp", Index: 1, Value: 47.774}}},
		{Dir: "sys/class/hwmon/hwmon1", Name: "rpi_volt"}, // older kernels have the alarm alone
	}
	if diff := cmp.Diff(want, got, valuesOnly()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// valuesOnly compares channels by what they tell, not by where they are.
func valuesOnly() cmp.Option {
	return cmp.Options{
		cmpopts.IgnoreUnexported(sysfs.Channel{}), cmpopts.IgnoreFields(sysfs.Channel{}, "Dir"), cmpopts.IgnoreFields(sysfs.Chip{}, "Place"),
	}
}

func TestChipsConvertsEachKindAndSortsByNumber(t *testing.T) {
	t.Parallel()
	got, err := sysfs.Chips(board(t, "pi3bplus-poe"))
	if err != nil {
		t.Fatal(err)
	}
	want := []sysfs.Chip{
		{Dir: "sys/class/hwmon/hwmon0", Name: "cpu_thermal", Sensors: []sysfs.Channel{{Kind: "temp", Index: 1, Value: 51.54}}},
		{Dir: "sys/class/hwmon/hwmon1", Name: "rpi_volt", Sensors: []sysfs.Channel{{Kind: "in", Label: "core", Value: 1.325}}},
		{Dir: "sys/class/hwmon/hwmon2", Name: "pwmfan", Sensors: []sysfs.Channel{{Kind: "pwm", Index: 1, Value: 0.4}}},
		{Dir: "sys/class/hwmon/hwmon3", Name: "w1_slave_temp"}, // not read: it would block
		{Dir: "sys/class/hwmon/hwmon9", Name: "emc2305", Sensors: []sysfs.Channel{
			{Kind: "fan", Index: 1, Value: 40, Alarm: true},
			{Kind: "fan", Index: 2, Fault: true},
			{Kind: "pwm", Index: 1, Value: 1},
		}},
		{Dir: "sys/class/hwmon/hwmon10", Name: "sht3x", Sensors: []sysfs.Channel{
			{Kind: "humidity", Index: 1, Value: 41.25},
			{Kind: "temp", Index: 1, Value: -5.125},
		}},
	}
	if diff := cmp.Diff(want, got, valuesOnly()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestChipsListsWhatIsBrokenWithItsReason(t *testing.T) {
	t.Parallel()
	got, err := sysfs.Chips(board(t, "broken"))
	if err != nil {
		t.Fatal(err)
	}
	want := `hwmon0 ! sysfs: sys/class/hwmon/hwmon0/name: file does not exist
  temp 1 "" 40
hwmon1 "liar"
  curr 1 "" ! sysfs: sys/class/hwmon/hwmon1/curr1_input: "" is not an integer of 64 bits
  fan 1 "intake" ! sysfs: sys/class/hwmon/hwmon1/fan1_input: -1 is outside 0 to 2000 1/s
  humidity 1 "" ! sysfs: sys/class/hwmon/hwmon1/humidity1_input: 100001 is outside 0 to 100 %RH
  in 1 "" ! sysfs: sys/class/hwmon/hwmon1/in1_input: "1.25" is not an integer of 64 bits
  power 1 "" ! sysfs: sys/class/hwmon/hwmon1/power1_input: "9223372036854775808" is not an integer of 64 bits
  pwm 1 "" ! sysfs: sys/class/hwmon/hwmon1/pwm1: 256 is outside 0 to 1 of the full duty
  temp 1 "" ! sysfs: sys/class/hwmon/hwmon1/temp1_input: 200001 is outside -60 to 200 °C
  temp 2 "" ! sysfs: sys/class/hwmon/hwmon1/temp2_input: -60001 is outside -60 to 200 °C
  temp 3 "" ! sysfs: sys/class/hwmon/hwmon1/temp3_fault: "yes" is not an integer of 64 bits
  temp 10 "" 200
  temp 11 "" -60
  turbidity 1 "" ! sysfs: sys/class/hwmon/hwmon1/turbidity1_input: no unit is known for kind "turbidity"
hwmon2 "old_style"
  fan 1 "" 30
  in 2 "" 3.3 alarm
`
	if diff := cmp.Diff(want, listChips(got)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestChipsKeepsTheOtherChannelsWhenOneFails(t *testing.T) {
	t.Parallel()
	const chip = "sys/class/hwmon/hwmon9/"
	tests := []struct {
		name, file string
		err        error
	}{
		{"the driver refuses", "fan1_input", syscall.EINVAL},
		{"the bus fails", "fan1_input", syscall.EIO},
		{"nothing is measured yet", "fan1_input", syscall.ENODATA},
		{"the file went after the listing", "fan1_input", fs.ErrNotExist},
		{"the flag of a good value fails", "fan1_fault", syscall.EIO},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			chips, err := sysfs.Chips(trapped{board(t, "pi3bplus-poe"), map[string]error{chip + tt.file: tt.err}})
			if err != nil || len(chips) != 6 || len(chips[4].Sensors) != 3 {
				t.Fatalf("got %v, %v, want all chips and channels", chips, err)
			}
			fan := chips[4].Sensors[0]
			if !errors.Is(fan.Err, tt.err) || !strings.Contains(fan.Err.Error(), chip+tt.file) || fan.Value != 0 {
				t.Errorf("got %+v, want no value, and %v with the file", fan, tt.err)
			}
			if pwm := chips[4].Sensors[2]; pwm.Err != nil || pwm.Value != 1 {
				t.Errorf("got %+v, want the pwm beside it unharmed", pwm)
			}
		})
	}
}

func TestAChipThatGoesAwayIsListedWithItsReason(t *testing.T) {
	t.Parallel()
	const chip = "sys/class/hwmon/hwmon2"
	chips, err := sysfs.Chips(trapped{board(t, "pi3bplus-poe"), map[string]error{chip: fs.ErrNotExist}})
	if err != nil || len(chips) != 6 {
		t.Fatalf("got %v, %v, want all chips", chips, err)
	}
	if c := chips[2]; !errors.Is(c.Err, fs.ErrNotExist) || !strings.Contains(c.Err.Error(), chip) {
		t.Errorf("got %+v, want its directory's error", c)
	}
}

func TestUnderVoltage(t *testing.T) {
	t.Parallel()
	const alarm = "sys/class/hwmon/hwmon1/in0_lcrit_alarm"
	tests := []struct {
		name      string
		root      fs.FS
		alarm, ok bool
		err       error
	}{
		{"alarm", board(t, "pi3b"), true, true, nil},
		{"no alarm", board(t, "pi3bplus-poe"), false, true, nil},
		{"no such chip", board(t, "broken"), false, false, nil},
		{"a chip without the alarm", fstest.MapFS{"sys/class/hwmon/hwmon0/name": {Data: []byte("rpi_volt")}}, false, false, nil},
		{"no hwmon at all", fstest.MapFS{}, false, false, nil},
		{"unreadable", trapped{board(t, "pi3b"), map[string]error{alarm: syscall.EIO}}, false, false, syscall.EIO},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok, err := sysfs.UnderVoltage(tt.root)
			if got != tt.alarm || ok != tt.ok || !errors.Is(err, tt.err) {
				t.Errorf("got %v, %v, %v, want %v, %v, %v", got, ok, err, tt.alarm, tt.ok, tt.err)
			}
		})
	}
}

func FuzzChips(f *testing.F) {
	for _, s := range []string{"47774\n", "-5125", "", "85000\x00", "9223372036854775807", "-9223372036854775808", "0x10", " 12 34", "1e3", "100001"} {
		f.Add(s)
	}
	limits := map[string][2]float64{"temp": {-60, 200}, "fan": {0, 2000}, "pwm": {0, 1}, "in": {-1000, 1000}, "curr": {-1000, 1000},
		"power": {-1e5, 1e5}, "humidity": {0, 100}, "freq": {0, 1e12}, "energy": {0, 1e13}}
	f.Fuzz(func(t *testing.T, text string) {
		root := fstest.MapFS{"sys/class/hwmon/hwmon0/name": {Data: []byte("fuzz")}, "sys/class/hwmon/hwmon0/pwm1": {Data: []byte(text)}}
		for kind := range limits {
			if kind != "pwm" {
				root["sys/class/hwmon/hwmon0/"+kind+"1_input"] = &fstest.MapFile{Data: []byte(text)}
			}
		}
		chips, err := sysfs.Chips(root)
		if err != nil || len(chips) != 1 || len(chips[0].Sensors) != len(limits) {
			t.Fatalf("got %v, %v, want one chip with %d channels", chips, err, len(limits))
		}
		for _, c := range chips[0].Sensors {
			switch l := limits[c.Kind]; {
			case c.Err != nil && (c.Value != 0 || strings.Contains(c.Err.Error(), "\n")):
				t.Errorf("%q: got %+v, want no value and an error of one line", text, c)
			case c.Err == nil && (math.IsNaN(c.Value) || c.Value < l[0] || c.Value > l[1]):
				t.Errorf("%q: got %+v, outside %v", text, c, l)
			}
		}
	})
}
