//go:build linux

package places_test

import (
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"thermarack/collector/internal/powercut"
	"thermarack/collector/internal/powercut/powercuttest"
)

func TestALayoutIsKeptWhenThePowerGoesRightAfterTheFirstStart(t *testing.T) {
	t.Parallel()
	disk := powercut.New()
	open(t, filepath.Join(powercuttest.Mount(t, disk), "data", "layouts"), shelf(t, oldProbe, 1), 0)
	left := open(t, filepath.Join(powercuttest.Cut(t, disk), "data", "layouts"), nil, 0)
	if left.At(s3, noon) == nil {
		t.Error("the layout is gone")
	}
}

// The power goes before every single operation of some changes: what Place has told
// is there, or something newer.
func TestWhoStandsWhereIsKeptWhenThePowerGoes(t *testing.T) {
	t.Parallel()
	steps := []string{"1=7", "1=7 2=8", "2=7 1=8", "3=7 1=8"}
	for luck := range uint64(3) {
		for operation, done := int64(0), false; !done; operation++ {
			disk, count := powercut.New(), new(atomic.Int64)
			var survives *rand.Rand
			if luck > 0 {
				survives = rand.New(rand.NewPCG(luck, uint64(operation)))
			}
			h := open(t, filepath.Join(powercuttest.Mount(t, disk), "layouts"), fed(t), 0)
			disk.CutAt(survives, func(powercut.Operation) bool { return count.Add(1) > operation })
			told := 0
			for told < len(steps) && h.Place(noon.Add(time.Duration(told)*time.Minute), behind(t, steps[told])) == nil {
				told++
			}
			done = count.Load() <= operation
			if err := disk.Unmount(); err != nil {
				t.Fatal(err)
			}
			disk.CutAt(nil, nil)
			got := open(t, filepath.Join(powercuttest.Mount(t, disk), "layouts"), nil, time.Hour).Placed()
			if err := disk.Unmount(); err != nil {
				t.Fatal(err)
			}
			known := append([]string{""}, steps...)[told:min(told+2, len(steps)+1)]
			if !slices.ContainsFunc(known, func(step string) bool { return maps.Equal(got, behind(t, step)) }) {
				t.Errorf("operation %d, luck %d: told %d, and left %v", operation, luck, told, got)
			}
		}
	}
}
