package sysfs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"thermarack/hardware/sysfs"
)

const throttledFile = "sys/devices/platform/soc/soc:firmware/get_throttled"

func TestThrottled(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		root fs.FS
		want uint32
		ok   bool
	}{
		{"under-voltage and throttled, now and before", board(t, "pi3b"), 0x50005, true},
		{"all well", board(t, "pi3bplus-poe"), 0, true},
		{"a kernel without the file", board(t, "broken"), 0, false},
		{"letters", fstest.MapFS{throttledFile: {Data: []byte("e0008\n")}}, 0xe0008, true},
		{"with a prefix", fstest.MapFS{throttledFile: {Data: []byte("0x80008")}}, 0x80008, true},
		{"a soc node with an address", fstest.MapFS{
			"sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled": {Data: []byte("4\n")},
		}, 4, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok, err := sysfs.Throttled(tt.root)
			if got != tt.want || ok != tt.ok || err != nil {
				t.Errorf("got %#x, %v, %v, want %#x, %v", got, ok, err, tt.want, tt.ok)
			}
		})
	}
}

func TestThrottledNamesTheFileThatItCannotUse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		root fs.FS
		err  error
	}{
		{"no hexadecimal", fstest.MapFS{throttledFile: {Data: []byte("throttled=0x50005\n")}}, nil},
		{"more than 32 bits", fstest.MapFS{throttledFile: {Data: []byte("100000000\n")}}, nil},
		{"empty", fstest.MapFS{throttledFile: {}}, nil},
		{"unreadable", trapped{board(t, "pi3b"), map[string]error{throttledFile: syscall.EIO}}, syscall.EIO},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, ok, err := sysfs.Throttled(tt.root)
			if err == nil || ok || !strings.Contains(err.Error(), throttledFile) || tt.err != nil && !errors.Is(err, tt.err) {
				t.Errorf("got %v, %v, want an error that names the file", ok, err)
			}
		})
	}
}

func TestThrottledBitsSayWhatTheFirmwareMeans(t *testing.T) {
	t.Parallel()
	word, _, err := sysfs.Throttled(board(t, "pi3b"))
	if err != nil {
		t.Fatal(err)
	}
	now, before := word, word>>sysfs.OccurredShift
	for _, w := range []uint32{now, before} {
		if w&sysfs.UnderVoltageBit == 0 || w&sysfs.ThrottledBit == 0 || w&(sysfs.FrequencyCappedBit|sysfs.SoftLimitBit) != 0 {
			t.Errorf("%#x: want under-voltage and throttled only", w)
		}
	}
}

func FuzzThrottled(f *testing.F) {
	for _, s := range []string{"0\n", "50005", "0x50005", "ffffffff", "100000000", "-1", "", "0x", "0x0x1", "5_0", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		read := func(text string) (uint32, bool, error) {
			return sysfs.Throttled(fstest.MapFS{throttledFile: {Data: []byte(text)}})
		}
		word, ok, err := read(text)
		if err != nil {
			if ok || word != 0 || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: got %#x, %v, %v, want nothing and an error of one line", text, word, ok, err)
			}
			return
		}
		if again, ok, err := read(fmt.Sprintf("%x\n", word)); !ok || err != nil || again != word {
			t.Errorf("%q: got %#x, then %#x, %v, %v", text, word, again, ok, err)
		}
	})
}
