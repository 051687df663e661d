package sysfs

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// A Supply is the power supply on a PoE+ HAT.
//
// It tells a current but no voltage, so no power follows from it: current times
// 5 V would be an assumption, and watts that were measured come from the
// switch.
type Supply struct {
	Dir     string  // below the root, "sys/class/power_supply/rpi-poe"
	Current float64 // A, 0 to 10, whole mA
	Limit   float64 // A: 2.5 from a switch of 802.3af, 5 from one of 802.3at
	Online  bool    // false: no power comes this way, or a load below some 2 mA
}

// maxSupplyAmperes is twice what the HAT can give: beyond, its converter lies.
const maxSupplyAmperes = 10

// PoE returns what the PoE+ HAT's power supply measures now.
//
// ok is false, without an error, where there is none: no HAT, the first PoE HAT
// of 2018, which measures nothing, a HAT of another maker, or firmware older
// than May 2021. The error names a file that could not be read or is out of
// range. Who asks again and again keeps FindPoE's answer and calls its Read.
func PoE(root fs.FS) (s Supply, ok bool, err error) {
	if s, ok, err = FindPoE(root); !ok || err != nil {
		return s, ok, err
	}
	s, err = s.Read(root)
	return s, err == nil, err
}

// FindPoE returns the supply without any measurement. ok is false, without an
// error, where there is none.
//
// Directory: sys/class/power_supply/rpi-poe, of the driver rpi-poe-power-supply.
// The kernel shows its current a second time as hwmon chip rpi_poe.
func FindPoE(root fs.FS) (s Supply, ok bool, err error) {
	const class = "sys/class/power_supply"
	entries, err := fs.ReadDir(root, class)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Supply{}, false, inFile(class, err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "rpi-poe") {
			return Supply{Dir: path.Join(class, e.Name())}, true, nil
		}
	}
	return Supply{}, false, nil
}

// Read returns the supply with its present values. The error names the file that
// could not be read or is out of range; it wraps fs.ErrNotExist if the supply
// is gone.
//
// Files: current_now, current_max (µA) and online, see
// https://docs.kernel.org/power/power_supply_class.html
func (s Supply) Read(root fs.FS) (Supply, error) {
	current, err := s.amperes(root, "current_now")
	if err != nil {
		return Supply{Dir: s.Dir}, err
	}
	limit, err := s.amperes(root, "current_max")
	if err != nil {
		return Supply{Dir: s.Dir}, err
	}
	online, err := readFlag(root, path.Join(s.Dir, "online"))
	if err != nil {
		return Supply{Dir: s.Dir}, err
	}
	return Supply{Dir: s.Dir, Current: current, Limit: limit, Online: online}, nil
}

func (s Supply) amperes(root fs.FS, name string) (float64, error) {
	file := path.Join(s.Dir, name)
	micro, err := readInt(root, file)
	switch {
	case err != nil:
		return 0, err
	case micro < 0 || micro > maxSupplyAmperes*1e6:
		return 0, inFile(file, fmt.Errorf("%d µA are outside 0 to %d A", micro, maxSupplyAmperes))
	}
	return float64(micro) / 1e6, nil
}

// TakeOverload tells whether the HAT saw too much current since somebody last
// asked, and clears its flag: the next call says false unless it happened again.
//
// So one reader alone may ask, and keeps the answer until it has told it. A
// reader of the supply's file uevent asks too, without meaning to. The error
// names the file that could not be read or says neither.
//
// File: health, which is "Good" or the words for a failure.
func (s Supply) TakeOverload(root fs.FS) (bool, error) {
	file := path.Join(s.Dir, "health")
	health, err := readLine(root, file)
	switch {
	case err != nil:
		return false, err
	case health == "", health == "Unknown":
		return false, inFile(file, fmt.Errorf("%q is neither Good nor a failure", health))
	}
	return health != "Good", nil
}
