package emc2305_test

import (
	"context"
	"fmt"

	"thermarack/hardware/emc2305"
)

func Example() {
	bus := newChip(0x36) // on a Pi: i2c.Open(1)
	bus.turn(0, 255, 1638)
	bus.turn(1, 255, 0x1fff)
	fans, err := emc2305.New(bus, 0x2f).Sense(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, f := range fans {
		fmt.Printf("fan %d: %.0f RPM at %.0f %%, stalled %t\n", i+1, f.Speed*60, f.Duty*100, f.Stalled)
	}
	// Output:
	// fan 1: 4801 RPM at 100 %, stalled false
	// fan 2: 0 RPM at 100 %, stalled true
}
