package onewire_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"thermarack/hardware/onewire"
)

// rom completes seven bytes by their checksum.
func rom(t *testing.T, seven string) (r onewire.ROM) {
	t.Helper()
	b, err := hex.DecodeString(seven)
	if err != nil || len(b) != 7 {
		t.Fatalf("%q is not seven bytes", seven)
	}
	copy(r[:], b)
	r[7] = onewire.CRC8(b)
	return r
}

func TestCloneOf(t *testing.T) {
	t.Parallel()
	noisy := pad{0x2b, 0x01, 0x55, 0x05, 0x7f, 0xa5, 0x81, 0x66}
	constant := pad{0x91, 0x01, 0x4b, 0x46, 0x7f, 0xff, 0x0c, 0x10}
	tests := []struct {
		name, rom string
		pad       [9]byte
		family    string
		clone     bool
		effect    string
	}{
		{"genuine, not read yet", "28139bbb0b0000", [9]byte{}, "", false, ""},
		{"genuine", "28139bbb0b0000", measured(0x0191).whole(), "", false, ""},
		{"genuine below zero", "28139bbb0b0000", measured(-0x00a2).whole(), "", false, ""},
		{"genuine where byte 6 happens to be 0c", "28139bbb0b0000", measured(0x0194).whole(), "", false, ""},
		{"genuine at 9 bits", "28139bbb0b0000", pad{0x98, 0x01, 0, 0, 0x1f, 0xff, 0x0c, 0x10}.whole(), "", false, ""},
		{"genuine with the bytes of a clone's serial number", "28139b77910000", [9]byte{}, "", false, ""},
		{"constant byte 6 under a genuine number", "28139bbb0b0000", constant.whole(), "B1", true, "85 °C"},
		{"B1", "28aa3c61551401", [9]byte{}, "B1", true, "85 °C"},
		{"B1 by its bytes", "28ab9cb1331401", constant.whole(), "B1", true, "85 °C"},
		{"B2", "28ff7c5a611604", [9]byte{}, "B2", true, "0.5 °C low"},
		{"C", "28ff641dcd96f2", [9]byte{}, "C", true, "12 bits only"},
		{"D by its number", "28241d77910402", [9]byte{}, "D", true, "supply wire"},
		{"D by its bytes", "28f938f1321401", noisy.whole(), "D", true, "25 °C"},
		{"E", "289e9c1f000080", [9]byte{}, "E", true, "settings"},
		{"unknown", "28ab9cb1331401", [9]byte{}, "", true, "compare"},
		{"another family code", "10ab9cb1331401", noisy.whole(), "", false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := onewire.CloneOf(rom(t, tt.rom), tt.pad)
			if ok != tt.clone || got.Family != tt.family || !strings.Contains(got.Effect, tt.effect) || (got.Effect == "") != (tt.effect == "") {
				t.Errorf("got %+v, %v, want family %q, %v, %q", got, ok, tt.family, tt.clone, tt.effect)
			}
		})
	}
}

func TestAReaderKnowsACloneByWhatItRead(t *testing.T) {
	t.Parallel()
	const dir = "sys/bus/w1/devices/28-0000055f311a"
	clone := pad{0x2b, 0x01, 0x55, 0x05, 0x7f, 0xa5, 0x81, 0x66}
	r := onewire.NewReader(script{dir + "/w1_slave": {string(clone.text("YES"))}}, nil)
	if c, ok := r.Clone(slave(t, dir)); ok {
		t.Errorf("before the first read: %+v", c)
	}
	if got, err := r.Read(t.Context(), slave(t, dir)); err != nil || got != 18.6875 {
		t.Errorf("got %v, %v, want 18.6875", got, err)
	}
	if c, ok := r.Clone(slave(t, dir)); !ok || c.Family != "D" {
		t.Errorf("afterwards: %+v, %v, want family D", c, ok)
	}
}

func TestAClonesPowerOnValueIsRejected(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		family byte
		pad    pad
		reason string
	}{
		{"D1", 0x28, pad{0x90, 0x01, 0x55, 0x05, 0x7f, 0x7e, 0x81, 0x66}, "power-on"},
		{"D2", 0x28, pad{0x90, 0x01, 0x55, 0x05, 0x7f, 0xa5, 0x33, 0x66}, "power-on"},
		{"a sixteenth of a degree beside", 0x28, pad{0x91, 0x01, 0x55, 0x05, 0x7f, 0x7e, 0x81, 0x66}, ""},
		{"with alarm limits of somebody's", 0x28, pad{0x90, 0x01, 0x20, 0x05, 0x7f, 0x7e, 0x81, 0x66}, ""},
		{"a genuine part at 25 °C", 0x28, measured(25 * 16), ""},
		{"a DS1822 has no such clone", 0x22, pad{0x90, 0x01, 0x55, 0x05, 0x7f, 0x7e, 0x81, 0x66}, ""},
		{"C", 0x28, pad{0x50, 0x05, 0x55, 0x00, 0x7f, 0xff, 0x0c, 0x10}, "power-on"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := onewire.DecodeScratchpad(tt.family, tt.pad.whole())
			if reason(err) != tt.reason || (err == nil) != (tt.reason == "") {
				t.Errorf("got %v, %v, want %q", got, err, tt.reason)
			}
		})
	}
}

func ExampleCloneOf() {
	rom, err := onewire.ParseSlave("28-0416615a7cff")
	if err != nil {
		fmt.Println(err)
	}
	if clone, ok := onewire.CloneOf(rom, [9]byte{}); ok {
		fmt.Println("family", clone.Family, clone.Effect)
	}
	// Output:
	// family B2 reads up to 0.5 °C low near 0 °C; at exactly 85 °C rejected as power-on
}
