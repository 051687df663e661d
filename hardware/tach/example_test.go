package tach_test

import (
	"context"
	"fmt"
	"time"

	"thermarack/hardware/tach"
)

// The fan's yellow wire is on GPIO 17, pin 11 of the header.
func Example() {
	line, err := tach.OpenPin(17)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer line.Close()
	sample, err := tach.New(line, tach.Options{}).Sense(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.0f RPM, %v\n", sample.Speed*60, sample.Phase)
}

func ExampleSpeed() {
	var train tach.Train
	for i := range 100 {
		train.Edges = append(train.Edges, time.Duration(i)*10*time.Millisecond)
	}
	speed, glitches, err := tach.Speed(train, 2)
	fmt.Printf("%.0f RPM, %d glitches, %v\n", speed*60, glitches, err)
	// Output: 3000 RPM, 0 glitches, <nil>
}
