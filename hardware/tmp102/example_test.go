package tmp102_test

import (
	"context"
	"fmt"

	"thermarack/hardware/i2c/i2ctest/parts"
	"thermarack/hardware/tmp102"
)

func Example() {
	bus := parts.Bus{0x48: parts.NewTMP102(-3.75)} // on a Pi: i2c.Open(1)
	celsius, err := tmp102.New(bus, tmp102.Addresses()[0]).Sense(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.4f °C\n", celsius)
	// Output: -3.7500 °C
}
