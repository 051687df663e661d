package sysfs

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

const hwmonDir = "sys/class/hwmon"

// oneWireChip is the hwmon name of a 1-Wire thermometer. Reading its input
// starts a conversion and blocks for 750 ms; package onewire reads the same
// part with its checksum.
const oneWireChip = "w1_slave_temp"

// A Chip is one hwmon device of the host.
type Chip struct {
	Dir     string    // below the root, such as "sys/class/hwmon/hwmon0"; the number changes from boot to boot
	Place   string    // where the kernel keeps it, such as "sys/devices/platform/cooling_fan/hwmon/hwmon0"; Dir in a tree without links
	Name    string    // what the driver calls it, such as "rpi_volt" or "pwmfan"; "" if it cannot be read
	Device  string    // what it is the chip of, such as "cooling_fan" or "1-0048" on an I²C bus; "" in a tree without links
	Sensors []Channel // in the order of kind, then index
	Err     error     // why the chip has no name or could not be listed; its Sensors are good all the same
}

// A Channel is one measured or set value of a chip.
type Channel struct {
	Dir   string // that holds its files, below the root: the chip's, or for drivers of the old interface its device's
	Kind  string // temp fan pwm in curr power humidity freq energy, or another that Err calls unknown
	Index int    // the number in the file's name, such as 1 for temp1_input
	Label string // the driver's words, such as "Core 0", or ""

	// Value by Kind: temp in °C, fan in revolutions a second, pwm as a ratio
	// of 0 to 1, in in V, curr in A, power in W, humidity in %RH, freq in Hz,
	// energy in J. It is 0 if Err is set, and means nothing if Fault is.
	Value float64

	Fault bool  // the chip says that the sensor is broken or not connected
	Alarm bool  // the chip says that one of its own limits is exceeded
	Err   error // why Value cannot be used, naming the file; nil if it can

	flags []string // the files beside the value's, such as fan1_fault
}

// Chips reads every hwmon chip of the host, in the order of their numbers
// (hwmon9 before hwmon10).
//
// A host without hwmon yields none and no error. A channel that cannot be read,
// is out of all reason or of an unknown kind is listed with its Err, and so is
// a chip without a name; the error of Chips itself says only that the chips
// could not be listed. Kernels that keep a chip's name and files in its device
// directory are understood. 1-Wire thermometers (chip w1_slave_temp) are listed
// without sensors, because reading them here would load the bus for 750 ms
// each; use package onewire.
//
// A sensor that lies within reason is not found out here: 85 °C may be true.
// A fan without a tachometer, such as those of the PoE HATs, has a pwm channel
// and no fan channel.
//
// Files: sys/class/hwmon/hwmon*/{name,*_input,pwm*,*_label,*_fault,*_alarm}, see
// https://docs.kernel.org/hwmon/sysfs-interface.html
func Chips(root fs.FS) ([]Chip, error) {
	chips, err := ListChips(root)
	for _, chip := range chips {
		for i, c := range chip.Sensors {
			chip.Sensors[i] = c.readWith(root, allFlags)
		}
	}
	return chips, err
}

// ListChips returns what Chips does, but for the values: it reads the chips'
// names and opens no file that measures, so that a chip which hangs is listed
// like any other. Channel.Read brings the values.
func ListChips(root fs.FS) ([]Chip, error) {
	dirs, err := numbered(root, hwmonDir, "hwmon")
	if err != nil {
		return nil, err
	}
	chips := make([]Chip, len(dirs))
	for i, dir := range dirs {
		chips[i] = listChip(root, dir)
	}
	return chips, nil
}

func listChip(root fs.FS, dir string) Chip {
	c := Chip{Dir: dir, Place: dir}
	if place, err := fs.ReadLink(root, dir); err == nil && fs.ValidPath(path.Join(hwmonDir, place)) {
		c.Place = path.Join(hwmonDir, place)
	}
	name, homes, err := chipName(root, c.Place)
	c.Name, c.Err = name, err
	if device, err := fs.ReadLink(root, path.Join(dir, "device")); err == nil {
		c.Device = path.Base(device)
	}
	if name == oneWireChip {
		return c
	}
	for _, home := range homes {
		sensors, err := channels(root, home)
		if err != nil && c.Err == nil {
			c.Err = err
		}
		c.Sensors = append(c.Sensors, sensors...)
	}
	return c
}

// Same tells whether the chip's files still are its own: numbers are given anew
// when drivers come and go. At the place of a device there is never another
// chip's file, only its own or none, so that nothing is read to know that; in a
// tree without links the name tells.
func (c Chip) Same(root fs.FS) bool {
	if c.Place != c.Dir {
		return true
	}
	name, _, _ := chipName(root, c.Dir) // "" if it cannot be read, then as before
	return name == c.Name
}

// I2C returns the bus and the address of a chip on an I²C bus. ok is false for
// any other chip, in a tree without links, and for an address of 10 bits.
//
// A device on such a bus is called by both, "1-0048", see
// https://docs.kernel.org/i2c/instantiating-devices.html
func (c Chip) I2C() (bus int, addr uint16, ok bool) {
	number, hex, ok := strings.Cut(c.Device, "-")
	n, err := strconv.ParseUint(number, 10, 16)
	a, hexErr := strconv.ParseUint(hex, 16, 16)
	if !ok || len(hex) != 4 || err != nil || hexErr != nil || a > 0x7f {
		return 0, 0, false
	}
	return int(n), uint16(a), true
}

// chipName returns a chip's name and the directories that hold its files: its
// own, and for drivers of the old interface also that of its device, which is
// where the name is then found.
func chipName(root fs.FS, dir string) (name string, homes []string, err error) {
	name, err = readLine(root, path.Join(dir, "name"))
	if !errors.Is(err, fs.ErrNotExist) {
		return name, []string{dir}, err
	}
	device := path.Join(dir, "device")
	if name, oldErr := readLine(root, path.Join(device, "name")); oldErr == nil {
		return name, []string{dir, device}, nil
	}
	return "", []string{dir}, err
}

// channels lists all channels of one directory.
func channels(root fs.FS, dir string) ([]Channel, error) {
	entries, err := fs.ReadDir(root, dir)
	if err != nil {
		return nil, inFile(dir, err)
	}
	var list []Channel
	for _, e := range entries {
		kind, index, ok := parseInput(e.Name())
		if !ok {
			continue
		}
		c := Channel{Dir: dir, Kind: kind, Index: index}
		c.flags = flagsOf(c.stem(), entries)
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b Channel) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Index, b.Index))
	})
	return list, nil
}

// stem returns what the names of the channel's files begin with, such as temp1.
func (c Channel) stem() string { return c.Kind + strconv.Itoa(c.Index) }

// flagsOf returns the files that say something about a channel beside its value:
// temp1_label, fan1_fault, temp1_crit_alarm, in0_lcrit_alarm …
func flagsOf(stem string, entries []fs.DirEntry) []string {
	var flags []string
	for _, e := range entries {
		what, ok := strings.CutPrefix(e.Name(), stem+"_")
		if ok && (what == "label" || what == "fault" || strings.HasSuffix(what, "alarm")) {
			flags = append(flags, e.Name())
		}
	}
	return flags
}

// parseInput splits the name of a file that holds a channel's value, such as
// temp1_input or pwm1.
func parseInput(file string) (kind string, index int, ok bool) {
	stem, isInput := strings.CutSuffix(file, "_input")
	kind = strings.TrimRight(stem, "0123456789")
	index, err := strconv.Atoi(stem[len(kind):])
	if err != nil || kind == "" || !isInput && kind != "pwm" {
		return "", 0, false
	}
	return kind, index, true
}

// readValue reads one value and converts it to the unit of its kind.
func readValue(root fs.FS, file, kind string) (float64, error) {
	s, ok := scaleOf(kind)
	if !ok {
		return 0, inFile(file, fmt.Errorf("no unit is known for kind %q", kind))
	}
	n, err := readInt(root, file)
	if err != nil {
		return 0, err
	}
	value := float64(n) / s.per
	if value < s.min || value > s.max {
		return 0, inFile(file, fmt.Errorf("%d is outside %g to %g %s", n, s.min, s.max, s.unit))
	}
	return value, nil
}

// A scale says how many counts make one unit, and which values can be true.
type scale struct {
	unit          string
	per, min, max float64
}

// scaleOf returns the scale of a kind. The counts are those of the kernel's
// hwmon interface; the limits are far outside what a board or a rack can show.
func scaleOf(kind string) (scale, bool) {
	switch kind {
	case "temp":
		return scale{"°C", 1000, minCelsius, maxCelsius}, true
	case "fan":
		return scale{"1/s", 60, 0, 2000}, true // per minute in the file
	case "pwm":
		return scale{"of the full duty", 255, 0, 1}, true
	case "in":
		return scale{"V", 1000, -1000, 1000}, true
	case "curr":
		return scale{"A", 1000, -1000, 1000}, true
	case "power":
		return scale{"W", 1e6, -1e5, 1e5}, true
	case "humidity":
		return scale{"%RH", 1000, 0, 100}, true
	case "freq":
		return scale{"Hz", 1, 0, 1e12}, true
	case "energy":
		return scale{"J", 1e6, 0, 1e13}, true
	}
	return scale{}, false
}

// Read returns the channel with its present value, and Fault if it can have
// one. It opens no other file, so that it costs little again and again; Label
// and Alarm stay as they are. Err is set if it cannot be read, as after its
// chip was given another number.
func (c Channel) Read(root fs.FS) Channel { return c.readWith(root, faultOnly) }

func faultOnly(flag string) bool { return strings.HasSuffix(flag, "_fault") }

func allFlags(string) bool { return true }

// readWith reads the value, and those of the flags that wanted accepts.
func (c Channel) readWith(root fs.FS, wanted func(flag string) bool) Channel {
	file := path.Join(c.Dir, c.stem())
	if c.Kind != "pwm" {
		file += "_input"
	}
	c.Value, c.Err = readValue(root, file, c.Kind)
	if err := c.readFlags(root, wanted); err != nil && c.Err == nil {
		c.Value, c.Err = 0, err
	}
	return c
}

// readFlags fills in what the chip says about the channel beside its value.
func (c *Channel) readFlags(root fs.FS, wanted func(flag string) bool) error {
	for _, flag := range c.flags {
		if !wanted(flag) {
			continue
		}
		var err error
		file := path.Join(c.Dir, flag)
		switch {
		case strings.HasSuffix(flag, "_label"):
			c.Label, err = readLine(root, file)
		case strings.HasSuffix(flag, "_fault"):
			c.Fault, err = readFlag(root, file)
		default:
			var alarm bool
			alarm, err = readFlag(root, file)
			c.Alarm = c.Alarm || alarm
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readFlag tells whether the file holds anything but 0.
func readFlag(root fs.FS, file string) (bool, error) {
	n, err := readInt(root, file)
	return n != 0, err
}
