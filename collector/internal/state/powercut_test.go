//go:build linux

package state_test

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"thermarack/collector/internal/powercut"
	"thermarack/collector/internal/powercut/powercuttest"
	"thermarack/collector/internal/state"
)

// The power goes before every single operation of three writes, and what was not
// synced goes with it, or some of it: what Write has told is there, or something
// newer, and whole.
func TestAPowerCutLeavesTheOldDocumentOrTheNew(t *testing.T) {
	t.Parallel()
	for survives := range uint64(6) {
		for operation := 0; ; operation++ {
			done, told := cutAt(t, operation, survives)
			if done && told < 3 {
				t.Fatalf("%d documents written with the power on, want 3", told)
			}
			if done {
				t.Logf("%d operations, luck %d", operation, survives)
				break
			}
		}
	}
}

// cutAt writes until the operation of that number is cut off, and checks what is
// left. done is true when there were fewer operations. luck 0 loses all that was
// not synced.
func cutAt(t *testing.T, operation int, luck uint64) (done bool, told int) {
	t.Helper()
	disk, count := powercut.New(), 0
	var survives *rand.Rand
	if luck > 0 {
		survives = rand.New(rand.NewPCG(luck, uint64(operation)))
	}
	disk.CutAt(survives, func(powercut.Operation) bool { count++; return count > operation })
	told = writeThree(filepath.Join(powercuttest.Mount(t, disk), "data", "state"))
	at := disk.Lost().At
	if err := disk.Unmount(); err != nil {
		t.Fatal(err)
	}
	disk.CutAt(nil, nil)
	dir := filepath.Join(powercuttest.Mount(t, disk), "data", "state")
	defer func() {
		if err := disk.Unmount(); err != nil {
			t.Fatal(err)
		}
	}()
	d := newDesk(t, dir)
	_, value, err := state.Open[string](d.dir, "long", 1)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := number(value); err != nil || got < told || d.log.Len() > 0 {
		t.Errorf("cut at %+v, luck %d: document %d (%v) is left, %d was told: %s", at, luck, got, err, told, &d.log)
	}
	return count <= operation, told
}

// writeThree returns how many documents it was told to be on disk.
func writeThree(path string) (told int) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	dir, err := state.OpenDir(path, log, nil)
	if err != nil {
		return 0
	}
	doc, _, err := state.Open[string](dir, "long", 1)
	if err != nil {
		return 0
	}
	for i := 1; i <= 3; i++ {
		if doc.Write(fmt.Sprint(i, strings.Repeat(" x", 10_000-3000*i))) != nil {
			return told
		}
		told = i
	}
	return told
}
