package onewire_test

import (
	"testing"

	"thermarack/hardware/onewire"
)

func TestParseSlaveTurnsTheKernelsNameIntoBusOrder(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, dir, rom, part string
	}{
		{"DS18B20", "28-0000055f311a", "281a315f050000b4", "DS18B20"},
		{"the DS18S20 of RFC 9039", "10-0008013a07e2", "10e2073a01080063", "DS18S20"},
		{"path", "sys/bus/w1/devices/28-0000055f311a", "281a315f050000b4", "DS18B20"},
		{"DS1822", "22-000000000001", "22010000000000a2", "DS1822"},
		{"DS28EA00", "42-000000000001", "420100000000008a", "DS28EA00"},
		{"DS1825 or MAX31850", "3b-000000000001", "3b01000000000095", "DS1825/MAX31850"},
		{"no thermometer", "29-000000000001", "2901000000000014", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rom, err := onewire.ParseSlave(tt.dir)
			if err != nil {
				t.Fatal(err)
			}
			if rom.String() != tt.rom || rom.Part() != tt.part {
				t.Errorf("got %s %q, want %s %q", rom, rom.Part(), tt.rom, tt.part)
			}
			if onewire.CRC8(rom[:]) != 0 {
				t.Errorf("%s does not end in its own CRC", rom)
			}
		})
	}
}

func TestParseSlaveRefusesOtherNames(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"", "w1_bus_master1", "28-", "28-0000055f311", "28-0000055f311a0", "28_0000055f311a", "2x-0000055f311a", "28-0000055f31zz", "28-+000055f311a"} {
		if rom, err := onewire.ParseSlave(dir); err == nil {
			t.Errorf("ParseSlave(%q) = %s, want an error", dir, rom)
		}
	}
}

func TestCRC8(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		b    []byte
		want byte
	}{
		{"the ROM of Maxim's application note 27", []byte{0x02, 0x1c, 0xb8, 0x01, 0x00, 0x00, 0x00}, 0xa2},
		{"the ROM of RFC 9039", []byte{0x10, 0xe2, 0x07, 0x3a, 0x01, 0x08, 0x00}, 0x63},
		{"a power-on scratchpad", []byte{0x50, 0x05, 0x4b, 0x46, 0x7f, 0xff, 0x0c, 0x10}, 0x1c},
		{"nothing", nil, 0},
		{"zeros do not count", make([]byte, 8), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := onewire.CRC8(tt.b); got != tt.want {
				t.Errorf("got %02x, want %02x", got, tt.want)
			}
		})
	}
}
