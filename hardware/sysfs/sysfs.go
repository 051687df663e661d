// Package sysfs reads what Linux tells about the host itself as files: thermal
// zones, hwmon chips, the Raspberry Pi's throttled word, the power supply of its
// PoE+ HAT, and who the host is.
//
// Every function takes an fs.FS rooted at the host's root, so that paths begin
// with "sys" or "proc" in a live system, in a container's mount and in a
// fixture alike. Nothing is written, and nothing is remembered between calls:
// chips come and go, and hwmon numbers differ from boot to boot.
//
// One broken sensor never hides the others. It is listed with its own error,
// which names the file.
package sysfs

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// readLine returns the text of a file without white space around it. A file that
// is empty is read once more: some drivers give nothing while they are at work.
func readLine(root fs.FS, name string) (string, error) {
	b, err := fs.ReadFile(root, name)
	if err == nil && len(b) == 0 {
		b, err = fs.ReadFile(root, name)
	}
	if err != nil {
		return "", inFile(name, err)
	}
	return strings.TrimSpace(string(b)), nil
}

func readInt(root fs.FS, name string) (int64, error) {
	s, err := readLine(root, name)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, inFile(name, fmt.Errorf("%.30q is not an integer of 64 bits", s))
	}
	return n, nil
}

// inFile names the file once, whether or not err does.
func inFile(name string, err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	return fmt.Errorf("sysfs: %s: %w", name, err)
}

// numbered returns the paths of the entries of dir that are prefix and a
// number, in the order of the numbers. A dir that does not exist has none.
func numbered(root fs.FS, dir, prefix string) ([]string, error) {
	entries, err := fs.ReadDir(root, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, inFile(dir, err)
	}
	type item struct {
		path   string
		number int
	}
	var items []item
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), prefix)
		number, err := strconv.Atoi(digits)
		if ok && err == nil && number >= 0 {
			items = append(items, item{path.Join(dir, e.Name()), number})
		}
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.number, b.number) })
	paths := make([]string, len(items))
	for i, it := range items {
		paths[i] = it.path
	}
	return paths, nil
}
