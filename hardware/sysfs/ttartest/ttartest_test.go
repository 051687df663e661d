package ttartest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"thermarack/hardware/sysfs/ttartest"
)

func TestUnpackWritesTheTree(t *testing.T) {
	t.Parallel()
	archive := write(t, `# Archive created by hand
Directory: sys
Mode: 755
# ttar - - -
Path: sys/class/hwmon/hwmon0
SymlinkTo: ../../devices/chip
# ttar - - -
Directory: sys/devices/chip
Mode: 555
# ttar - - -
Path: sys/devices/chip/name
Lines: 2
first
# a line of the file, not a comment
Mode: 444
# ttar - - -
Path: sys/devices/chip/raw
Lines: 1
aNULLBYTEb\NULLBYTEcEOF
Mode: 600
# ttar - - -
Path: sys/devices/chip/literal
Lines: 1
the \EOF
Mode: 644
# ttar - - -
Path: sys/devices/chip/empty
Lines: 0
Mode: 644
`)
	dir := t.TempDir()
	ttartest.Unpack(t, archive, dir)
	want := map[string]string{
		"name":    "first\n# a line of the file, not a comment\n",
		"raw":     "a\x00bNULLBYTEc",
		"literal": "the EOF\n",
		"empty":   "",
	}
	for file, text := range want {
		got, err := os.ReadFile(filepath.Join(dir, "sys/class/hwmon/hwmon0", file)) // through the link
		if err != nil || string(got) != text {
			t.Errorf("%s: got %q, %v, want %q", file, got, err, text)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "sys/devices/chip/raw")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("raw: got %v, %v, want mode 600", info, err)
	}
}

func TestUnpackRefusesABadArchive(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text, want string
	}{
		{"a path that leaves the directory", "Path: ../escaped\nLines: 0\n", "escapes"},
		{"a link that leaves it, written through", "Path: out\nSymlinkTo: ../..\nPath: out/escaped\nLines: 0\n", "escapes"},
		{"more lines than there are", "Path: a\nLines: 7\n", "7"},
		{"no number", "Path: a\nLines: many\n", "many"},
		{"no mode", "Path: a\nLines: 0\nMode: rw\n", "rw"},
		{"no metadata", "Path: a\nLines: 0\nstray text\n", "stray text"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &recorder{TB: t}
			archive, dir, done := write(t, tt.text), t.TempDir(), make(chan struct{})
			go func() {
				defer close(done)
				ttartest.Unpack(r, archive, dir)
			}()
			<-done
			if !strings.Contains(r.fatal, archive) || !strings.Contains(r.fatal, tt.want) {
				t.Errorf("failed with %q, want the archive's name and %q", r.fatal, tt.want)
			}
		})
	}
}

// A recorder keeps the failure of a test that must fail.
type recorder struct {
	testing.TB
	fatal string
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.fatal = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tree.ttar")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}
