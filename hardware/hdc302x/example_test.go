package hdc302x_test

import (
	"context"
	"fmt"

	"thermarack/hardware/hdc302x"
	"thermarack/hardware/i2c/i2ctest/parts"
)

func Example() {
	bus := parts.Bus{0x44: parts.NewHDC302x(24.25, 38.5)} // on a Pi: i2c.Open(1)
	sample, err := hdc302x.New(bus, hdc302x.Addresses()[0]).Sense(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f °C, %.1f %%RH\n", sample.Celsius, sample.Humidity)
	// Output: 24.25 °C, 38.5 %RH
}
