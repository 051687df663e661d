package onewire_test

import (
	"context"
	"fmt"
	"testing/fstest"

	"thermarack/hardware/fault"
	"thermarack/hardware/onewire"
)

func Example() {
	root := fstest.MapFS{ // os.DirFS("/") on a Pi
		"sys/bus/w1/devices/28-0000055f311a/w1_slave": {Data: []byte("91 01 4b 46 7f ff 0f 10 25 : crc=25 YES\n91 01 4b 46 7f ff 0f 10 25 t=25062\n")},
		"sys/bus/w1/devices/28-0000055f311b/w1_slave": {Data: []byte("ff ff ff ff ff ff ff ff ff : crc=c9 NO\n91 01 4b 46 7f ff 0f 10 25 t=-62\n")},
	}
	slaves, err := onewire.Slaves(root)
	if err != nil {
		fmt.Println(err)
	}
	reader := onewire.NewReader(root, nil)
	for _, s := range slaves {
		celsius, err := reader.Read(context.Background(), s)
		if why, ok := fault.Of(err); ok {
			fmt.Println(s.ROM, "is broken:", why)
			continue
		}
		fmt.Println(s.ROM, s.ROM.Part(), celsius)
	}
	// Output:
	// 281a315f050000b4 DS18B20 25.0625
	// 281b315f05000083 is broken: floating
}
