package lm75_test

import (
	"context"
	"fmt"

	"thermarack/hardware/i2c/i2ctest/parts"
	"thermarack/hardware/lm75"
)

func Example() {
	bus := parts.Bus{0x48: parts.NewLM75(parts.TMP75, 21.4375)} // on a Pi: i2c.Open(1)
	match, err := lm75.Identify(bus, 0x48)
	if err != nil || match.Sure == 0 {
		fmt.Println("no LM75:", err)
		return
	}
	celsius, err := lm75.New(bus, 0x48).Sense(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s (%v): %.4f °C\n", match.Part, match.Sure, celsius)
	// Output: LM75 (likely): 21.4375 °C
}
