//go:build linux

// Package powercuttest mounts disks whose power can be cut, for tests.
package powercuttest

import (
	"testing"

	"thermarack/collector/internal/powercut"
)

// Mount mounts a disk at a directory of its own, or skips the test where that is
// not possible. The test unmounts it.
func Mount(t testing.TB, d *powercut.Disk) (dir string) {
	t.Helper()
	dir = t.TempDir()
	switch err := d.Mount(dir); {
	case err == nil:
	case powercut.Possible():
		t.Fatal(err)
	default:
		t.Skip(err)
	}
	return dir
}

// Cut takes the power away, with all that was not synced, and returns where the
// disk is mounted again, until the test ends.
func Cut(t testing.TB, d *powercut.Disk) (dir string) {
	t.Helper()
	d.Cut(nil)
	Unmount(t, d)
	dir = Mount(t, d)
	t.Cleanup(func() { Unmount(t, d) })
	return dir
}

// Unmount takes a disk from where it is mounted.
func Unmount(t testing.TB, d *powercut.Disk) {
	t.Helper()
	if err := d.Unmount(); err != nil {
		t.Error(err)
	}
}
