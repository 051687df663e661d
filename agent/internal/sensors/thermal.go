package sensors

import (
	"context"
	"io/fs"
	"path"
	"strings"

	"thermarack/agent/wire"
	"thermarack/hardware/sysfs"
)

// findZones lists the thermal zones in the order of their numbers. The first one
// of the CPU is the SoC.
func (s *Set) findZones() []Part {
	zones, err := sysfs.ListZones(s.root)
	if err != nil {
		return []Part{{What: "thermal zones", Bus: "thermal", Address: "sys/class/thermal", Note: err.Error()}}
	}
	var parts []Part
	haveSoC := false
	for _, z := range zones {
		number := strings.TrimPrefix(path.Base(z.Dir), "thermal_zone")
		part := "zone" + number
		if isSoC(z.Type) && !haveSoC {
			part, haveSoC = "soc", true
		}
		device := s.node.Device(part)
		parts = append(parts, Part{
			Device: device, What: orElse(z.Type, "thermal zone"), Bus: "thermal", Address: path.Base(z.Dir),
			Sensor: zone{root: s.root, zone: z, device: device},
		})
	}
	return parts
}

// isSoC tells whether a zone is the CPU's: bcm2835_thermal is how the Pi's driver
// named it before it took the name from the device tree.
func isSoC(zone string) bool {
	name := under(zone)
	return name == "cpu_thermal" || name == "bcm2835_thermal"
}

// A zone is one thermal zone.
type zone struct {
	root   fs.FS
	zone   sysfs.Zone // as it was listed
	device string
}

func (z zone) Name() string { return z.device + ":" + wire.QuantityTemperature }

func (z zone) Read(context.Context) ([]wire.Reading, error) {
	now := z.zone.Read(z.root)
	if now.Err != nil {
		return nil, hostFault(now.Err)
	}
	return one(z.device, wire.QuantityTemperature, now.Celsius), nil
}

// gone is the error of something that was there when the parts were listed.
func gone(dir string) error {
	return &fs.PathError{Op: "read", Path: dir, Err: fs.ErrNotExist}
}
