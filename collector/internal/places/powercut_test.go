//go:build linux

package places_test

import (
	"path/filepath"
	"testing"

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
