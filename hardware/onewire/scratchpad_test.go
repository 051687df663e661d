package onewire_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"thermarack/hardware/fault"
	"thermarack/hardware/onewire"
)

// pad is the eight bytes of a scratchpad before its checksum.
type pad [8]byte

// text is what the kernel prints for p; the t= is wrong, since nobody may use it.
func (p pad) text(verdict string) []byte {
	crc := onewire.CRC8(p[:])
	return fmt.Appendf(nil, "% x %02x : crc=%02x %s\n% x %02x t=99999\n", p[:], crc, crc, verdict, p[:], crc)
}

// whole is p with its checksum.
func (p pad) whole() [9]byte { return [9]byte(append(p[:], onewire.CRC8(p[:]))) }

// measured is the scratchpad of a genuine DS18B20 at 12 bits after it measured
// the given sixteenths of a degree.
func measured(sixteenths int16) pad {
	return pad{byte(sixteenths), byte(sixteenths >> 8), 0x4b, 0x46, 0x7f, 0xff, byte(0x10 - sixteenths&0xf), 0x10}
}

func TestDecodeW1SlaveConvertsByTheRulesOfTheFamily(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		family byte
		pad    pad
		want   float64
	}{
		{"datasheet: +25.0625", 0x28, measured(0x0191), 25.0625},
		{"datasheet: -10.125", 0x28, measured(-0x00a2), -10.125},
		{"datasheet: -25.0625", 0x28, measured(-0x0191), -25.0625},
		{"lower end", 0x28, measured(-55 * 16), -55},
		{"upper end", 0x28, measured(125 * 16), 125},
		{"zero degrees", 0x28, measured(0), 0},
		{"one bit below zero, which a floating bus would also give", 0x28, measured(-1), -0.0625},
		{"a genuine part at a true 85 °C", 0x28, measured(85 * 16), 85},
		{"one bit beside the power-on value with a clone's constant byte 6", 0x28, pad{0x51, 0x05, 0x4b, 0x46, 0x7f, 0xff, 0x0c, 0x10}, 85.0625},
		{"11 bits: the lowest bit is undefined", 0x28, pad{0x93, 0x01, 0, 0, 0x5f, 0xff, 0x0d, 0x10}, 25.125},
		{"10 bits: the lowest two are", 0x22, pad{0x97, 0x01, 0, 0, 0x3f, 0xff, 0x0d, 0x10}, 25.25},
		{"9 bits: the lowest three are", 0x42, pad{0x9f, 0x01, 0, 0, 0x1f, 0xff, 0x0d, 0x10}, 25.5},
		{"9 bits below zero", 0x28, pad{0x5f, 0xff, 0, 0, 0x1f, 0xff, 0x0d, 0x10}, -10.5},
		{"14 bits: the configuration holds two more", 0x28, pad{0x91, 0x01, 0, 0, 0xff, 0xff, 0x0c, 0x10}, 25.0625 + 3.0/64},
		{"14 bits below zero", 0x28, pad{0x5e, 0xff, 0, 0, 0xe1, 0xff, 0x0c, 0x10}, -10.125 + 1.0/64},
		{"DS1825 with address 5", 0x3b, pad{0x91, 0x01, 0, 0, 0x75, 0xff, 0x0c, 0x10}, 25.0625},
		{"MAX31850 has quarter degrees", 0x3b, pad{0x92, 0x01, 0, 0, 0xf5, 0xff, 0xff, 0xff}, 25},
		{"DS18S20: half degrees and counters", 0x10, pad{0x32, 0x00, 0x4b, 0x46, 0xff, 0xff, 0x0b, 0x10}, 25.0625},
		{"DS18S20: the half degree is cut off first", 0x10, pad{0x33, 0x00, 0x4b, 0x46, 0xff, 0xff, 0x03, 0x10}, 25.5625},
		{"DS18S20 below zero", 0x10, pad{0xcf, 0xff, 0x4b, 0x46, 0xff, 0xff, 0x0c, 0x10}, -25},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := onewire.DecodeW1Slave(tt.family, tt.pad.text("YES"))
			if err != nil || got != tt.want {
				t.Errorf("got %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

func TestDecodeW1SlaveSaysWhyASampleIsRejected(t *testing.T) {
	t.Parallel()
	good := measured(0x0191)
	damaged := strings.Replace(string(good.text("YES")), "91", "90", 1)
	tests := []struct {
		name   string
		family byte
		text   []byte
		want   string
	}{
		{"the kernel's checksum failed", 0x28, []byte("91 01 4b 46 7f ff 0f 10 00 : crc=25 NO\n91 01 4b 46 7f ff 0f 10 25 t=25062\n"), "crc"},
		{"a sound line is not trusted against the kernel's NO", 0x28, good.text("NO"), "crc"},
		{"a damaged line is not trusted for the kernel's YES", 0x28, []byte(damaged), "crc"},
		{"all ones", 0x28, []byte("ff ff ff ff ff ff ff ff ff : crc=c9 NO\n91 01 4b 46 7f ff 0f 10 25 t=-62\n"), "floating"},
		{"all ones with YES", 0x28, []byte("ff ff ff ff ff ff ff ff ff : crc=c9 YES\n"), "floating"},
		{"all zeros pass the checksum", 0x28, pad{}.text("YES"), "zeros"},
		{"all zeros of a DS18S20", 0x10, pad{}.text("YES"), "zeros"},
		{"never converted", 0x28, pad{0x50, 0x05, 0x4b, 0x46, 0x7f, 0xff, 0x0c, 0x10}.text("YES"), "power-on"},
		{"never converted at 9 bits", 0x22, pad{0x50, 0x05, 0x4b, 0x46, 0x1f, 0xff, 0x0c, 0x10}.text("YES"), "power-on"},
		{"DS18S20 never converted", 0x10, pad{0xaa, 0x00, 0x4b, 0x46, 0xff, 0xff, 0x0c, 0x10}.text("YES"), "power-on"},
		{"the supply fell during the conversion", 0x28, pad{0xff, 0x07, 0x4b, 0x46, 0x7f, 0xff, 0x0c, 0x10}.text("YES"), "range"},
		{"one bit above the range", 0x28, measured(125*16 + 1).text("YES"), "range"},
		{"one bit below the range", 0x28, measured(-55*16 - 1).text("YES"), "range"},
		{"DS18S20 with a zero divisor", 0x10, pad{0x32, 0, 0x4b, 0x46, 0xff, 0xff, 0x0c, 0x00}.text("YES"), "range"},
		{"DS18S20 with more remaining than a degree has", 0x10, pad{0x32, 0, 0x4b, 0x46, 0xff, 0xff, 0x11, 0x10}.text("YES"), "range"},
		{"open thermocouple", 0x3b, pad{0x91, 0x01, 0, 0, 0xf5, 0xff, 0xff, 0xff}.text("YES"), "no-device"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := onewire.DecodeW1Slave(tt.family, tt.text)
			if reason(err) != tt.want {
				t.Errorf("got %v, %v, want fault %q", got, err, tt.want)
			}
		})
	}
}

func TestDecodeScratchpadAgreesWithTheKernelsText(t *testing.T) {
	t.Parallel()
	for _, p := range []pad{measured(0x0191), measured(125*16 + 1), {}, {0x50, 0x05, 0x4b, 0x46, 0x7f, 0xff, 0x0c, 0x10}} {
		for _, family := range []byte{0x10, 0x22, 0x28, 0x29, 0x3b, 0x42} {
			want, wantErr := onewire.DecodeW1Slave(family, p.text("YES"))
			got, err := onewire.DecodeScratchpad(family, p.whole())
			if got != want || fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Errorf("family %02x, % x: got %v, %v, want %v, %v", family, p, got, err, want, wantErr)
			}
		}
	}
	damaged := measured(0x0191).whole()
	damaged[8] ^= 1
	if got, err := onewire.DecodeScratchpad(0x28, damaged); reason(err) != "crc" {
		t.Errorf("got %v, %v, want fault crc", got, err)
	}
}

func TestDecodeW1SlaveNamesTheLackOfPower(t *testing.T) {
	t.Parallel()
	_, err := onewire.DecodeW1Slave(0x28, pad{0xff, 0x07, 0x4b, 0x46, 0x7f, 0xff, 0x0c, 0x10}.text("YES"))
	if err == nil || !strings.Contains(err.Error(), "supply wire") {
		t.Errorf("err = %v, want one that says what to do", err)
	}
}

func TestDecodeW1SlaveRejectsEveryFlippedBit(t *testing.T) {
	t.Parallel()
	p := measured(0x0191)
	whole := append(p[:], onewire.CRC8(p[:]))
	for bit := range 8 * len(whole) {
		bytes := append([]byte(nil), whole...)
		bytes[bit/8] ^= 1 << (bit % 8)
		text := fmt.Appendf(nil, "% x : crc=%02x YES\n", bytes, bytes[8])
		if got, err := onewire.DecodeW1Slave(0x28, text); reason(err) != "crc" {
			t.Errorf("bit %d: got %v, %v, want fault crc", bit, got, err)
		}
	}
}

func TestDecodeW1SlaveRefusesOtherTexts(t *testing.T) {
	t.Parallel()
	good := string(measured(0x0191).text("YES"))
	tests := []struct {
		name   string
		family byte
		text   string
	}{
		{"empty", 0x28, ""},
		{"a bare number", 0x28, "25062\n"},
		{"only the second line", 0x28, good[strings.Index(good, "\n")+1:]},
		{"cut off", 0x28, good[:30]},
		{"eight bytes", 0x28, good[3:]},
		{"ten bytes", 0x28, "00 " + good},
		{"a byte of one digit", 0x28, good[1:]},
		{"a byte that is no hex", 0x28, "zz" + good[2:]},
		{"neither YES nor NO", 0x28, strings.Replace(good, "YES", "yes", 1)},
		{"no colon", 0x28, strings.Replace(good, " : ", " ; ", 1)},
		{"no crc=", 0x28, strings.Replace(good, "crc=", "sum=", 1)},
		{"another family", 0x29, good},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := onewire.DecodeW1Slave(tt.family, []byte(tt.text))
			if err == nil || reason(err) != "" {
				t.Errorf("got %v, %v, want an error that is no fault", got, err)
			}
		})
	}
}

// reason returns the reason of the fault that err wraps, or "".
func reason(err error) string {
	why, _ := errors.AsType[fault.Error](err)
	return why.Reason
}

func FuzzDecodeW1Slave(f *testing.F) {
	for _, p := range []pad{
		measured(0x0191), measured(-0x00a2), measured(125 * 16), {},
		{0x50, 0x05, 0x4b, 0x46, 0x7f, 0xff, 0x0c, 0x10},
		{0x32, 0x00, 0x4b, 0x46, 0xff, 0xff, 0x0b, 0x10},
		{0x5e, 0xff, 0, 0, 0xe1, 0xff, 0x0c, 0x10},
	} {
		for _, family := range []byte{0x10, 0x22, 0x28, 0x3b, 0x42} {
			f.Add(family, p.text("YES"))
		}
	}
	f.Add(byte(0x28), []byte("ff ff ff ff ff ff ff ff ff : crc=c9 NO\n"))
	f.Add(byte(0x28), []byte(""))
	f.Fuzz(func(t *testing.T, family byte, text []byte) {
		got, err := onewire.DecodeW1Slave(family, text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has more than one line: %q", err)
			}
			return // bad input may fail; it may not panic
		}
		if got < -55 || got > 125 || math.IsNaN(got) {
			t.Errorf("DecodeW1Slave(%02x, %q) = %v, outside the parts' range", family, text, got)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		again, err := onewire.DecodeW1Slave(family, []byte(first))
		if err != nil || again != got {
			t.Errorf("without the second line: %v, %v, want %v", again, err, got)
		}
	})
}
