package sensors

import (
	"cmp"
	"context"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"thermarack/agent/wire"
	"thermarack/hardware/fault"
	"thermarack/hardware/sysfs"
)

// findHwmon lists every channel of every chip. Fans are numbered over all chips,
// and chips of one name among themselves, in the order of where they sit in the
// machine, because hwmon numbers change from boot to boot.
func (s *Set) findHwmon() []Part {
	chips, err := sysfs.Chips(listing{s.root})
	if err != nil {
		return []Part{{What: "hwmon", Bus: "hwmon", Address: "sys/class/hwmon", Note: err.Error()}}
	}
	slices.SortStableFunc(chips, func(a, b sysfs.Chip) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(s.place(a), s.place(b)))
	})
	zones := s.zoneNames()
	var parts []Part
	names, fans := map[string]int{}, 0
	for _, chip := range chips {
		c := found{chip: chip, bus: path.Base(chip.Dir), fans: fans}
		c.name = slug(chip.Name)
		if names[c.name]++; names[c.name] > 1 {
			c.name += "-" + strconv.Itoa(names[c.name])
		}
		parts = append(parts, s.channels(&c, zones[under(chip.Name)])...)
		fans = c.fans
	}
	return parts
}

// place returns where a chip sits: the target of its link without its number.
func (s *Set) place(c sysfs.Chip) string {
	target, err := fs.ReadLink(s.root, c.Dir)
	if err != nil {
		return c.Dir // a copied tree without links
	}
	return path.Dir(target)
}

// zoneNames returns the names that the kernel gives thermal zones as chips: it
// shows each zone a second time that way.
func (s *Set) zoneNames() map[string]bool {
	names := map[string]bool{"cpu_thermal": true}
	zones, err := sysfs.Zones(listing{s.root})
	if err != nil {
		return names // findZones says so
	}
	for _, z := range zones {
		if z.Type != "" {
			names[under(z.Type)] = true
		}
	}
	return names
}

// under spells a zone's type as the kernel does in hwmon.
func under(s string) string { return strings.ReplaceAll(s, "-", "_") }

// A found is a chip on its way to parts.
type found struct {
	chip sysfs.Chip
	name string // for the wire
	bus  string // hwmon2
	fans int    // numbered so far
}

// channels returns the parts of one chip. isZone says that its temperature is a
// thermal zone's.
func (s *Set) channels(c *found, isZone bool) []Part {
	what := orElse(c.chip.Name, c.bus)
	if c.chip.Name == "w1_slave_temp" {
		return []Part{{What: what, Bus: c.bus, Address: "temp1", Note: "the same probe as on the 1-Wire bus"}}
	}
	var parts []Part
	if c.chip.Err != nil {
		parts = append(parts, Part{What: what, Bus: c.bus, Address: c.bus, Note: c.chip.Err.Error()})
	}
	if len(c.chip.Sensors) == 0 && c.chip.Err == nil {
		parts = append(parts, Part{What: what, Bus: c.bus, Address: c.bus, Note: "the chip has no channel"})
	}
	fanOf := map[int]int{} // number on the wire by index in the chip
	for _, ch := range c.chip.Sensors {
		address := ch.Kind + strconv.Itoa(ch.Index)
		sensor := channel{root: s.root, chip: c.chip, kind: ch.Kind, index: ch.Index}
		p := Part{What: what, Bus: c.bus, Address: address}
		switch {
		case ch.Kind == "fan", ch.Kind == "pwm":
			if fanOf[ch.Index] == 0 {
				c.fans++
				fanOf[ch.Index] = c.fans
			}
			p.Device = s.node.Device("fan" + strconv.Itoa(fanOf[ch.Index]))
		case ch.Kind == "temp" && !isZone:
			p.Device = s.node.Device(c.name + "-" + address)
		case ch.Kind == "temp":
			p.Note = "the same as the thermal zone"
		default:
			p.Note = "not published"
		}
		sensor.device = p.Device
		p.Sensor = sensor
		parts = append(parts, p)
	}
	return parts
}

// slug makes a chip's name fit for the wire: letters, digits and single hyphens.
func slug(name string) string {
	fields := strings.FieldsFunc(name, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9')
	})
	joined := strings.Join(fields, "-")
	return orElse(joined[:min(len(joined), 40)], "chip")
}

// A channel is one channel of one chip.
type channel struct {
	root   fs.FS
	chip   sysfs.Chip // as it was listed, without values
	kind   string
	index  int
	device string // "" if not published
}

func (c channel) Name() string { return c.device + ":" + quantityOf(c.kind) }

// quantityOf returns the wire's word for a kind of channel. Kinds that the wire
// has no word for keep theirs.
func quantityOf(kind string) string {
	switch kind {
	case "temp":
		return wire.QuantityTemperature
	case "fan":
		return wire.QuantitySpeed
	case "pwm":
		return wire.QuantityDuty
	case "in":
		return wire.QuantityVoltage
	case "curr":
		return wire.QuantityCurrent
	}
	return kind
}

func (c channel) Read(context.Context) ([]wire.Reading, error) {
	stem := c.kind + strconv.Itoa(c.index)
	chips, err := sysfs.Chips(narrow{FS: c.root, dir: c.chip.Dir, channel: stem})
	if err != nil {
		return nil, hostFault(err)
	}
	if len(chips) == 0 || chips[0].Name != c.chip.Name || len(chips[0].Sensors) == 0 {
		return nil, hostFault(gone(path.Join(c.chip.Dir, stem)))
	}
	value := chips[0].Sensors[0]
	switch {
	case value.Err != nil:
		return nil, hostFault(value.Err)
	case value.Fault:
		return nil, fault.New(fault.NoDevice, "%s/%s_fault: the chip says that the sensor is broken or not connected", c.chip.Dir, stem)
	}
	return one(c.device, quantityOf(c.kind), value.Value), nil
}
