package sysfs_test

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"thermarack/hardware/sysfs"
)

// A noting host remembers which files were opened.
type noting struct {
	fs.FS
	opened []string
}

func (n *noting) Open(name string) (fs.File, error) {
	n.opened = append(n.opened, name)
	return n.FS.Open(name)
}

// ReadLink follows the host's.
func (n *noting) ReadLink(name string) (string, error) { return fs.ReadLink(n.FS, name) }

// Lstat follows the host's.
func (n *noting) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(n.FS, name) }

func TestListingOpensNoFileThatMeasures(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"pi3b", "pi3bplus-poe", "pi4-poeplus", "broken"} {
		host := &noting{FS: board(t, name)}
		chips, err := sysfs.ListChips(host)
		if err != nil || len(chips) == 0 {
			t.Fatalf("%s: got %v, %v, want its chips", name, chips, err)
		}
		if _, err := sysfs.ListZones(host); err != nil {
			t.Error(err)
		}
		if _, _, err := sysfs.FindPoE(host); err != nil {
			t.Error(err)
		}
		for _, file := range host.opened {
			measures := slices.ContainsFunc([]string{"_input", "pwm1", "/temp", "_now", "_max", "_fault", "alarm", "health"},
				func(end string) bool { return strings.HasSuffix(file, end) })
			if measures {
				t.Errorf("%s: opened %s", name, file)
			}
		}
	}
}

func TestWhatIsListedReadsAsInTheWhole(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"pi3b", "pi3bplus-poe", "pi4-poeplus", "broken"} {
		root := board(t, name)
		want, err := sysfs.Chips(root)
		if err != nil {
			t.Fatal(err)
		}
		listed, err := sysfs.ListChips(root)
		if err != nil || len(listed) != len(want) {
			t.Fatalf("%s: listed %d chips, %v, want %d", name, len(listed), err, len(want))
		}
		for i, chip := range want {
			for j, w := range chip.Sensors {
				got := listed[i].Sensors[j].Read(root)
				if got.Value != w.Value || got.Fault != w.Fault || (got.Err == nil) != (w.Err == nil) {
					t.Errorf("%s %s %s%d: got %+v, want %+v", name, chip.Name, w.Kind, w.Index, got, w)
				}
			}
		}
	}
}

func TestReadingAChannelAgainOpensTwoFilesAtMost(t *testing.T) {
	t.Parallel()
	const dir = "sys/class/hwmon/hwmon9/"
	host := &noting{FS: board(t, "pi3bplus-poe")}
	chips, err := sysfs.ListChips(host)
	if err != nil {
		t.Fatal(err)
	}
	host.opened = nil
	if c := chips[4].Sensors[0].Read(host); c.Err != nil || c.Value != 40 {
		t.Errorf("got %+v, want 40 turns a second", c)
	}
	if want := []string{dir + "fan1_input", dir + "fan1_fault"}; !slices.Equal(host.opened, want) {
		t.Errorf("opened %v, want %v", host.opened, want)
	}
}

func TestAChipWhoseNumberIsAnothersIsNotTheSame(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		now  fs.FS
		same bool
	}{
		{"as before", fstest.MapFS{"sys/class/hwmon/hwmon0/name": {Data: []byte("pwmfan\n")}}, true},
		{"another chip's", fstest.MapFS{"sys/class/hwmon/hwmon0/name": {Data: []byte("emc2305\n")}}, false},
		{"gone", fstest.MapFS{}, false},
	}
	const dir = "sys/class/hwmon/hwmon0"
	chip := sysfs.Chip{Dir: dir, Place: dir, Name: "pwmfan"}
	for _, tt := range tests {
		if got := chip.Same(tt.now); got != tt.same {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.same)
		}
	}
}

func TestAChipIsReadAtItsPlaceWhichNoOtherChipTakes(t *testing.T) {
	t.Parallel()
	const class, place = "sys/class/hwmon/hwmon2", "sys/devices/platform/cooling_fan/hwmon/hwmon2"
	host := &noting{FS: fstest.MapFS{
		class:                   {Data: []byte("../../devices/platform/cooling_fan/hwmon/hwmon2"), Mode: fs.ModeSymlink},
		place + "/name":         {Data: []byte("pwmfan\n")},
		place + "/fan1_input":   {Data: []byte("3000\n")},
		place + "/device":       {Data: []byte("../../../cooling_fan"), Mode: fs.ModeSymlink},
		"sys/class/hwmon/other": {Data: []byte("no chip")},
	}}
	chips, err := sysfs.ListChips(host)
	if err != nil || len(chips) != 1 {
		t.Fatalf("got %+v, %v, want one chip", chips, err)
	}
	chip := chips[0]
	if chip.Dir != class || chip.Place != place || chip.Device != "cooling_fan" || chip.Name != "pwmfan" {
		t.Errorf("got %+v, want the chip of cooling_fan", chip)
	}
	host.opened = nil
	if c := chip.Sensors[0].Read(host); !chip.Same(host) || c.Value != 50 || c.Err != nil {
		t.Errorf("got %+v, want 50 turns a second", c)
	}
	if want := []string{place + "/fan1_input"}; !slices.Equal(host.opened, want) {
		t.Errorf("opened %v, want %v", host.opened, want)
	}
}

func TestALinkThatLeadsOutOfTheTreeIsNotFollowed(t *testing.T) {
	t.Parallel()
	for _, link := range []string{"../../../../etc", "/etc"} {
		chips, err := sysfs.ListChips(fstest.MapFS{"sys/class/hwmon/hwmon0": {Data: []byte(link), Mode: fs.ModeSymlink}})
		if err != nil || len(chips) != 1 || strings.Contains(chips[0].Place, "..") || chips[0].Err == nil {
			t.Errorf("%s: got %+v, %v, want a chip that cannot be read", link, chips, err)
		}
	}
}

func TestAChipIsOfTheDeviceThatItsLinkNames(t *testing.T) {
	t.Parallel()
	tests := []struct {
		link string
		bus  int
		addr uint16
		ok   bool
	}{
		{"../../../1-0048", 1, 0x48, true},
		{"../../../22-0077", 22, 0x77, true},
		{"../../../cooling_fan", 0, 0, false},
		{"../../../1-a048", 0, 0, false}, // an address of 10 bits
		{"../../../1-48", 0, 0, false},
		{"../../../0000:01:00.0", 0, 0, false},
		{"../../../-0048", 0, 0, false},
		{"../../../70000-0048", 0, 0, false},
	}
	for _, tt := range tests {
		root := fstest.MapFS{
			"sys/class/hwmon/hwmon0/name":   {Data: []byte("lm75\n")},
			"sys/class/hwmon/hwmon0/device": {Data: []byte(tt.link), Mode: fs.ModeSymlink},
		}
		chips, err := sysfs.ListChips(root)
		if err != nil || len(chips) != 1 || "../../../"+chips[0].Device != tt.link {
			t.Fatalf("%s: got %+v, %v", tt.link, chips, err)
		}
		if bus, addr, ok := chips[0].I2C(); bus != tt.bus || addr != tt.addr || ok != tt.ok {
			t.Errorf("%s: got %d, %#x, %v, want %d, %#x, %v", tt.link, bus, addr, ok, tt.bus, tt.addr, tt.ok)
		}
	}
}

func TestReadingAZoneAgain(t *testing.T) {
	t.Parallel()
	const dir = "sys/class/thermal/thermal_zone0"
	zone := func(kind, temp string) fstest.MapFS {
		return fstest.MapFS{dir + "/type": {Data: []byte(kind)}, dir + "/temp": {Data: []byte(temp)}}
	}
	tests := []struct {
		name string
		now  fs.FS
		want float64
		err  error // nil: none
	}{
		{"warmer", zone("cpu-thermal", "48312\n"), 48.312, nil},
		{"gone", fstest.MapFS{}, 0, fs.ErrNotExist},
		{"another zone's number", zone("iwlwifi", "31000\n"), 0, fs.ErrNotExist},
		{"the driver fails", trapped{zone("cpu-thermal", "0"), map[string]error{dir + "/temp": syscall.EINVAL}}, 0, syscall.EINVAL},
	}
	for _, tt := range tests {
		got := sysfs.Zone{Dir: dir, Type: "cpu-thermal", Celsius: 20}.Read(tt.now)
		if got.Celsius != tt.want || !errors.Is(got.Err, tt.err) || tt.err == nil && got.Err != nil {
			t.Errorf("%s: got %+v, want %v, %v", tt.name, got, tt.want, tt.err)
		}
	}
}

func TestAFileThatWasFoundIsReadWithoutSearching(t *testing.T) {
	t.Parallel()
	host := &noting{FS: board(t, "pi3b")}
	word, ok, err := sysfs.ThrottledFile(host)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	alarm, ok, err := sysfs.UnderVoltageFile(host)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	host.opened = nil
	if got, err := sysfs.ReadThrottled(host, word); got != 0x50005 || err != nil {
		t.Errorf("word %#x, %v, want 0x50005", got, err)
	}
	if got, err := sysfs.ReadUnderVoltage(host, alarm); !got || err != nil {
		t.Errorf("alarm %v, %v, want one", got, err)
	}
	if want := []string{throttledFile, "sys/class/hwmon/hwmon1/in0_lcrit_alarm"}; !slices.Equal(host.opened, want) {
		t.Errorf("opened %v, want %v", host.opened, want)
	}
	for _, read := range []func() error{
		func() error { _, err := sysfs.ReadThrottled(fstest.MapFS{}, word); return err },
		func() error { _, err := sysfs.ReadUnderVoltage(fstest.MapFS{}, alarm); return err },
	} {
		if err := read(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v, want that the file is gone", err)
		}
	}
}

// A busy host gives nothing the first time that a file is read.
type busy struct {
	fs.FS
	read map[string]bool
}

func (b busy) Open(name string) (fs.File, error) {
	if !b.read[name] {
		b.read[name] = true
		return fstest.MapFS{name: {}}.Open(name)
	}
	return b.FS.Open(name)
}

func TestAnEmptyFileIsReadOnceMore(t *testing.T) {
	t.Parallel()
	zone := sysfs.Zone{Dir: "sys/class/thermal/thermal_zone0", Type: "cpu-thermal"}
	host := busy{board(t, "pi3b"), map[string]bool{}}
	if got := zone.Read(host); got.Celsius != 48.312 || got.Err != nil {
		t.Errorf("got %+v, want 48.312 °C", got)
	}
	if got, err := sysfs.ReadThrottled(host, throttledFile); got != 0x50005 || err != nil {
		t.Errorf("got %#x, %v, want 0x50005", got, err)
	}
}
