//go:build linux

package backup_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"thermarack/collector/internal/backup"
	"thermarack/collector/internal/powercut"
	"thermarack/collector/internal/powercut/powercuttest"
)

func TestARestoreIsThereWhenThePowerGoesRightAfterIt(t *testing.T) {
	t.Parallel()
	d := kept(t)
	d.Store = nil
	disk, dir := powercut.New(), filepath.Join("new", "place", "data")
	if _, err := backup.Restore(t.Context(), bytes.NewReader(archive(t, d)), filepath.Join(powercuttest.Mount(t, disk), dir)); err != nil {
		t.Fatal(err)
	}
	if got := state(t, filepath.Join(powercuttest.Cut(t, disk), dir)); got["pager/nflog"] != "told" {
		t.Errorf("left is %v", got)
	}
}
