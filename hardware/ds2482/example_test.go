package ds2482_test

import (
	"context"
	"fmt"

	"thermarack/hardware/ds2482"
	"thermarack/hardware/ds2482/ds2482test"
	"thermarack/hardware/fault"
)

func Example() {
	bus := ds2482test.New(0x18, &ds2482test.Line{ // i2c.Open(1) on a Pi
		Probes: []*ds2482test.Probe{
			{ROM: ds2482test.NewROM(0x28, 0x055f311a), Celsius: 25.0625},
			{ROM: ds2482test.NewROM(0x28, 0x055f311b), Celsius: 24.5, Deaf: true},
		},
	})
	match, err := ds2482.Identify(bus, 0x18)
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(match.Part)
	bridge := ds2482.New(bus, 0x18)
	probes, err := bridge.Search(context.Background())
	if err != nil {
		fmt.Println(err) // the probes of the other lines are good
	}
	for _, r := range bridge.ReadAll(context.Background(), probes) {
		if why, ok := fault.Of(r.Err); ok {
			fmt.Println(r.Probe.ROM, "is broken:", why)
			continue
		}
		fmt.Println(r.Probe.ROM, r.Probe.ROM.Part(), r.Celsius)
	}
	// Output:
	// DS2482-100
	// 281a315f050000b4 DS18B20 25.0625
	// 281b315f05000083 is broken: power-on
}
