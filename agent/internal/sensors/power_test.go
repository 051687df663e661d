package sensors_test

import (
	"context"
	"io/fs"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/internal/sampler"
	"thermarack/agent/internal/sensors"
)

const (
	wordFile = "sys/devices/platform/soc/soc:firmware/get_throttled"
	voltName = "sys/class/hwmon/hwmon1/name"
	voltFile = "sys/class/hwmon/hwmon1/in0_lcrit_alarm"
)

func TestTheThrottledWordIsMadeOfWhatTheKernelHas(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"the firmware's word", map[string]string{wordFile: "e0008"}, []string{"_soc:throttled=917512 "}},
		{"no alarm", map[string]string{voltName: "rpi_volt", voltFile: "0"}, []string{"_soc:throttled=0 "}},
		{"an alarm, on a mainline kernel", map[string]string{voltName: "rpi_volt", voltFile: "1"}, []string{"_soc:throttled=65537 "}},
		{"both", map[string]string{wordFile: "4", voltName: "rpi_volt", voltFile: "1"}, []string{"_soc:throttled=65541 "}},
		{"bits that nobody has defined", map[string]string{wordFile: "fff00001"}, []string{"_soc:throttled=1 "}},
		{"another chip", map[string]string{voltName: "ina219", voltFile: "1"}, nil},
		{"neither", map[string]string{"sys/x": ""}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, read(t, open(tree(tt.files)))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestScanSaysOnceWhereTheWordComesFrom(t *testing.T) {
	t.Parallel()
	for address, files := range map[string]map[string]string{
		"firmware get_throttled": {wordFile: "0", voltName: "rpi_volt", voltFile: "0"},
		"hwmon1 in0_lcrit_alarm": {voltName: "rpi_volt", voltFile: "0"},
	} {
		parts := open(tree(files)).Parts()
		if got := parts[len(parts)-1]; got.Bus+" "+got.Address != address || got.Device != node.Device("soc") {
			t.Errorf("got %+v, want the SoC's from %s", got, address)
		}
	}
}

func TestAnAlarmBetweenTwoReadsIsNotMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := &changing{FS: tree(map[string]string{voltName: "rpi_volt", voltFile: "0"})}
		set := open(root)
		ctx, cancel := context.WithTimeout(t.Context(), 31*time.Second)
		defer cancel()
		go func() { _ = set.Run(ctx, func() {}) }()
		time.AfterFunc(3*time.Second, func() { root.change(tree(map[string]string{voltName: "rpi_volt", voltFile: "1"})) })
		time.AfterFunc(5*time.Second, func() { root.change(tree(map[string]string{voltName: "rpi_volt", voltFile: "0"})) })
		var got []string
		for range 3 {
			<-time.After(10*time.Second + time.Millisecond)
			got = append(got, read(t, set)...)
		}
		if diff := cmp.Diff([]string{"_soc:throttled=65537 ", "_soc:throttled=0 ", "_soc:throttled=0 "}, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		<-ctx.Done()
	})
}

// A changing root becomes another tree, and counts which directories are listed
// and which files are opened.
type changing struct {
	mu sync.Mutex
	fs.FS
	listed, opened map[string]int
}

func (c *changing) change(to fs.FS) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.FS, c.listed, c.opened = to, map[string]int{}, map[string]int{}
}

func (c *changing) Open(name string) (fs.File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.opened != nil {
		c.opened[name]++
	}
	return c.FS.Open(name)
}

// ReadLink follows the tree's.
func (c *changing) ReadLink(name string) (string, error) { return fs.ReadLink(c.FS, name) }

// Lstat follows the tree's.
func (c *changing) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(c.FS, name) }

func (c *changing) ReadDir(name string) ([]fs.DirEntry, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listed != nil {
		c.listed[name]++
	}
	return fs.ReadDir(c.FS, name)
}

func TestPollingListsNoDirectory(t *testing.T) {
	trees := map[string]map[string]string{
		"both":              {wordFile: "0", voltName: "rpi_volt", voltFile: "0"},
		"the alarm":         {voltName: "rpi_volt", voltFile: "0"},
		"neither":           {"sys/class/hwmon/hwmon0/name": "cpu_thermal", "sys/class/hwmon/hwmon0/temp1_input": "1"},
		"a chip without it": {wordFile: "0", voltName: "rpi_volt"},
	}
	for name, files := range trees {
		synctest.Test(t, func(t *testing.T) {
			root := &changing{}
			root.change(tree(files))
			set := open(root)
			root.change(tree(files))
			ctx, cancel := context.WithTimeout(t.Context(), 59*time.Second)
			defer cancel()
			if err := set.Run(ctx, func() {}); err != nil {
				t.Fatal(err)
			}
			if len(root.listed) > 0 {
				t.Errorf("%s: listed %v within 29 polls, want none", name, root.listed)
			}
			for file, n := range root.opened {
				if n != 29 || file != wordFile && file != voltFile {
					t.Errorf("%s: opened %s %d times, want one of the two files 29 times", name, file, n)
				}
			}
		})
	}
}

func TestTheAlarmIsFoundAgainUnderAnotherNumber(t *testing.T) {
	root := &changing{FS: tree(map[string]string{voltName: "rpi_volt", voltFile: "0"})}
	set := open(root)
	root.change(tree(map[string]string{"sys/class/hwmon/hwmon7/name": "rpi_volt", "sys/class/hwmon/hwmon7/in0_lcrit_alarm": "1"}))
	if diff := cmp.Diff([]string{"_soc:throttled=65537 "}, read(t, set)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	root.change(fstest.MapFS{})
	if diff := cmp.Diff([]string{"_soc:throttled!no-device"}, read(t, set)); diff != "" {
		t.Errorf("when it is gone, -want +got:\n%s", diff)
	}
}

func TestWhatOneOfTheTwoSaysIsKeptWhenTheOtherFails(t *testing.T) {
	set := open(failing{tree(map[string]string{wordFile: "4", voltName: "rpi_volt", voltFile: "1"}), wordFile})
	if diff := cmp.Diff([]string{"_soc:throttled!no-device", "_soc:throttled=65537 "}, read(t, set)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A failing root has one file that cannot be opened, though it is there.
type failing struct {
	fs.FS
	file string
}

func (f failing) Open(name string) (fs.File, error) {
	if name == f.file {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EIO}
	}
	return f.FS.Open(name)
}

// Stat finds the file all the same.
func (f failing) Stat(name string) (fs.FileInfo, error) { return fs.Stat(f.FS, name) }

func TestBitsThatCameTooLateForTheirPackAreInTheNext(t *testing.T) {
	root := tree(map[string]string{wordFile: "4"})
	set := open(root)
	late, cancel := context.WithCancel(t.Context())
	cancel()
	if readings, err := single(t, set).Read(late); len(readings) > 0 || err == nil {
		t.Errorf("got %v, %v, want nothing for a pack that has left", readings, err)
	}
	put(root, wordFile, "0")
	for _, want := range []string{"_soc:throttled=4 ", "_soc:throttled=0 "} {
		if diff := cmp.Diff([]string{want}, read(t, set)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

// single returns the one sensor of a set.
func single(t *testing.T, set *sensors.Set) sampler.Sensor {
	t.Helper()
	list := set.Sensors()
	if len(list) != 1 {
		t.Fatalf("%d sensors, want one", len(list))
	}
	return list[0]
}
