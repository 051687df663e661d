package aht20_test

import (
	"context"
	"fmt"

	"thermarack/hardware/aht20"
	"thermarack/hardware/i2c/i2ctest"
)

func Example() {
	bus := i2ctest.Func(func(_ uint16, _, r []byte) error { // on a Pi: i2c.Open(1)
		copy(r, mild[:])
		return nil
	})
	sample, err := aht20.New(bus, aht20.Addresses()[0]).Sense(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f °C, %.1f %%RH\n", sample.Celsius, sample.Humidity)
	// Output: 19.45 °C, 45.8 %RH
}
