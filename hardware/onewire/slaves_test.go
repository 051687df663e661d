package onewire_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"thermarack/hardware/onewire"
)

func TestSlavesListsTheThermometersOfAllMasters(t *testing.T) {
	t.Parallel()
	got, err := onewire.Slaves(board(t, "testdata/two-masters.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	want := []onewire.Slave{
		{Dir: "sys/bus/w1/devices/10-0008013a07e2", Master: "w1_bus_master2", ROM: parse(t, "10-0008013a07e2")},
		{Dir: "sys/bus/w1/devices/28-0000055f311a", Master: "w1_bus_master1", ROM: parse(t, "28-0000055f311a")},
		{Dir: "sys/bus/w1/devices/28-0000055f311b", Master: "w1_bus_master2", ROM: parse(t, "28-0000055f311b")},
		{Dir: "sys/bus/w1/devices/28-00000a000001", ROM: parse(t, "28-00000a000001")}, // listed by no master
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestSlavesFindsTheMasterByTheKernelsLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	real := filepath.Join(dir, "sys/devices/w1_bus_master7/28-0000055f311a")
	bus := filepath.Join(dir, "sys/bus/w1/devices")
	for _, d := range []string{real, bus} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../../../devices/w1_bus_master7/28-0000055f311a", filepath.Join(bus, "28-0000055f311a")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(real, "w1_slave"), measured(336).text("YES"), 0o644); err != nil {
		t.Fatal(err)
	}
	root := os.DirFS(dir)
	slaves, err := onewire.Slaves(root)
	if err != nil || len(slaves) != 1 || slaves[0].Master != "w1_bus_master7" {
		t.Fatalf("got %v, %v, want one slave of w1_bus_master7", slaves, err)
	}
	if got, err := onewire.Read(t.Context(), root, slaves[0]); err != nil || got != 21 {
		t.Errorf("got %v, %v, want 21 through the link", got, err)
	}
}

func TestSlavesIsEmptyOnAHostWithout1Wire(t *testing.T) {
	t.Parallel()
	got, err := onewire.Slaves(fstest.MapFS{"sys/class": &fstest.MapFile{Mode: fs.ModeDir}})
	if err != nil || len(got) != 0 {
		t.Errorf("got %v, %v, want nothing", got, err)
	}
}

func TestSlavesReportsABusItCannotList(t *testing.T) {
	t.Parallel()
	_, err := onewire.Slaves(failing{err: fs.ErrPermission})
	if err == nil || !strings.Contains(err.Error(), "sys/bus/w1/devices") {
		t.Errorf("err = %v, want one that names the directory", err)
	}
}

func TestSlavesChecksTheBinaryID(t *testing.T) {
	t.Parallel()
	const name = "sys/bus/w1/devices/28-0000055f311a"
	good := parse(t, name)
	other := parse(t, "28-0000055f311b")
	bad := good
	bad[7] ^= 1
	tests := []struct {
		name string
		id   []byte
		want string // part of the error, or ""
	}{
		{"sound", good[:], ""},
		{"bad checksum", bad[:], "ends in CRC b5, want b4"},
		{"short", good[:5], "5 bytes, want 8"},
		{"of another part", other[:], "contradicts"},
		{"empty", nil, "0 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := onewire.Slaves(fstest.MapFS{name + "/id": {Data: tt.id}})
			if len(got) != 1 || got[0].ROM != good {
				t.Errorf("got %v, want the slave under its name's address", got)
			}
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("err = %v, want none", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), name+"/id: ") || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("err = %v, want one that names the id file and says %q", err, tt.want)
			}
		})
	}
}

// failing is a file system in which nothing can be opened.
type failing struct{ err error }

func (f failing) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: f.err}
}

func parse(t *testing.T, dir string) onewire.ROM {
	t.Helper()
	rom, err := onewire.ParseSlave(dir)
	if err != nil {
		t.Fatal(err)
	}
	return rom
}

func board(t *testing.T, file string) fs.FS {
	t.Helper()
	tree, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	root, err := txtar.FS(tree)
	if err != nil {
		t.Fatal(err)
	}
	return root
}
