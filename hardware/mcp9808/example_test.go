package mcp9808_test

import (
	"context"
	"fmt"

	"thermarack/hardware/i2c/i2ctest/parts"
	"thermarack/hardware/mcp9808"
)

func Example() {
	bus := parts.Bus{0x18: parts.NewMCP9808(-25.25)} // on a Pi: i2c.Open(1)
	celsius, err := mcp9808.New(bus, mcp9808.Addresses()[0]).Sense(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.4f °C\n", celsius)
	// Output: -25.2500 °C
}
