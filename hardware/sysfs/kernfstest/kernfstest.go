//go:build linux

// Package kernfstest has the kernel change a file of the kind that sysfs is made
// of, for tests of who waits for that.
package kernfstest

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

const (
	Events = "cgroup.events"    // of a Group: tells when it changes
	Quiet  = "cgroup.max.depth" // could tell, but never changes
)

// A Group is a control group: its file Events tells that processes come and go by
// the means by which drivers tell that their attributes have changed. Source:
// Documentation/admin-guide/cgroup-v2.rst, populated notification.
type Group struct {
	Dir string

	process *exec.Cmd
	end     io.Closer
}

// NewGroup returns a group without a process that is removed at the end of the
// test. It skips the test where it may not be made: only root may.
func NewGroup(t *testing.T) *Group {
	t.Helper()
	root := t.TempDir()
	if err := syscall.Mount("none", root, "cgroup2", 0, ""); err != nil {
		t.Skipf("only root may mount control groups: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(root, 0) })
	g := &Group{Dir: filepath.Join(root, "thermarack-"+strconv.Itoa(os.Getpid()))}
	if err := os.Mkdir(g.Dir, 0o755); err != nil {
		t.Skipf("no control groups here: %v", err)
	}
	t.Cleanup(func() {
		if err := os.Remove(g.Dir); err != nil {
			t.Error(err)
		}
	})
	return g
}

// Enter has a process come, which changes Events.
func (g *Group) Enter(t *testing.T) {
	t.Helper()
	g.process = exec.Command("cat") // ends with its input
	end, err := g.process.StdinPipe()
	if err == nil {
		err = g.process.Start()
	}
	if err == nil {
		g.end = end
		err = os.WriteFile(filepath.Join(g.Dir, "cgroup.procs"), []byte(strconv.Itoa(g.process.Process.Pid)), 0)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Leave has the process of Enter go, which changes Events.
func (g *Group) Leave(t *testing.T) {
	t.Helper()
	if err := errors.Join(g.end.Close(), g.process.Wait()); err != nil {
		t.Fatal(err)
	}
}
