package onewire_test

import (
	"fmt"
	"testing"
	"time"

	"thermarack/hardware/onewire"
	"thermarack/hardware/onewire/w1test"
)

// BenchmarkRound reads n thermometers of 12 bits on one bus, in real time
// against the fake of the kernel: in bulk and beside each other as a Reader does
// it, and one after another as a plain loop over the files does. Beside what a
// round took stands the goal; what is not waiting shows as allocations.
func BenchmarkRound(b *testing.B) {
	ways := []struct {
		name  string
		bulk  bool
		goal  func(n int) time.Duration
		round func(*testing.B, *onewire.Reader, []*w1test.Probe)
	}{
		{"bulk", true, func(n int) time.Duration { return conversion + time.Duration(n)*20*time.Millisecond }, together},
		{"beside", false, func(n int) time.Duration { return conversion + time.Duration(n)*35*time.Millisecond }, together},
		{"one-by-one", false, nil, inTurn},
	}
	for _, way := range ways {
		for _, n := range []int{1, 5, 10, 20} {
			b.Run(fmt.Sprint(way.name, "/", n), func(b *testing.B) {
				k := w1test.New()
				_, probes := shelf(k, n, w1test.Options{})
				r := onewire.NewReader(k, nil)
				if way.bulk {
					r = onewire.NewReader(k, k)
				}
				if way.goal != nil {
					way.round(b, r, probes) // asks once for the power or the conversion time
				}
				b.ReportAllocs()
				for b.Loop() {
					way.round(b, r, probes)
				}
				b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/round")
				if way.goal != nil {
					b.ReportMetric(way.goal(n).Seconds(), "goal-s")
				}
			})
		}
	}
}

// conversion is that of 12 bits.
const conversion = 750 * time.Millisecond

func together(b *testing.B, r *onewire.Reader, probes []*w1test.Probe) {
	for i, a := range round(b.Context(), r, probes) {
		if a.reason != "" {
			b.Fatalf("probe %d: %+v", i, a)
		}
	}
}

func inTurn(b *testing.B, r *onewire.Reader, probes []*w1test.Probe) {
	for i := range probes {
		together(b, r, probes[i:i+1])
	}
}
