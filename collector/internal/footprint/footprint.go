// Package footprint keeps the memory of a large collector near what it needs.
package footprint

import (
	"context"
	"math"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// headroom is how much garbage, in bytes, may gather beside what is needed. A
	// collector of a thousand agents has it anyway; one of ten thousand would
	// have eight times as much, to save collections that cost it little.
	headroom = 48 << 20

	// poll is what each switch adds to that: with 500 of them, of 48 ports, 300 MB
	// are live, and polls leave 20 MB of garbage a second. Without it a collection
	// came after every two seconds, and they took two thirds of the CPU.
	poll = 256 << 10

	least = 10 // percent; less would be one collection after the other
	every = time.Second
)

// Headroom returns how much garbage may gather in a collector that polls so many
// switches, in bytes.
func Headroom(switches int) uint64 { return headroom + uint64(switches)*poll }

// Percent returns by how many percent of live bytes the heap may grow until the
// next garbage collection: by headroom, in bytes, but at least by 10 %.
func Percent(live, headroom uint64) int {
	if live == 0 {
		return math.MaxInt32
	}
	return max(least, int(min(100*headroom/live, math.MaxInt32)))
}

// Run holds the garbage collector to Percent of what is live, stacks included,
// until ctx ends, and returns nil. GOGC bounds it from above, and turns it off.
func Run(ctx context.Context, headroom uint64) error {
	most := debug.SetGCPercent(100) // the only way to ask
	defer debug.SetGCPercent(most)
	debug.SetGCPercent(most)
	if most < 0 {
		return nil
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for set := most; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		metrics.Read(live)
		if now := min(most, Percent(live[0].Value.Uint64()+live[1].Value.Uint64(), headroom)); now != set {
			debug.SetGCPercent(now)
			set = now
		}
	}
}
