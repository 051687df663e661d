//go:build linux

package powercut_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"thermarack/collector/internal/powercut"
	"thermarack/collector/internal/powercut/powercuttest"
)

// mount mounts a disk, or skips the test where that is not possible.
func mount(t *testing.T, d *powercut.Disk) (dir string) {
	t.Helper()
	dir = powercuttest.Mount(t, d)
	t.Cleanup(func() { powercuttest.Unmount(t, d) })
	return dir
}

// again mounts a disk anew, as a machine that is switched on.
func again(t *testing.T, d *powercut.Disk) (dir string) {
	t.Helper()
	if err := d.Unmount(); err != nil {
		t.Fatal(err)
	}
	return mount(t, d)
}

// tree returns the content of each file by its path; directories end in "/".
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		switch {
		case err != nil || name == ".":
			return err
		case e.IsDir():
			files[name+"/"] = ""
			return nil
		}
		data, err := os.ReadFile(path)
		files[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// A world does things below its directory and fails the test when one fails.
type world struct {
	*testing.T
	dir string
}

func (w world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w world) at(name string) string { return filepath.Join(w.dir, name) }

func (w world) write(name, text string) {
	w.Helper()
	w.must(os.WriteFile(w.at(name), []byte(text), 0o644))
}

func (w world) append(name, text string) {
	w.Helper()
	f, err := os.OpenFile(w.at(name), os.O_APPEND|os.O_WRONLY, 0)
	w.must(err)
	_, err = f.WriteString(text)
	w.must(errors.Join(err, f.Close()))
}

func (w world) sync(names ...string) {
	w.Helper()
	for _, name := range names {
		f, err := os.Open(w.at(name))
		w.must(err)
		w.must(errors.Join(f.Sync(), f.Close()))
	}
}

func TestACutKeepsWhatWasSyncedAndNothingElse(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 1000)
	tests := []struct {
		name string
		do   func(w world)
		want map[string]string
	}{
		{"a file that was never synced is gone", func(w world) { w.write("a", "text") }, map[string]string{}},
		{"a synced file has no name until its directory is synced", func(w world) { w.write("a", "text"); w.sync("a") }, map[string]string{}},
		{"a synced name leads to an empty file until that is synced", func(w world) { w.write("a", "text"); w.sync(".") }, map[string]string{"a": ""}},
		{"both", func(w world) { w.write("a", long); w.sync("a", ".") }, map[string]string{"a": long}},
		{"what came after the sync is gone", func(w world) { w.write("a", "text"); w.sync("a", "."); w.append("a", long) }, map[string]string{"a": "text"}},
		{"a second sync keeps that too", func(w world) { w.write("a", "text"); w.sync("a", "."); w.append("a", long); w.sync("a") }, map[string]string{"a": "text" + long}},
		{"an overwritten page has its old content", func(w world) {
			w.write("a", long)
			w.sync("a", ".")
			f, err := os.OpenFile(w.at("a"), os.O_WRONLY, 0)
			w.must(err)
			_, err = f.WriteAt([]byte("xxxx"), 5000)
			w.must(errors.Join(err, f.Close()))
		}, map[string]string{"a": long}},
		{"a file that was emptied is full again", func(w world) { w.write("a", long); w.sync("a", "."); w.must(os.Truncate(w.at("a"), 0)) }, map[string]string{"a": long}},
		{"a file that was shortened, synced and extended has zeros there", func(w world) {
			w.write("a", long)
			w.must(os.Truncate(w.at("a"), 3))
			w.must(os.Truncate(w.at("a"), 5))
			w.sync("a", ".")
		}, map[string]string{"a": "012\x00\x00"}},
		{"a removed file is there again", func(w world) { w.write("a", "text"); w.sync("a", "."); w.must(os.Remove(w.at("a"))) }, map[string]string{"a": "text"}},
		{"a removed file is gone once the directory is synced", func(w world) { w.write("a", "text"); w.sync("a", "."); w.must(os.Remove(w.at("a"))); w.sync(".") }, map[string]string{}},
		{"a rename is undone, what it replaced is there again", func(w world) {
			w.write("a", "old")
			w.write("a.new", "new")
			w.sync("a", "a.new", ".")
			w.must(os.Rename(w.at("a.new"), w.at("a")))
		}, map[string]string{"a": "old", "a.new": "new"}},
		{"a rename is done once the directory is synced", func(w world) {
			w.write("a", "old")
			w.sync("a", ".")
			w.write("a.new", "new")
			w.sync("a.new")
			w.must(os.Rename(w.at("a.new"), w.at("a")))
			w.sync(".")
		}, map[string]string{"a": "new"}},
		{"a directory is a name in another", func(w world) {
			w.must(os.MkdirAll(w.at("kept/lost"), 0o755))
			w.write("kept/lost/a", "text")
			w.write("kept/b", "text")
			w.sync("kept/lost/a", "kept/lost", "kept/b", ".")
		}, map[string]string{"kept/": ""}},
		{"a file that moves is in neither directory, if only that which it left is synced", func(w world) {
			w.must(os.Mkdir(w.at("from"), 0o755))
			w.must(os.Mkdir(w.at("to"), 0o755))
			w.write("from/a", "text")
			w.sync("from/a", "from", "to", ".")
			w.must(os.Rename(w.at("from/a"), w.at("to/a")))
			w.sync("from")
		}, map[string]string{"from/": "", "to/": ""}},
		{"a second name of a file is a name like the first", func(w world) {
			w.write("a", "text")
			w.sync("a")
			w.must(os.Link(w.at("a"), w.at("b")))
			w.sync(".")
			w.must(os.Remove(w.at("a")))
			w.sync(".")
		}, map[string]string{"b": "text"}},
		{"preallocated space is zeros", func(w world) {
			f, err := os.Create(w.at("a"))
			w.must(err)
			w.must(syscall.Fallocate(int(f.Fd()), 0, 0, 8))
			_, err = f.WriteString("text")
			w.must(errors.Join(err, f.Sync(), f.Close()))
			w.sync(".")
		}, map[string]string{"a": "text\x00\x00\x00\x00"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := powercut.New()
			tt.do(world{t, mount(t, d)})
			d.Cut(nil)
			if diff := cmp.Diff(tt.want, tree(t, again(t, d))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWithoutACutNothingIsLost(t *testing.T) {
	d := powercut.New()
	world{t, mount(t, d)}.write("a", "text")
	if diff := cmp.Diff(map[string]string{"a": "text"}, tree(t, again(t, d))); diff != "" {
		t.Error(diff)
	}
}

func TestAfterACutTheDiskAnswersWithErrorsUntilItIsMountedAgain(t *testing.T) {
	d := powercut.New()
	w := world{t, mount(t, d)}
	f, err := os.Create(w.at("a"))
	w.must(err)
	defer f.Close()
	off := d.Off()
	d.Cut(nil)
	<-off
	if _, err := f.WriteString("text"); !errors.Is(err, syscall.EIO) {
		t.Errorf("a write gives %v, want EIO", err)
	}
	if err := f.Sync(); !errors.Is(err, syscall.EIO) {
		t.Errorf("a sync gives %v, want EIO", err)
	}
	w.must(f.Close())
	w.dir = again(t, d)
	w.write("a", "text")
}

func TestAnOperationCanCutThePowerInItsPlace(t *testing.T) {
	d := powercut.New()
	w := world{t, mount(t, d)}
	w.must(os.Mkdir(w.at("dir"), 0o755))
	w.write("dir/a.new", "text")
	w.sync("dir/a.new", "dir", ".")
	var seen []powercut.Operation
	d.CutAt(nil, func(o powercut.Operation) bool {
		seen = append(seen, o)
		return o.Kind == powercut.Sync && o.Path == "dir"
	})
	w.must(os.Rename(w.at("dir/a.new"), w.at("dir/a")))
	dir, err := os.Open(w.at("dir"))
	w.must(err)
	if err := dir.Sync(); !errors.Is(err, syscall.EIO) {
		t.Errorf("the sync gives %v, want EIO", err)
	}
	w.must(dir.Close())
	<-d.Off()
	if diff := cmp.Diff([]powercut.Operation{{powercut.Rename, "dir/a"}, {powercut.Sync, "dir"}}, seen); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"dir/": "", "dir/a.new": "text"}, tree(t, again(t, d))); diff != "" {
		t.Error(diff)
	}
	if got := d.Lost(); got != (powercut.Lost{Entries: 1, At: powercut.Operation{Kind: powercut.Sync, Path: "dir"}}) {
		t.Errorf("lost %+v, want one entry at the sync", got)
	}
}

func TestAFullDiskTakesWhatFitsIntoThePagesItHas(t *testing.T) {
	d := powercut.New()
	w := world{t, mount(t, d)}
	w.write("a", "text")
	d.Fill(true)
	f, err := os.OpenFile(w.at("a"), os.O_WRONLY|os.O_APPEND, 0)
	w.must(err)
	n, err := f.Write(make([]byte, 5000))
	if n != 4092 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a long write gives %d, %v, want 4092 and ENOSPC", n, err)
	}
	w.must(f.Close())
	if err := os.WriteFile(w.at("b"), nil, 0o644); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a new file gives %v, want ENOSPC", err)
	}
	w.must(os.Truncate(w.at("a"), 4))
	d.Fill(false)
	w.append("a", " goes on")
	w.write("b", "")
	if diff := cmp.Diff(map[string]string{"a": "text goes on", "b": ""}, tree(t, w.dir)); diff != "" {
		t.Error(diff)
	}
}

// Every page of a torn file is its old self or its new one, and over many seeds
// each is found both ways.
func TestSomeOfWhatWasNotSyncedMaySurvive(t *testing.T) {
	const pages, size = 4, 4096
	fill := func(b byte) string { return strings.Repeat(string(b), size) }
	news, olds, short, long, first, both := 0, 0, 0, 0, 0, 0
	for seed := range uint64(40) {
		d := powercut.New()
		w := world{t, mount(t, d)}
		w.write("a", strings.Repeat(fill('o'), pages))
		w.sync("a", ".")
		w.write("b", "")
		w.write("c", "")
		f, err := os.OpenFile(w.at("a"), os.O_WRONLY, 0)
		w.must(err)
		_, err = f.WriteString(strings.Repeat(fill('n'), 2*pages))
		w.must(errors.Join(err, f.Close()))
		d.Cut(rand.New(rand.NewPCG(seed, 0)))
		files := tree(t, again(t, d))
		text := files["a"]
		for at := 0; at < len(text); at += size {
			switch page := text[at:min(at+size, len(text))]; {
			case page == fill('n')[:len(page)]:
				news++
			case at < pages*size && page == fill('o'):
				olds++
			case at >= pages*size && page == fill(0)[:len(page)]:
			default:
				t.Fatalf("seed %d: page %d is %.20q", seed, at/size, page)
			}
		}
		switch len(text) {
		case pages * size:
			short++
		case 2 * pages * size:
			long++
		}
		_, b := files["b"]
		_, c := files["c"]
		switch {
		case c && !b:
			t.Errorf("seed %d: the second change of the directory is there and the first is not", seed)
		case c:
			both++
		case b:
			first++
		}
		w.must(d.Unmount())
	}
	if news == 0 || olds == 0 || short == 0 || long == 0 || short+long == 40 || first == 0 || both == 0 || both == 40 {
		t.Errorf("pages %d new %d old, files %d short %d long of 40, entries %d one %d both: want some of each", news, olds, short, long, first, both)
	}
}

// The child is this test in a process of its own: one that serves a file system
// cannot map its files.
func TestAMappedFileShowsWhatIsWritten(t *testing.T) {
	if file := os.Getenv("POWERCUT_MAP"); file != "" {
		showMapped(t, file)
		return
	}
	w := world{t, mount(t, powercut.New())}
	w.write("a", strings.Repeat("o", 8192))
	child := exec.Command(os.Args[0], "-test.run=^TestAMappedFileShowsWhatIsWritten$")
	child.Env = append(os.Environ(), "POWERCUT_MAP="+w.at("a"))
	out, err := child.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("mapped: oooonnnn\n")) {
		t.Errorf("%v\n%s", err, out)
	}
}

func showMapped(t *testing.T, file string) {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := syscall.Mmap(int(f.Fd()), 0, 8192, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	before := string(m[5000:5004])
	if _, err := f.WriteAt([]byte("nnnn"), 5000); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("mapped: %s%s\n", before, m[5000:5004])
}
