package compact_test

import (
	"bytes"
	"errors"
	"testing"

	"thermarack/agent/internal/outbox/compact"
)

var packs = []struct {
	name, pack, skeleton string
	numbers              int // bytes
}{
	{"a pack", `[{"bt":1767355210,"n":"urn:dev:ow:28f6:temperature","u":"Cel","v":-26.0625}]`,
		`[{"bt":` + "\x00" + `,"n":"urn:dev:ow:28f6:temperature","u":"Cel","v":` + "\x00}]", 10},
	{"the same, other numbers", `[{"bt":1767355220,"n":"urn:dev:ow:28f6:temperature","u":"Cel","v":1e-7}]`,
		`[{"bt":` + "\x00" + `,"n":"urn:dev:ow:28f6:temperature","u":"Cel","v":` + "\x00}]", 8},
	{"words", `[true,false,null,E,.5]`, "[true,false,null,E,.\x00]", 1},
	{"digits behind an escaped quote", `{"a\"1":2}`, `{"a\"1":` + "\x00}", 1},
	{"a string without an end", `12"34`, "\x00\"34", 2},
	{"a backslash at the end", `"1\`, `"1\`, 0},
	{"a backslash outside of strings", `\1`, "\\\x00", 1},
	{"a hole of its own", "1\x002", "\x00\x00\x00", 3},
	{"an escaped hole", "\"\\\x001\"", "\"\\\x001\"", 1},
	{"number after number", `1+2-3..e`, "\x00", 5},
	{"nothing", "", "", 0},
	{"bytes that are no text", "\xff\xfe-\x80", "\xff\xfe\x00\x80", 1},
}

func TestSplit(t *testing.T) {
	for _, tt := range packs {
		skeleton, numbers := compact.Split([]byte(tt.pack))
		if string(skeleton) != tt.skeleton || len(numbers) != tt.numbers {
			t.Errorf("%s: skeleton %q and %d bytes of numbers, want %q and %d", tt.name, skeleton, len(numbers), tt.skeleton, tt.numbers)
		}
		pack, err := compact.Join(skeleton, numbers)
		if err != nil || string(pack) != tt.pack {
			t.Errorf("%s: joined to %q, %v, want %q", tt.name, pack, err, tt.pack)
		}
	}
}

func TestNumbersThatDoNotFitAreRefused(t *testing.T) {
	skeleton, numbers := compact.Split([]byte(`[10,200,3]`))
	tests := []struct {
		name              string
		skeleton, numbers []byte
	}{
		{"a byte short", skeleton, numbers[:len(numbers)-1]},
		{"a byte too many", skeleton, append(bytes.Clone(numbers), 0)},
		{"none", skeleton, nil},
		{"without holes", []byte("[]"), numbers},
		{"a hole short", skeleton[:len(skeleton)-2], numbers},
		{"a number without an end", []byte{0}, []byte{0x11}},
	}
	for _, tt := range tests {
		if pack, err := compact.Join(tt.skeleton, tt.numbers); !errors.Is(err, compact.ErrMismatch) {
			t.Errorf("%s: %q, %v, want ErrMismatch", tt.name, pack, err)
		}
	}
}

func FuzzSplit(f *testing.F) {
	for _, tt := range packs {
		f.Add([]byte(tt.pack))
	}
	f.Fuzz(func(t *testing.T, pack []byte) {
		skeleton, numbers := compact.Split(pack)
		if len(skeleton) > len(pack) || len(numbers) > len(pack) {
			t.Errorf("%d bytes became %d and %d", len(pack), len(skeleton), len(numbers))
		}
		got, err := compact.Join(skeleton, numbers)
		if err != nil || !bytes.Equal(got, pack) {
			t.Errorf("%q came back as %q, %v", pack, got, err)
		}
	})
}

func FuzzJoin(f *testing.F) {
	f.Add([]byte("[\x00,\x00]"), []byte{0x1f, 0x2f})
	f.Fuzz(func(t *testing.T, skeleton, numbers []byte) {
		if pack, err := compact.Join(skeleton, numbers); err == nil && len(pack) > len(skeleton)+2*len(numbers) {
			t.Errorf("%d bytes of %d and %d", len(pack), len(skeleton), len(numbers))
		}
	})
}
