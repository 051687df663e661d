package bme280_test

import (
	"context"
	"fmt"

	"thermarack/hardware/bme280"
)

func Example() {
	bus := newPart(0x60) // on a Pi: i2c.Open(1)
	match, err := bme280.Identify(bus, 0x76)
	if err != nil {
		fmt.Println(err)
		return
	}
	sample, err := bme280.New(bus, 0x76).Sense(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: %.2f °C, %.1f hPa, %.1f %%RH\n", match.Part, sample.Celsius, sample.Pascals/100, sample.Humidity)
	// Output: BME280: 25.08 °C, 1006.5 hPa, 44.8 %RH
}
