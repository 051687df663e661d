package sysfs

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Bits of the Raspberry Pi's throttled word. Each occurs a second time,
// shifted left by OccurredShift, for what has been since the bits were last
// cleared: since boot, or for the last 2 s where the driver raspberrypi-hwmon
// (chip rpi_volt) is loaded, which clears them each time it looks.
const (
	UnderVoltageBit    = 1 << 0 // the supply is below some 4.63 V
	FrequencyCappedBit = 1 << 1 // the clock is held down
	ThrottledBit       = 1 << 2 // the clock is reduced, for heat or for voltage
	SoftLimitBit       = 1 << 3 // the soft temperature limit is active

	OccurredShift = 16
)

// Throttled returns the firmware's throttled word as the kernel last saw it;
// see the bits above.
//
// ok is false, without an error, where the file does not exist: on kernels that
// are not Raspberry Pi's own, and on other boards. The error names a file that
// could not be read or parsed. Who asks again and again keeps ThrottledFile's
// answer and calls ReadThrottled.
func Throttled(root fs.FS) (word uint32, ok bool, err error) {
	file, ok, err := ThrottledFile(root)
	if !ok || err != nil {
		return 0, false, err
	}
	word, err = ReadThrottled(root, file)
	if errors.Is(err, fs.ErrNotExist) { // went since
		return 0, false, nil
	}
	return word, err == nil, err
}

// ThrottledFile returns the file that holds the throttled word, for
// ReadThrottled. ok is false, without an error, where there is none.
//
// File: sys/devices/platform/soc/soc:firmware/get_throttled, hexadecimal
// without a prefix. On boards whose device tree gives the soc node an address,
// as the Pi 5's does, both parts of the name carry that address.
func ThrottledFile(root fs.FS) (file string, ok bool, err error) {
	const usual = "sys/devices/platform/soc/soc:firmware/get_throttled"
	_, err = fs.Stat(root, usual)
	switch {
	case err == nil:
		return usual, true, nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", false, inFile(usual, err)
	}
	named, err := fs.Glob(root, "sys/devices/platform/soc@*/soc@*:firmware/get_throttled")
	if err != nil || len(named) == 0 {
		return "", false, err
	}
	return named[0], true, nil
}

// ReadThrottled returns the word in a file that ThrottledFile found. The error
// names the file, and wraps fs.ErrNotExist if it is gone.
func ReadThrottled(root fs.FS, file string) (word uint32, err error) {
	text, err := readLine(root, file)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "0x"), 16, 32)
	if err != nil {
		return 0, inFile(file, fmt.Errorf("%.30q is not a hexadecimal word of 32 bits", text))
	}
	return uint32(n), nil
}

// UnderVoltage reports whether the supply was too low within the last 2 s, as
// the driver raspberrypi-hwmon sees it, which mainline kernels have too.
//
// Poll it at least every 2 s, or read the bit of Throttled, to miss nothing. ok is
// false, without an error, on a host without that driver. The error names the
// file that could not be read. Who polls keeps UnderVoltageFile's answer and
// calls ReadUnderVoltage.
func UnderVoltage(root fs.FS) (alarm, ok bool, err error) {
	file, ok, err := UnderVoltageFile(root)
	if !ok || err != nil {
		return false, false, err
	}
	alarm, err = ReadUnderVoltage(root, file)
	return alarm, err == nil, err
}

// UnderVoltageFile returns the file that holds the alarm of under-voltage, for
// ReadUnderVoltage. ok is false, without an error, where there is none. The
// chip's number, and with it the file, may be another after its driver was
// loaded anew.
//
// File: in0_lcrit_alarm of the hwmon chip rpi_volt.
func UnderVoltageFile(root fs.FS) (file string, ok bool, err error) {
	dirs, err := numbered(root, hwmonDir, "hwmon")
	if err != nil {
		return "", false, err
	}
	for _, dir := range dirs {
		name, _, err := chipName(root, dir)
		if err != nil || name != "rpi_volt" {
			continue // a chip without a name is Chips' business
		}
		file := path.Join(dir, "in0_lcrit_alarm")
		if _, err := fs.Stat(root, file); err == nil {
			return file, true, nil
		}
	}
	return "", false, nil
}

// ReadUnderVoltage returns the alarm in a file that UnderVoltageFile found. The
// error names the file, and wraps fs.ErrNotExist if it is gone.
func ReadUnderVoltage(root fs.FS, file string) (bool, error) { return readFlag(root, file) }
