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
	dirs, err := numbered(root, "sys/class/thermal", "thermal_zone")
	if err != nil {
		return nil, err
	}
	zones := make([]Zone, len(dirs))
	for i, dir := range dirs {
		zones[i] = readZone(root, dir)
	}
	return zones, nil
}

func readZone(root fs.FS, dir string) Zone {
	z := Zone{Dir: dir}
	if z.Type, z.Err = readLine(root, path.Join(dir, "type")); z.Err != nil {
		return z
	}
	file := path.Join(dir, "temp")
	milli, err := readInt(root, file)
	switch {
	case err != nil:
		z.Err = err
	case milli < minCelsius*1000 || milli > maxCelsius*1000:
		z.Err = inFile(file, fmt.Errorf("%d millidegrees are outside %d to %d °C", milli, minCelsius, maxCelsius))
	default:
		z.Celsius = float64(milli) / 1000
	}
	return z
}
