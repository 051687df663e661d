package sensors

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"thermarack/hardware/sysfs"
)

// findHwmon lists every channel of every chip. Fans are numbered over all chips,
// and chips of one name among themselves, in the order of where they sit in the
// machine, because hwmon numbers change from boot to boot.
func (s *Set) findHwmon() []Part {
	chips, err := sysfs.ListChips(s.root)
	if err != nil {
		return []Part{{What: "hwmon", Bus: "hwmon", Address: "sys/class/hwmon", Note: err.Error()}}
	}
	slices.SortStableFunc(chips, func(a, b sysfs.Chip) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(path.Dir(a.Place), path.Dir(b.Place)))
	})
	zones := s.zoneNames()
	var parts []Part
	names, fans := map[string]int{}, len(s.tachometers)
	for _, chip := range chips {
		c := found{chip: chip, bus: path.Base(chip.Dir), others: fans, isZone: zones[under(chip.Name)]}
		c.name = slug(chip.Name)
		if names[c.name]++; names[c.name] > 1 {
			c.name += "-" + strconv.Itoa(names[c.name])
		}
		parts = append(parts, s.channels(&c)...)
		fans += len(c.fans)
	}
	return parts
}

// zoneNames returns the names that the kernel gives thermal zones as chips: it
// shows each zone a second time that way.
func (s *Set) zoneNames() map[string]bool {
	names := map[string]bool{"cpu_thermal": true}
	zones, err := sysfs.ListZones(s.root)
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
	chip   sysfs.Chip
	name   string // for the wire
	bus    string // hwmon2
	others int    // fans of the chips before
	fans   []int  // indices of this one's fans so far, in the order of their numbers
	isZone bool   // its temperature is a thermal zone's
}

// channels returns the parts of one chip.
func (s *Set) channels(c *found) []Part {
	what := orElse(c.chip.Name, c.bus)
	if c.chip.Name == "w1_slave_temp" {
		return []Part{{What: what, Bus: c.bus, Address: "temp1", Note: "the same probe as on the 1-Wire bus"}}
	}
	var parts []Part
	if c.chip.Err != nil {
		parts = append(parts, Part{What: what, Bus: c.bus, Address: c.bus, Note: c.chip.Err.Error()})
	}
	if len(c.chip.Sensors) == 0 && c.chip.Err == nil && c.chip.Name != "rpi_volt" { // its alarm is a part of its own
		parts = append(parts, Part{What: what, Bus: c.bus, Address: c.bus, Note: "the chip has no channel"})
	}
	liar := s.isLiar(c.chip)
	for _, ch := range c.chip.Sensors {
		p := Part{What: what, Bus: c.bus, Address: ch.Kind + strconv.Itoa(ch.Index), Note: c.unpublished(ch)}
		if p.Note == "" {
			p.Device = s.node.Device(c.part(ch))
		}
		p.Sensor = channel{set: s, chip: c.chip, channel: ch, device: p.Device, liar: liar}
		parts = append(parts, p)
	}
	return parts
}

// unpublished returns why a channel is not published, or "" if it is.
func (c *found) unpublished(ch sysfs.Channel) string {
	switch {
	case c.chip.Name == "rpi_poe":
		return "the same as the PoE+ HAT"
	case ch.Kind == "temp" && c.isZone:
		return "the same as the thermal zone"
	}
	switch ch.Kind {
	case "temp", "fan", "pwm", "in", "curr", "power", "humidity":
		return ""
	}
	return "not published"
}

// part returns the name of a channel's part. A fan and what drives it share a
// number. A chip at an I²C address is called
// by that, as if we read it without the kernel's driver: its first temperature is
// that of i2c1-48, its second that of i2c1-48-temp2.
func (c *found) part(ch sysfs.Channel) string {
	address := ch.Kind + strconv.Itoa(ch.Index)
	bus, addr, ok := c.chip.I2C()
	switch {
	case ch.Kind == "fan", ch.Kind == "pwm":
		if !slices.Contains(c.fans, ch.Index) {
			c.fans = append(c.fans, ch.Index)
		}
		return "fan" + strconv.Itoa(c.others+slices.Index(c.fans, ch.Index)+1)
	case !ok:
		return c.name + "-" + address
	case ch.Index == 1:
		return fmt.Sprintf("i2c%d-%02x", bus, addr)
	}
	return fmt.Sprintf("i2c%d-%02x-%s", bus, addr, address)
}

// isLiar tells whether a chip is the Raspberry Pi 5's own fan, whose tachometer
// says 0 at some speeds. Of a tree that was copied without its links, the board
// tells.
func (s *Set) isLiar(c sysfs.Chip) bool {
	if c.Name != "pwmfan" || c.Device != "" {
		return c.Name == "pwmfan" && c.Device == "cooling_fan"
	}
	board, err := sysfs.Model(s.root)
	return err == nil && strings.HasPrefix(board, "Raspberry Pi 5")
}

// slug makes a chip's name fit for the wire: letters, digits and single hyphens.
func slug(name string) string {
	fields := strings.FieldsFunc(name, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9')
	})
	joined := strings.Join(fields, "-")
	return orElse(joined[:min(len(joined), 40)], "chip")
}
