package watch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A Ledger remembers on disk what was handed to the pager and has not been
// resolved, so that the first healthy sample after a restart resolves it, and
// what never fired is not mentioned. It is not safe for concurrent use.
type Ledger struct {
	path   string
	firing map[string]bool // by subject
}

// OpenLedger reads the ledger at path; a file that is not there is an empty one.
// The error says why it cannot be read.
func OpenLedger(path string) (*Ledger, error) {
	l := &Ledger{path: path, firing: map[string]bool{}}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what was firing: %w", err)
	}
	var subjects []string
	if err := json.Unmarshal(data, &subjects); err != nil {
		return nil, fmt.Errorf("read what was firing: %s: %w; move the file away to start without it", path, err)
	}
	for _, s := range subjects {
		l.firing[s] = true
	}
	return l, nil
}

// Note takes in a change and tells whether the pager must hear of it: of what
// fires, of what is resolved, and of what has settled if it fired before a
// restart. The error says why the ledger could not be written; the answer holds
// all the same.
func (l *Ledger) Note(c Change) (tell bool, err error) {
	subject := strings.Join([]string{c.Alert, c.Severity, c.ShelfID(), strconv.Itoa(c.Slot), c.Probe}, " ")
	switch {
	case c.Event == Updated, c.Event == Settled && !l.firing[subject]:
		return false, nil
	case c.Event == Fired:
		l.firing[subject] = true
	default:
		delete(l.firing, subject)
	}
	return true, l.write()
}

// write replaces the file as a whole, synced, so that a power cut leaves the old
// one or the new one.
func (l *Ledger) write() error {
	data, err := json.Marshal(slices.Sorted(maps.Keys(l.firing)))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(l.path), 0o755); err != nil {
		return fmt.Errorf("keep what is firing: %w", err)
	}
	file, err := os.Create(l.path + ".new")
	if err != nil {
		return fmt.Errorf("keep what is firing: %w", err)
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("keep what is firing: %w", err)
	}
	return os.Rename(l.path+".new", l.path)
}
