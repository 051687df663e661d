// Package ttartest unpacks the text archives in which the Prometheus projects
// keep recorded trees of /sys and /proc, for tests.
package ttartest

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"
)

// Unpack writes the tree of a ttar archive below dir, which must exist, and
// fails the test if it cannot. Nothing is written outside dir, whatever the
// archive says. Files get the archive's modes, directories stay writable so
// that t.TempDir can be removed.
//
// The format is one entry after another, comment lines between them:
//
//	Directory: sys/class          Path: sys/class/a         Path: sys/class/b
//	Mode: 755                     Lines: 1                  SymlinkTo: ../x
//	                              text
//	                              Mode: 644
//
// In the text NULLBYTE stands for a NUL, and EOF at the end of the last line
// for its missing newline; a backslash before either makes it literal.
func Unpack(t testing.TB, archive, dir string) {
	t.Helper()
	text, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	u := unpacker{root: root, lines: strings.SplitAfter(string(text), "\n")}
	for len(u.lines) > 0 {
		if err := u.step(); err != nil {
			t.Fatalf("%s: %v", archive, err)
		}
	}
}

// An unpacker holds what is left of an archive.
type unpacker struct {
	root  *os.Root
	lines []string
	path  string // of the entry under way
	file  bool   // whether it is a regular file
}

// step consumes one line of metadata, and the text that it announces.
func (u *unpacker) step() error {
	line := strings.TrimSuffix(u.lines[0], "\n")
	u.lines = u.lines[1:]
	if line == "" || strings.HasPrefix(line, "#") {
		return nil
	}
	key, value, _ := strings.Cut(line, ": ")
	switch key {
	case "Directory":
		u.path, u.file = value, false
		return u.root.MkdirAll(value, 0o755)
	case "Path":
		u.path, u.file = value, false
		return u.root.MkdirAll(path.Dir(value), 0o755)
	case "SymlinkTo":
		return u.root.Symlink(value, u.path)
	case "Lines":
		u.file = true
		return u.write(value)
	case "Mode":
		return u.chmod(value)
	}
	return fmt.Errorf("%.60q after %s is no ttar metadata", line, u.path)
}

func (u *unpacker) write(count string) error {
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > len(u.lines) {
		return fmt.Errorf("%s: %q lines, but %d are left", u.path, count, len(u.lines))
	}
	text := unescape(strings.Join(u.lines[:n], ""))
	u.lines = u.lines[n:]
	return u.root.WriteFile(u.path, []byte(text), 0o644)
}

func (u *unpacker) chmod(mode string) error {
	bits, err := strconv.ParseUint(mode, 8, 9)
	if err != nil {
		return fmt.Errorf("%s: mode %q: %w", u.path, mode, err)
	}
	if !u.file {
		return nil
	}
	return u.root.Chmod(u.path, fs.FileMode(bits))
}

// unescape restores the bytes of a file.
func unescape(s string) string {
	if body, ok := strings.CutSuffix(s, "EOF\n"); ok && !strings.HasSuffix(body, `\`) {
		s = body
	}
	return strings.NewReplacer(`\NULLBYTE`, "NULLBYTE", "NULLBYTE", "\x00", `\EOF`, "EOF").Replace(s)
}
