package footprint_test

import (
	"context"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"thermarack/collector/internal/footprint"
)

func TestThePercentFallsAsTheHeapGrows(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		live     uint64
		switches int
		want     int
	}{
		{"48 MiB may double", 48 << 20, 0, 100},
		{"192 MiB get 48", 192 << 20, 0, 25},
		{"240 MiB get 48", 240 << 20, 0, 20},
		{"240 MiB with 576 switches get 192", 240 << 20, 576, 80},
		{"2 GiB get a tenth", 2 << 30, 0, 10},
		{"a terabyte too", 1 << 40, 0, 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := footprint.Percent(tt.live, footprint.Headroom(tt.switches)); got != tt.want {
				t.Errorf("got %d %%, want %d", got, tt.want)
			}
		})
	}
	for _, small := range []uint64{0, 1, 1 << 20} {
		if got := footprint.Percent(small, footprint.Headroom(0)); got < 100 {
			t.Errorf("%d bytes get %d %%, want no bound of ours", small, got)
		}
	}
}

// It sets what all of the process has, and so runs alone.
func TestRunSetsWhatIsLiveAndPutsItBack(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	needed := make([]byte, 256<<20) // zero pages need no memory until they are written
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- footprint.Run(ctx, footprint.Headroom(0)) }()
		synctest.Wait()
		debug.FreeOSMemory() // counts what is live
		<-time.After(1500 * time.Millisecond)
		synctest.Wait()
		if now := debug.SetGCPercent(50); now < 12 || now > 18 {
			t.Errorf("with 256 MiB live it is %d %%, want about 18", now)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	if after := debug.SetGCPercent(100); after != 100 {
		t.Errorf("it leaves %d %%, want what was before", after)
	}
	needed[0]++ // live until here
}
