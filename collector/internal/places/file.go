package places

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/state"
)

// errDamaged reports a file that is none of ours, or no longer.
var errDamaged = errors.New("damaged")

const (
	fileVersion = 1
	fileSuffix  = ".json"
	fileTime    = "20060102T150405.000Z" // in UTC; files sort by it

	// maxFile is the largest file that is read: a layout of a million slots.
	maxFile = 64 << 20
)

// A document is what stands in a file.
type document struct {
	Version int            `json:"version"`
	Layout  *layout.Layout `json:"layout"`
}

// list returns the files of a directory in the order of their times. What is
// left of a write that was interrupted is not among them.
func list(dir string) ([]string, error) {
	all, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, f := range all {
		if f.Type().IsRegular() && strings.HasSuffix(f.Name(), fileSuffix) {
			files = append(files, f.Name())
		}
	}
	slices.Sort(files)
	return files, nil
}

// read returns what a file says. The error wraps errDamaged when it says nothing.
func read(dir, name string) (entry, error) {
	path := filepath.Join(dir, name)
	from, err := time.Parse(fileTime, strings.TrimSuffix(name, fileSuffix))
	if err != nil {
		return entry{}, fmt.Errorf("%s: %w: the name is no time; move it away", path, errDamaged)
	}
	file, err := os.Open(path)
	if err != nil {
		return entry{}, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile))
	if err != nil {
		return entry{}, err
	}
	l, err := decode(text)
	if err != nil {
		return entry{}, fmt.Errorf("%s: %w: %v; move it away", path, errDamaged, err)
	}
	return entry{file: name, from: from.UnixMilli(), text: text, layout: l, plan: planOf(l)}, nil
}

// decode reads the text of a file and checks what the readers of a layout rely
// on.
func decode(text []byte) (*layout.Layout, error) {
	var d document
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return nil, err
	}
	if d.Version != fileVersion || d.Layout == nil {
		return nil, fmt.Errorf("version is %d, this program reads version %d", d.Version, fileVersion)
	}
	for _, s := range d.Layout.Shelves {
		if s.Columns < 1 || s.Depth < 1 || len(s.Slots)/s.Columns != s.Depth || len(s.Slots)%s.Columns != 0 {
			return nil, fmt.Errorf("shelf %.200q has %d slots in %d columns and %d rows", s.ID(), len(s.Slots), s.Columns, s.Depth)
		}
		for i, slot := range s.Slots {
			if slot.Number != i+1 || slot.Node != "" && !isNode(slot.Node) {
				return nil, fmt.Errorf("shelf %.200q: slot %d is numbered %d and holds %.40q", s.ID(), i+1, slot.Number, slot.Node)
			}
		}
	}
	for _, s := range d.Layout.Switches {
		if s.MAC != "" && !isNode(s.MAC) {
			return nil, fmt.Errorf("switch %.200q has the MAC %.40q", s.Name, s.MAC)
		}
	}
	return d.Layout, nil
}

// encode returns the entry of a layout that is loaded now.
func encode(now time.Time, l *layout.Layout) (entry, error) {
	text, err := json.Marshal(document{fileVersion, l})
	if err != nil {
		return entry{}, err
	}
	return entry{
		file: now.UTC().Truncate(time.Millisecond).Format(fileTime) + fileSuffix,
		from: now.UnixMilli(), text: append(text, '\n'), layout: l, plan: planOf(l),
	}, nil
}

// remove deletes a file that may be gone already.
func remove(dir, name string) error {
	if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return state.SyncDir(dir)
}
