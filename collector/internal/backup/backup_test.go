package backup_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/collector/internal/backup"
	"thermarack/collector/internal/store"
	"thermarack/collector/internal/store/tsdb"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// kept makes a collector's directory with some state, and an hour of readings.
func kept(t *testing.T) backup.Directory {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	for name, text := range map[string]string{
		"firing.json": "[]", "pager/nflog": "told", "pager/nflog.new": "half", "mqtt-client-id": "thermarack-collector-x",
		"addresses.json": `{"http":"127.0.0.1:1"}`, "lock": "", "broker-password": "hunter2", "web.key": "-----BEGIN",
	} {
		write(t, filepath.Join(dir, name), text)
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	s := openStore(t, filepath.Join(dir, "tsdb"))
	for i := range 60 {
		sample := store.Sample{Series: series(), Point: store.Point{Time: noon.Add(time.Duration(i) * time.Minute), Value: float64(i)}}
		if refused, err := s.Append(t.Context(), []store.Sample{sample}); err != nil || refused != nil {
			t.Fatal(refused, err)
		}
	}
	return backup.Directory{Path: dir, Store: s, Program: "v0"}
}

func series() store.Series {
	return store.Series{Site: "hex", Node: "b827eb000001", Device: "urn:dev:ow:28f6fb1e0d0000c5", Quantity: wire.QuantityTemperature, Unit: "Cel"}
}

func openStore(t *testing.T, dir string) *tsdb.Store {
	t.Helper()
	s, err := tsdb.Open(tsdb.Options{Dir: dir, MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// archive returns the archive of a directory.
func archive(t *testing.T, d backup.Directory) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := d.WriteBackup(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// state lists the files below dir with their content, but for those of the store.
func state(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			if e != nil && e.Name() == "tsdb" {
				return fs.SkipDir
			}
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		got[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestWhatWasBackedUpIsThereAfterARestore(t *testing.T) {
	t.Parallel()
	whole := archive(t, kept(t))
	for name, data := range map[string][]byte{"plain": whole, "gzipped": zipped(t, whole)} {
		dir := filepath.Join(t.TempDir(), "new", "data")
		m, err := backup.Restore(t.Context(), bytes.NewReader(data), dir)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff([]string{"broker-password", "elsewhere", "web.key"}, m.LeftOut); diff != "" || m.Program != "v0" || time.Since(m.Time) > time.Minute {
			t.Errorf("%s: manifest of %s at %v, left out (-want +got)\n%s", name, m.Program, m.Time, diff)
		}
		want := map[string]string{"firing.json": "[]", "pager/nflog": "told", "mqtt-client-id": "thermarack-collector-x"}
		if diff := cmp.Diff(want, state(t, dir)); diff != "" {
			t.Errorf("%s: state (-want +got)\n%s", name, diff)
		}
		points, err := openStore(t, filepath.Join(dir, "tsdb")).Range(t.Context(), series().Name(), noon, noon.Add(time.Hour))
		if err != nil || len(points) != 60 || points[59].Value != 59 {
			t.Errorf("%s: %d points, %v, want 60", name, len(points), err)
		}
		alone(t, dir)
	}
}

// alone fails the test if a restore has left anything beside dir.
func alone(t *testing.T, dir string) {
	t.Helper()
	beside, err := os.ReadDir(filepath.Dir(dir))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range beside {
		if e.Name() != filepath.Base(dir) {
			t.Errorf("%s was left behind", e.Name())
		}
	}
}

func TestWithoutAStoreTheStateAloneIsKept(t *testing.T) {
	t.Parallel()
	d := kept(t)
	d.Store = nil
	m, err := backup.Read(t.Context(), bytes.NewReader(archive(t, d)), ignore)
	if err != nil || len(m.Files) != 3 || m.Bytes() != int64(len("[]")+len("told")+len("thermarack-collector-x")) {
		t.Errorf("%+v, %v, want three files", m, err)
	}
}

// The readings may lie on another disk, behind a link.
func TestAStoreBehindALinkHidesNothing(t *testing.T) {
	t.Parallel()
	d := kept(t)
	dir, disk := filepath.Join(d.Path, "tsdb"), filepath.Join(t.TempDir(), "tsdb")
	if err := os.Rename(dir, disk); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(disk, dir); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(d.Path, "users.json"), "{}") // behind tsdb
	to := filepath.Join(t.TempDir(), "data")
	m, err := backup.Restore(t.Context(), bytes.NewReader(archive(t, d)), to)
	if err != nil {
		t.Fatal(err)
	}
	if got := state(t, to)["users.json"]; got != "{}" {
		t.Errorf("users.json holds %q", got)
	}
	if diff := cmp.Diff([]string{"broker-password", "elsewhere", "web.key"}, m.LeftOut); diff != "" {
		t.Errorf("left out (-want +got)\n%s", diff)
	}
}

// A file of that name would be taken for the end of the archive.
func TestAFileThatIsCalledLikeTheManifestIsLeftOut(t *testing.T) {
	t.Parallel()
	d := kept(t)
	write(t, filepath.Join(d.Path, "manifest.json"), "{}")
	m, err := backup.Read(t.Context(), bytes.NewReader(archive(t, d)), ignore)
	if err != nil || !slices.Contains(m.LeftOut, "manifest.json") {
		t.Errorf("%v, left out %q", err, m.LeftOut)
	}
}

func ignore(string, int64, io.Reader) error { return nil }

func TestARestoreOverwritesNothing(t *testing.T) {
	t.Parallel()
	whole := archive(t, kept(t))
	dir := t.TempDir()
	write(t, filepath.Join(dir, "firing.json"), "mine")
	if _, err := backup.Restore(t.Context(), bytes.NewReader(whole), dir); !errors.Is(err, backup.ErrOccupied) || !strings.Contains(err.Error(), dir) {
		t.Errorf("err = %v, want ErrOccupied that names %s", err, dir)
	}
	if diff := cmp.Diff(map[string]string{"firing.json": "mine"}, state(t, dir)); diff != "" {
		t.Errorf("what was there changed (-want +got)\n%s", diff)
	}
	empty := t.TempDir()
	if _, err := backup.Restore(t.Context(), bytes.NewReader(whole), empty); err != nil || len(state(t, empty)) != 3 {
		t.Errorf("into an empty directory: %v, %v", err, state(t, empty))
	}
}

func TestADamagedArchiveLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	whole := archive(t, kept(t))
	flipped := bytes.Clone(whole)
	flipped[bytes.Index(whole, []byte("thermarack-collector-x"))] ^= 1
	half := zipped(t, whole)
	half = half[:len(half)/2]
	wrongEnd := zipped(t, whole)
	wrongEnd[len(wrongEnd)-6] ^= 1
	entries := func(headers ...tar.Header) []byte {
		var out bytes.Buffer
		w := tar.NewWriter(&out)
		for _, h := range headers {
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
			if _, err := io.CopyN(w, zeros{}, min(h.Size, 100)); err != nil && h.Size > 0 {
				t.Fatal(err)
			}
		}
		return out.Bytes()
	}
	tests := []struct {
		name    string
		archive []byte
		want    string
	}{
		{"nothing", nil, "it ends before its manifest.json"},
		{"another file", []byte(strings.Repeat("hello\n", 1000)), "not a whole backup"},
		{"cut in the middle", whole[:len(whole)/2], "not a whole backup"},
		{"cut before the manifest", whole[:bytes.LastIndex(whole, []byte("manifest.json"))&^511], "it ends before its manifest.json"},
		{"a gzip cut in the middle", half, "unexpected EOF"},
		{"a gzip with another sum", wrongEnd, "checksum"},
		{"a changed byte", flipped, "mqtt-client-id is damaged"},
		{"a path that leads out", entries(tar.Header{Name: "../../etc/cron.d/x", Typeflag: tar.TypeReg, Size: 3}), "leads out of the directory"},
		{"an absolute path", entries(tar.Header{Name: "/etc/passwd", Typeflag: tar.TypeReg, Size: 3}), "leads out of the directory"},
		{"a link", entries(tar.Header{Name: "a", Typeflag: tar.TypeSymlink, Linkname: "/etc"}), "is no plain file"},
		{"a file twice", entries(tar.Header{Name: "a", Typeflag: tar.TypeReg}, tar.Header{Name: "a", Typeflag: tar.TypeReg}), "unpack a: "},
		{"a file for a directory", entries(tar.Header{Name: "a", Typeflag: tar.TypeReg}, tar.Header{Name: "a/b", Typeflag: tar.TypeReg}), "unpack a/b: "},
		{"a terabyte of holes", sparse(t), `"a" is no plain file`},
		{"a size beyond all disks", entries(tar.Header{Name: "a", Typeflag: tar.TypeReg, Size: 1 << 50}), "do not fit"},
		{"a manifest beyond measure", entries(tar.Header{Name: "manifest.json", Typeflag: tar.TypeReg, Size: 1 << 40}), "its manifest.json has"},
		{"a tail without end", append(bytes.Clone(whole), make([]byte, 4<<20)...), "something follows its end"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			_, err := backup.Restore(t.Context(), bytes.NewReader(tt.archive), dir)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want …%s…", err, tt.want)
			}
			if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s is there: %v", dir, err)
			}
			alone(t, dir)
		})
	}
}

// sparse returns an archive with a file of a terabyte in a kilobyte, as GNU tar
// writes them. The library reads such files and does not write them.
func sparse(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	holes := "1\n1099511627776\n0\n"
	h := tar.Header{Name: "a", Typeflag: tar.TypeReg, Size: 512, Format: tar.FormatPAX, PAXRecords: map[string]string{
		"YES.sparse.major": "1", "YES.sparse.minor": "0", "YES.sparse.name": "a", "YES.sparse.realsize": "1099511627776",
	}}
	if err := w.WriteHeader(&h); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, holes+strings.Repeat("\x00", 512-len(holes))); err != nil {
		t.Fatal(err)
	}
	data := bytes.ReplaceAll(out.Bytes(), []byte("YES.sparse"), []byte("GNU.sparse"))
	if h, err := tar.NewReader(bytes.NewReader(data)).Next(); err != nil || h.Size != 1<<40 {
		t.Fatalf("the library reads %+v, %v", h, err)
	}
	return data
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func zipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestABackupEndsWithItsContext(t *testing.T) {
	t.Parallel()
	d := kept(t)
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	err := d.WriteBackup(ctx, writerFunc(func(p []byte) (int, error) {
		cancel()
		return out.Write(p)
	}))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want Canceled", err)
	}
	if _, err := backup.Restore(t.Context(), &out, filepath.Join(t.TempDir(), "data")); !errors.Is(err, backup.ErrArchive) {
		t.Errorf("restoring what there is: %v, want ErrArchive", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func FuzzRead(f *testing.F) {
	var out bytes.Buffer
	err := backup.Write(f.Context(), &out, backup.Manifest{}, []backup.Source{{Name: "a/b", Open: func() (io.ReadCloser, int64, error) {
		return io.NopCloser(strings.NewReader("text")), 4, nil
	}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Add([]byte{0x1f, 0x8b, 8})
	f.Add(out.Bytes()[:512])
	f.Fuzz(func(t *testing.T, data []byte) {
		names := map[string]bool{}
		m, err := backup.Read(t.Context(), bytes.NewReader(data), func(name string, _ int64, _ io.Reader) error {
			names[name] = true
			if !filepath.IsLocal(name) {
				t.Errorf("took %q", name)
			}
			return nil
		})
		if err != nil && !errors.Is(err, backup.ErrArchive) {
			t.Errorf("err = %v, want ErrArchive", err)
		}
		if err == nil && len(names) != len(m.Files) {
			t.Errorf("took %d files, the manifest has %d", len(names), len(m.Files))
		}
	})
}
