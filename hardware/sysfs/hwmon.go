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
	Name    string    // what the driver calls it, such as "rpi_volt" or "pwmfan"; "" if it cannot be read
	Sensors []Channel // in the order of kind, then index
	Err     error     // why the chip has no name or could not be listed; its Sensors are good all the same
}

// A Channel is one measured or set value of a chip.
type Channel struct {
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
	dirs, err := numbered(root, hwmonDir, "hwmon")
	if err != nil {
		return nil, err
	}
	chips := make([]Chip, len(dirs))
	for i, dir := range dirs {
		chips[i] = readChip(root, dir)
	}
	return chips, nil
}

func readChip(root fs.FS, dir string) Chip {
	name, homes, err := chipName(root, dir)
	c := Chip{Dir: dir, Name: name, Err: err}
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

// channels reads all channels of one directory.
func channels(root fs.FS, dir string) ([]Channel, error) {
	entries, err := fs.ReadDir(root, dir)
	if err != nil {
		return nil, inFile(dir, err)
	}
	files := make([]string, len(entries))
	for i, e := range entries {
		files[i] = e.Name()
	}
	var list []Channel
	for _, file := range files {
		kind, index, ok := parseInput(file)
		if !ok {
			continue
		}
		c := Channel{Kind: kind, Index: index}
		c.Value, c.Err = readValue(root, path.Join(dir, file), kind)
		if err := c.readFlags(root, dir, files); err != nil && c.Err == nil {
			c.Value, c.Err = 0, err
		}
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b Channel) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Index, b.Index))
	})
	return list, nil
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

// readFlags fills in what the chip says about the channel beside its value.
// files are the names in dir: what is not listed is not there.
func (c *Channel) readFlags(root fs.FS, dir string, files []string) error {
	stem := c.Kind + strconv.Itoa(c.Index) + "_"
	for _, file := range files {
		what, ok := strings.CutPrefix(file, stem)
		if !ok {
			continue
		}
		var err error
		file = path.Join(dir, file)
		switch {
		case what == "label":
			c.Label, err = readLine(root, file)
		case what == "fault":
			err = raise(&c.Fault, root, file)
		case strings.HasSuffix(what, "alarm"): // temp1_crit_alarm, in0_lcrit_alarm …
			err = raise(&c.Alarm, root, file)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// raise sets flag if the file holds anything but 0.
func raise(flag *bool, root fs.FS, file string) error {
	n, err := readInt(root, file)
	*flag = *flag || n != 0
	return err
}
