package tsdb

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// A disk is a directory with a log, and what a syncer did to it.
type disk struct {
	*syncer
	synced []string // paths below the directory, in order
	above  []string // paths above it, in order
	fail   error    // of every sync from now on
}

func newDisk(t *testing.T) *disk {
	t.Helper()
	d := &disk{syncer: newSyncer(t.TempDir(), "wal", "wbl")}
	for _, log := range d.logs {
		if err := os.Mkdir(log.dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	d.fsync = func(path string) error {
		if d.fail != nil {
			return d.fail
		}
		rel, err := filepath.Rel(d.root, path)
		if strings.HasPrefix(rel, "..") {
			d.above = append(d.above, path)
		} else {
			d.synced = append(d.synced, rel)
		}
		return errors.Join(err, fsync(path))
	}
	return d
}

// write appends a byte to a file.
func (d *disk) write(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		f, err := os.OpenFile(filepath.Join(d.root, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// syncs syncs and compares what that touched.
func (d *disk) syncs(t *testing.T, want ...string) {
	t.Helper()
	d.synced = nil
	if err := d.Sync(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, d.synced, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("synced (-want +got):\n%s", diff)
	}
}

func TestTheFirstSyncTakesEverything(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	d.write(t, "wal/00000007", "wal/00000008", "wal/00000009", "wbl/00000000")
	d.syncs(t, "wal/00000007", "wal/00000008", "wal/00000009", "wal", ".", "wbl/00000000", "wbl", ".")
	d.syncs(t)
}

func TestTheFirstSyncTakesTheNamesThatLeadToTheDirectory(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	d.syncer.root = filepath.Join(d.root, "made", "for", "it")
	d.syncer.logs = []*segmented{{dir: filepath.Join(d.root, "wal"), last: -1}}
	if err := os.MkdirAll(d.logs[0].dir, 0o700); err != nil {
		t.Fatal(err)
	}
	d.write(t, "wal/00000000")
	d.syncs(t, "wal/00000000", "wal", ".")
	want := []string{filepath.Dir(d.root), filepath.Dir(filepath.Dir(d.root)), filepath.Dir(filepath.Dir(filepath.Dir(d.root)))}
	if len(d.above) < 3 || !cmp.Equal(d.above[:3], want) {
		t.Errorf("synced above %s: %q, want %q first", d.root, d.above, want)
	}
	d.above = nil
	d.write(t, "wal/00000000")
	d.syncs(t, "wal/00000000")
	if d.above != nil {
		t.Errorf("synced %q again", d.above)
	}
}

func TestASyncTouchesOnlyWhatHasGrown(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	d.write(t, "wal/00000000", "wal/00000001", "wbl/00000000")
	d.syncs(t, "wal/00000000", "wal/00000001", "wal", ".", "wbl/00000000", "wbl", ".")
	d.write(t, "wal/00000001")
	d.syncs(t, "wal/00000001")
	d.write(t, "wbl/00000000")
	d.syncs(t, "wbl/00000000")
	d.syncs(t)
}

func TestASegmentThatEndedSinceIsSyncedWithItsSuccessors(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	d.write(t, "wal/00000004")
	d.syncs(t, "wal/00000004", "wal", ".")
	d.write(t, "wal/00000004", "wal/00000005", "wal/00000006")
	d.syncs(t, "wal/00000004", "wal/00000005", "wal/00000006", "wal")
	d.write(t, "wal/00000006", "wal/00000007")
	d.syncs(t, "wal/00000006", "wal/00000007", "wal")
}

func TestCheckpointsAndDeletedSegmentsAreLeftAlone(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	d.write(t, "wal/00000004", "wal/checkpoint.00000003")
	d.syncs(t, "wal/00000004", "wal", ".")
	if err := os.Remove(filepath.Join(d.root, "wal/00000004")); err != nil {
		t.Fatal(err)
	}
	d.syncs(t)
	d.write(t, "wal/00000005")
	d.syncs(t, "wal/00000005", "wal")
}

func TestASegmentMayVanishWhileItIsSynced(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	d.write(t, "wal/00000004", "wal/00000005")
	sync := d.fsync
	d.fsync = func(path string) error {
		if filepath.Base(path) == "00000004" {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
		return sync(path)
	}
	if err := d.Sync(); err != nil {
		t.Errorf("Sync: %v", err)
	}
}

func TestWhatCouldNotBeSyncedIsTriedAgain(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	d.write(t, "wal/00000000")
	d.syncs(t, "wal/00000000", "wal", ".")
	d.write(t, "wal/00000000", "wal/00000001")
	d.fail = errors.New("bad block")
	if err := d.Sync(); !errors.Is(err, d.fail) {
		t.Errorf("err = %v, want %v", err, d.fail)
	}
	d.fail = nil
	d.syncs(t, "wal/00000000", "wal/00000001", "wal")
}

func TestAMissingLogIsAnError(t *testing.T) {
	t.Parallel()
	if err := newSyncer(t.TempDir(), "wal").Sync(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("err = %v, want fs.ErrNotExist", err)
	}
}
