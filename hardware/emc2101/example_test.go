package emc2101_test

import (
	"context"
	"fmt"

	"thermarack/hardware/emc2101"
)

func Example() {
	bus := running() // on a Pi: i2c.Open(1)
	s, err := emc2101.New(bus, 0x4c).Sense(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("chip %.0f °C, diode %.3f °C, %.0f RPM at %.0f %%\n", s.Internal, s.External, s.Speed*60, s.Duty*100)
	// Output: chip 41 °C, diode 36.625 °C, 4500 RPM at 100 %
}
