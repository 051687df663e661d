package tmp117_test

import (
	"context"
	"fmt"

	"thermarack/hardware/i2c/i2ctest/parts"
	"thermarack/hardware/tmp117"
)

func Example() {
	bus := parts.Bus{0x48: parts.NewTMP117(21.5078125)} // on a Pi: i2c.Open(1)
	celsius, err := tmp117.New(bus, tmp117.Addresses()[0]).Sense(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.4f °C\n", celsius)
	// Output: 21.5078 °C
}
