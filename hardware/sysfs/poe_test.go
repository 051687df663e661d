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

const supplyDir = "sys/class/power_supply/rpi-poe"

// hat is a host with a PoE+ HAT.
func hat(now, limit, online, health string) fstest.MapFS {
	return fstest.MapFS{
		supplyDir + "/current_now": {Data: []byte(now)},
		supplyDir + "/current_max": {Data: []byte(limit)},
		supplyDir + "/online":      {Data: []byte(online)},
		supplyDir + "/health":      {Data: []byte(health)},
	}
}

func TestPoE(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		root fs.FS
		want sysfs.Supply
		ok   bool
	}{
		{"a switch of 802.3at", board(t, "pi4-poeplus"), sysfs.Supply{Dir: supplyDir, Current: 0.871, Limit: 5, Online: true}, true},
		{"a switch of 802.3af", hat("336000\n", "2500000\n", "1\n", "Good\n"), sysfs.Supply{Dir: supplyDir, Current: 0.336, Limit: 2.5, Online: true}, true},
		{"a load too small to see", hat("0\n", "2500000\n", "0\n", "Good\n"), sysfs.Supply{Dir: supplyDir, Limit: 2.5}, true},
		{"the first PoE HAT", board(t, "pi3bplus-poe"), sysfs.Supply{}, false},
		{"no HAT", board(t, "pi3b"), sysfs.Supply{}, false},
		{"another supply", fstest.MapFS{"sys/class/power_supply/AC/online": {Data: []byte("1\n")}}, sysfs.Supply{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok, err := sysfs.PoE(tt.root)
			if got != tt.want || ok != tt.ok || err != nil {
				t.Errorf("got %+v, %v, %v, want %+v, %v", got, ok, err, tt.want, tt.ok)
			}
		})
	}
}

func TestPoENamesTheFileThatItCannotUse(t *testing.T) {
	t.Parallel()
	well := hat("1000000", "2500000", "1", "Good")
	tests := []struct {
		name, file string
		root       fs.FS
		err        error
	}{
		{"the HAT does not answer", "current_now", trapped{well, map[string]error{supplyDir + "/current_now": syscall.EIO}}, syscall.EIO},
		{"the limit went", "current_max", trapped{well, map[string]error{supplyDir + "/current_max": fs.ErrNotExist}}, fs.ErrNotExist},
		{"the flag fails", "online", trapped{well, map[string]error{supplyDir + "/online": syscall.ENODEV}}, syscall.ENODEV},
		{"all ones", "current_now", hat("22021000", "2500000", "1", "Good"), nil},
		{"a negative current", "current_now", hat("-1", "2500000", "1", "Good"), nil},
		{"no number", "current_max", hat("0", "max", "1", "Good"), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok, err := sysfs.PoE(tt.root)
			if err == nil || ok || !strings.Contains(err.Error(), supplyDir+"/"+tt.file) || tt.err != nil && !errors.Is(err, tt.err) {
				t.Errorf("got %+v, %v, %v, want an error that names %s", got, ok, err, tt.file)
			}
			if got.Current != 0 || got.Limit != 0 {
				t.Errorf("got %+v, want no values beside the error", got)
			}
		})
	}
	class := trapped{well, map[string]error{"sys/class/power_supply": syscall.EIO}}
	if _, ok, err := sysfs.PoE(class); ok || !errors.Is(err, syscall.EIO) {
		t.Errorf("a class that cannot be listed: got %v, %v, want EIO", ok, err)
	}
}

// A clearing host forgets its failure when somebody reads it, as the driver
// does.
type clearing struct {
	files fstest.MapFS
	reads int
}

func (c *clearing) Open(name string) (fs.File, error) {
	f, err := c.files.Open(name)
	if strings.HasSuffix(name, "/health") {
		c.reads++
		c.files[name] = &fstest.MapFile{Data: []byte("Good\n")}
	}
	return f, err
}

func TestTakeOverloadSaysItOnceAndNothingElseAsks(t *testing.T) {
	t.Parallel()
	host := &clearing{files: hat("871000\n", "5000000\n", "1\n", "Unspecified failure\n")}
	supply, ok, err := sysfs.PoE(host)
	if !ok || err != nil {
		t.Fatalf("got %v, %v, want a supply", ok, err)
	}
	if _, err := sysfs.Chips(host); err != nil || host.reads != 0 {
		t.Fatalf("%v, %d reads of health, want none so far", err, host.reads)
	}
	for i, want := range []bool{true, false, false} {
		if got, err := supply.TakeOverload(host); got != want || err != nil {
			t.Errorf("call %d: got %v, %v, want %v", i+1, got, err, want)
		}
	}
}

func TestTakeOverloadKnowsTheKernelsWords(t *testing.T) {
	t.Parallel()
	tests := []struct {
		health   string
		overload bool
		ok       bool
	}{
		{"Good\n", false, true},
		{"Unspecified failure\n", true, true},
		{"Over current\n", true, true},
		{"Unknown\n", false, false},
		{"\n", false, false},
	}
	for _, tt := range tests {
		got, err := sysfs.Supply{Dir: supplyDir}.TakeOverload(hat("0", "0", "0", tt.health))
		if got != tt.overload || (err == nil) != tt.ok {
			t.Errorf("%q: got %v, %v, want %v, ok %v", tt.health, got, err, tt.overload, tt.ok)
		}
	}
}

func ExamplePoE() {
	root := fstest.MapFS{ // os.DirFS("/") on a Pi
		"sys/class/power_supply/rpi-poe/current_now": {Data: []byte("871000\n")},
		"sys/class/power_supply/rpi-poe/current_max": {Data: []byte("2500000\n")},
		"sys/class/power_supply/rpi-poe/online":      {Data: []byte("1\n")},
	}
	supply, ok, err := sysfs.PoE(root)
	if !ok || err != nil {
		fmt.Println("no PoE+ HAT", err)
		return
	}
	fmt.Println(supply.Current, "A of", supply.Limit, "A")
	// Output: 0.871 A of 2.5 A
}

func FuzzPoE(f *testing.F) {
	for _, s := range []string{"871000\n", "0", "-1", "", "10000000", "10000001", "9223372036854775808", "Good\n", "Unknown", "\x00\n\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		root := hat(text, text, text, text)
		supply, ok, err := sysfs.PoE(root)
		switch {
		case ok != (err == nil), err != nil && strings.Contains(err.Error(), "\n"):
			t.Errorf("%q: got %+v, %v, %v, want values or an error of one line", text, supply, ok, err)
		case ok && (supply.Current < 0 || supply.Current > 10 || supply.Limit != supply.Current):
			t.Errorf("%q: got %+v, outside 0 to 10 A", text, supply)
		}
		if over, err := (sysfs.Supply{Dir: supplyDir}).TakeOverload(root); over && err != nil {
			t.Errorf("%q: got an overload and %v", text, err)
		}
	})
}
