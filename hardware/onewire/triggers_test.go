package onewire_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"thermarack/hardware/onewire"
)

const triggerFile = "sys/bus/w1/devices/w1_bus_master1/therm_bulk_read"

// live makes a directory with a master behind the kernel's link, a slave with
// files that may be written, and a file outside.
func live(t *testing.T) (root, outside string) {
	t.Helper()
	dir := t.TempDir()
	root, outside = filepath.Join(dir, "root"), filepath.Join(dir, "outside")
	for name, text := range map[string]string{
		filepath.Join(root, "sys/devices/w1_bus_master1/therm_bulk_read"):            "0\n0000000000",
		filepath.Join(root, "sys/devices/w1_bus_master1/28-0000055f311a/eeprom"):     "",
		filepath.Join(root, "sys/devices/w1_bus_master1/28-0000055f311a/resolution"): "12\n",
		filepath.Join(outside, "therm_bulk_read"):                                    "0\n",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	devices := filepath.Join(root, "sys/bus/w1/devices")
	if err := os.MkdirAll(devices, 0o755); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{
		"w1_bus_master1":  "../../../devices/w1_bus_master1",
		"28-0000055f311a": "../../../devices/w1_bus_master1/28-0000055f311a",
		"w1_bus_master9":  outside,
	} {
		if err := os.Symlink(target, filepath.Join(devices, link)); err != nil {
			t.Fatal(err)
		}
	}
	return root, outside
}

func TestTriggersOpenTheTriggerAsItIs(t *testing.T) {
	t.Parallel()
	root, _ := live(t)
	triggers, err := onewire.OpenTriggers(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = triggers.Close() })
	w, err := triggers.OpenWriter(triggerFile)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "trigger\n"); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	got, err := os.ReadFile(filepath.Join(root, triggerFile))
	if err != nil || string(got) != "trigger\n0000" { // written over, not cut off first
		t.Errorf("the file reads %q, %v", got, err)
	}
}

func TestTriggersOpenNothingElse(t *testing.T) {
	t.Parallel()
	root, outside := live(t)
	triggers, err := onewire.OpenTriggers(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = triggers.Close() })
	for _, name := range []string{
		"sys/bus/w1/devices/28-0000055f311a/eeprom",
		"sys/bus/w1/devices/28-0000055f311a/resolution",
		"sys/bus/w1/devices/w1_bus_master1/28-0000055f311a/eeprom",
		"sys/bus/w1/devices/w1_bus_master1/../w1_bus_master1/therm_bulk_read",
		"sys/devices/w1_bus_master1/therm_bulk_read",
		"/" + triggerFile,
		"../outside/therm_bulk_read",
		"",
	} {
		if _, err := triggers.OpenWriter(name); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("OpenWriter(%q): err = %v, want a permission error", name, err)
		}
	}
	// A link that leads out of the root is not followed.
	if _, err := triggers.OpenWriter("sys/bus/w1/devices/w1_bus_master9/therm_bulk_read"); err == nil {
		t.Errorf("opened %s", outside)
	}
	// What does not exist is not made.
	if _, err := triggers.OpenWriter("sys/bus/w1/devices/w1_bus_master2/therm_bulk_read"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("err = %v, want that there is no such file", err)
	}
}

func TestOpenTriggersNamesARootThatIsNone(t *testing.T) {
	t.Parallel()
	if _, err := onewire.OpenTriggers(filepath.Join(t.TempDir(), "gone")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("err = %v, want that there is no such directory", err)
	}
}
