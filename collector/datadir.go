package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/prometheus/prometheus/tsdb/fileutil"

	"thermarack/collector/internal/backup"
	"thermarack/collector/internal/recording"
	"thermarack/collector/internal/state"
	"thermarack/collector/internal/web"
)

// errInUse reports a data directory that a collector, or a command, has open.
var errInUse = errors.New("in use by another process")

// A claim is the right to a data directory, of which there is one at a time.
type claim struct {
	dir  string
	lock fileutil.Releaser
}

// claimData makes the directory if it is missing, and takes it. The error wraps
// errInUse while another process has it. The kernel takes a claim back from a
// process that has ended, however it ended.
func claimData(dir string) (*claim, error) {
	if err := state.MakeDir(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	lock, _, err := fileutil.Flock(filepath.Join(dir, backup.LockFile))
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, fmt.Errorf("data directory %s is %w: stop that one, or give this one a directory of its own with --data", dir, errInUse)
	case err != nil:
		return nil, fmt.Errorf("lock the data directory %s: %w", dir, err)
	}
	return &claim{dir, lock}, nil
}

// tell leaves our addresses in the directory, for commands that need a running
// collector to do their work.
func (c *claim) tell(a addresses) error {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if err := state.Replace(filepath.Join(c.dir, backup.AddressesFile), text); err != nil {
		return fmt.Errorf("leave the addresses in the data directory: %w", err)
	}
	return nil
}

// release gives the directory back.
func (c *claim) release() error {
	err := os.Remove(filepath.Join(c.dir, backup.AddressesFile))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, c.lock.Release())
}

// readAddresses returns what the collector that runs on a directory has told.
func readAddresses(dir string) (addresses, error) {
	var a addresses
	text, err := os.ReadFile(filepath.Join(dir, backup.AddressesFile))
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	if err != nil {
		return a, fmt.Errorf("find the collector that runs on %s: %w; it may be starting or stopping", dir, err)
	}
	return a, nil
}

// backup returns what archives the data directory.
func (s openStore) backup(dir string) web.Backup {
	d := backup.Directory{Path: dir, Program: builtVersion()}
	if s.embedded != nil {
		d.Store = s.embedded
	}
	return d.WriteBackup
}

// recording returns what makes recordings of the readings; nil when they are on a
// server.
func (s openStore) recording() web.Recording {
	if s.embedded == nil {
		return nil
	}
	return func(ctx context.Context, w io.Writer, from, to time.Time) error {
		return recording.WriteStored(ctx, w, s.embedded, from, to)
	}
}
