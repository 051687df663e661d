package sim_test

import (
	"fmt"
	"testing"
	"time"

	"thermarack/hardware/sim"
)

// Both fans of a shelf stop; how long is left, and how warm is it by then?
func Example() {
	shelf, err := sim.New(sim.Config{
		Params: sim.Nominal(12, 9).Quiet(),
		Probes: []sim.Probe{{Name: "h1", X: 0.5, Y: 1}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	stopped := false
	for fan := 1; fan <= 2; fan++ {
		if err := shelf.Apply(sim.Event{Fan: fan, Running: &stopped}); err != nil {
			fmt.Println(err)
			return
		}
	}
	minutes, ok := shelf.MinutesToCritical(48, 24*time.Hour)
	fmt.Printf("critical in %.1f h, %v\n", minutes/60, ok)

	shelf.AdvanceTo(time.Hour)
	celsius, fault := shelf.Probe(0)
	fmt.Printf("after an hour %.1f °C, fault %q\n", celsius, fault)
	// Output:
	// critical in 5.9 h, true
	// after an hour 37.8 °C, fault ""
}

// One step of 108 boards and eight probes.
func BenchmarkStep(b *testing.B) {
	s := newShelf(b, nominal(1))
	apply(b, s, running(1, false), running(2, false)) // still air is the dearer half
	b.ReportAllocs()
	elapsed := time.Duration(0)
	for b.Loop() {
		elapsed += 10 * time.Second
		s.AdvanceTo(elapsed)
	}
}
