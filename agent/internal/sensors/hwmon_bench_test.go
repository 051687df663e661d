package sensors_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// BenchmarkReadAChannel reads one channel of a chip that has many, from files.
func BenchmarkReadAChannel(b *testing.B) {
	root := os.DirFS(onDisk(b))
	for _, sensor := range open(root).Sensors() {
		if !strings.HasSuffix(sensor.Name(), "_fan3:speed") {
			continue
		}
		for b.Loop() {
			if _, err := sensor.Read(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		return
	}
	b.Fatal("no such fan")
}

// onDisk writes testdata/pi.txtar below a new directory.
func onDisk(tb testing.TB) string {
	tb.Helper()
	archive, err := txtar.ParseFile("testdata/pi.txtar")
	if err != nil {
		tb.Fatal(err)
	}
	dir := tb.TempDir()
	for _, f := range archive.Files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}
