package sysfs_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/fstest"

	"thermarack/hardware/sysfs"
)

func TestALiveTreeIsAFileSystemLikeAnyOther(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "sys/class"), 0o755); err != nil {
		t.Fatal(err)
	}
	long := bytes.Repeat([]byte("0123456789abcdef"), 300)
	for name, text := range map[string][]byte{"sys/temp": []byte("48312\n"), "sys/empty": nil, "sys/class/long": long, "sys/class/full": long[:512]} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	live := sysfs.Live(dir)
	if err := fstest.TestFS(live, "sys/temp", "sys/empty", "sys/class/long", "sys/class/full"); err != nil {
		t.Error(err)
	}
	if got, err := fs.ReadFile(live, "sys/class/long"); err != nil || !bytes.Equal(got, long) {
		t.Errorf("%d bytes, %v; want %d", len(got), err, len(long))
	}
}

func TestALiveTreeSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	live := sysfs.Live(t.TempDir())
	_, err := fs.ReadFile(live, "sys/none")
	var at *fs.PathError
	if !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &at) || at.Path != "sys/none" {
		t.Errorf("err = %v, want one that says that sys/none does not exist", err)
	}
	if _, err := fs.ReadFile(live, "../etc/passwd"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("err = %v, want a refusal of a path that leads out", err)
	}
	if _, err := fs.ReadFile(live, "."); err == nil {
		t.Error("a directory was read as a file")
	}
}

func TestALiveTreeReadsNoEndlessFile(t *testing.T) {
	t.Parallel()
	if _, err := fs.ReadFile(sysfs.Live("/dev"), "zero"); !errors.Is(err, syscall.EFBIG) {
		t.Errorf("err = %v, want one that says that the file is too large", err)
	}
}

func BenchmarkReadFile(b *testing.B) {
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "temp"), []byte("48312\n"), 0o644); err != nil {
		b.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		fs   fs.FS
	}{{"live", sysfs.Live(dir)}, {"os.DirFS", os.DirFS(dir)}} {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := fs.ReadFile(tt.fs, "temp"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
