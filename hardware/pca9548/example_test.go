package pca9548_test

import (
	"fmt"

	"thermarack/hardware/i2c"
	"thermarack/hardware/i2c/i2ctest"
	"thermarack/hardware/pca9548"
)

func Example() {
	var control byte
	bus := i2ctest.Func(func(addr uint16, w, r []byte) error { // i2c.Open(1) on a Pi
		switch {
		case addr == 0x70 && len(w) > 0:
			control = w[0]
		case addr == 0x70:
			r[0] = control
		case addr == 0x48 && control == 1<<0:
			copy(r, []byte{0x19, 0x10})
		case addr == 0x48 && control == 1<<6:
			copy(r, []byte{0x2a, 0x80})
		default:
			return i2ctest.NoAck
		}
		return nil
	})
	mux := pca9548.New(bus, 0x70)
	for _, n := range []int{0, 6} { // two TMP102 of one address
		word, err := i2c.ReadRegister(mux.Channel(n), 0x48, 0, 2)
		fmt.Printf("channel %d: % x %v\n", n, word, err)
	}
	_, err := i2c.ReadRegister(mux.Parent(), 0x48, 0, 2)
	fmt.Println("beside it:", err)
	// Output:
	// channel 0: 19 10 <nil>
	// channel 6: 2a 80 <nil>
	// beside it: register 0x00: no-device: nobody answers
}
