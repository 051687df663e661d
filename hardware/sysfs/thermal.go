package sysfs

import (
	"fmt"
	"io/fs"
	"path"
)

// Temperatures outside are a sensor's lie, whatever it measures: no electronics
// that still answers is colder or hotter.
const (
	minCelsius = -60
	maxCelsius = 200
)

// A Zone is one thermal zone of the host.
type Zone struct {
	Dir     string  // below the root, such as "sys/class/thermal/thermal_zone0"
	Type    string  // what the driver calls it, such as "cpu-thermal", or "" if it cannot be read
	Celsius float64 // -60 to 200, to 0.001; 0 if Err is set
	Err     error   // why the zone cannot be used, naming the file; nil if it can
}

// Zones returns every thermal zone of the host, in the order of their numbers.
//
// A host without thermal zones yields none and no error. A zone that cannot be
// read or is out of range is listed with its Err; the error of Zones itself says
// only that the zones could not be listed.
//
// Files: sys/class/thermal/thermal_zone*/{type,temp}, see
// https://docs.kernel.org/driver-api/thermal/sysfs-api.html
func Zones(root fs.FS) ([]Zone, error) {
	zones, err := ListZones(root)
	for i, z := range zones {
		if z.Err == nil {
			zones[i] = z.measure(root)
		}
	}
	return zones, err
}

// ListZones returns what Zones does, but for the temperatures: it reads the
// types and starts no measurement. Zone.Read brings the temperatures.
func ListZones(root fs.FS) ([]Zone, error) {
	dirs, err := numbered(root, "sys/class/thermal", "thermal_zone")
	if err != nil {
		return nil, err
	}
	zones := make([]Zone, len(dirs))
	for i, dir := range dirs {
		zones[i].Dir = dir
		zones[i].Type, zones[i].Err = readLine(root, path.Join(dir, "type"))
	}
	return zones, nil
}

// Read returns the zone with its present temperature. Err is set if that cannot
// be read, and wraps fs.ErrNotExist if the zone is gone or its number is another
// one's now.
func (z Zone) Read(root fs.FS) Zone {
	file := path.Join(z.Dir, "type")
	kind, err := readLine(root, file)
	if err == nil && kind != z.Type {
		err = inFile(file, fmt.Errorf("%w: it is another zone now, %.30q", fs.ErrNotExist, kind))
	}
	if err != nil {
		z.Celsius, z.Err = 0, err
		return z
	}
	return z.measure(root)
}

func (z Zone) measure(root fs.FS) Zone {
	file := path.Join(z.Dir, "temp")
	milli, err := readInt(root, file)
	z.Celsius, z.Err = float64(milli)/1000, err
	if err == nil && (milli < minCelsius*1000 || milli > maxCelsius*1000) {
		z.Err = inFile(file, fmt.Errorf("%d millidegrees are outside %d to %d °C", milli, minCelsius, maxCelsius))
	}
	if z.Err != nil {
		z.Celsius = 0
	}
	return z
}
