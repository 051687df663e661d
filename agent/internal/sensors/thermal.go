package sensors

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"sync"

	"thermarack/agent/wire"
	"thermarack/hardware/sysfs"
)

// findZones lists the thermal zones in the order of their numbers. The first one
// of the CPU is the SoC.
func (s *Set) findZones() []Part {
	zones, err := sysfs.Zones(listing{s.root})
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
			Sensor: zone{root: s.root, dir: z.Dir, device: device},
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
	dir    string
	device string
}

func (z zone) Name() string { return z.device + ":" + wire.QuantityTemperature }

func (z zone) Read(context.Context) ([]wire.Reading, error) {
	zones, err := sysfs.Zones(narrow{FS: z.root, dir: z.dir})
	switch {
	case err != nil:
		return nil, hostFault(err)
	case len(zones) == 0:
		return nil, hostFault(gone(z.dir))
	case zones[0].Err != nil:
		return nil, hostFault(zones[0].Err)
	}
	return one(z.device, wire.QuantityTemperature, zones[0].Celsius), nil
}

// gone is the error of something that was there when the parts were listed.
func gone(dir string) error {
	return &fs.PathError{Op: "read", Path: dir, Err: fs.ErrNotExist}
}

// findThrottled lists the throttled word of a Raspberry Pi.
func (s *Set) findThrottled() []Part {
	_, ok, err := sysfs.Throttled(s.root)
	if !ok && err == nil {
		return nil
	}
	return []Part{{
		Device: s.node.Device("soc"), What: "throttling", Bus: "firmware", Address: "get_throttled", Sensor: &s.throttle,
	}}
}

// throttledBits are those that the firmware defines, and the contract carries.
const throttledBits = 1<<20 - 1

// A throttle gathers the throttled word between reads, since a state may last
// less than an interval.
type throttle struct {
	root fs.FS
	name string // of the record

	mu   sync.Mutex
	word uint32 // OR of all words since the last Read
}

// poll adds the present word. What goes wrong shows at the next Read.
func (t *throttle) poll() { _ = t.gather() }

func (t *throttle) gather() error {
	word, ok, err := sysfs.Throttled(t.root)
	switch {
	case err != nil:
		return err
	case !ok:
		return errors.New("get_throttled is gone")
	}
	t.mu.Lock()
	t.word |= word & throttledBits
	t.mu.Unlock()
	return nil
}

func (t *throttle) Name() string { return t.name }

// Read returns the bits that were set at any time since the last Read.
func (t *throttle) Read(context.Context) ([]wire.Reading, error) {
	if err := t.gather(); err != nil {
		return nil, hostFault(err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	word := t.word
	t.word = 0
	device, quantity, _ := wire.SplitName(t.name)
	return one(device, quantity, float64(word)), nil
}
