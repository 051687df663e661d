package led_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"thermarack/hardware/led"
)

func Example() {
	dir := pi() // "/" on a Pi
	defer os.RemoveAll(dir)
	root, err := os.OpenRoot(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer root.Close()
	light, err := led.Find(root)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond) // 30 s for a person
	defer cancel()
	fmt.Println("blinking", light.Name)
	if err := light.Blink(ctx); err != nil {
		fmt.Println(err)
	}
	// Output: blinking ACT
}

// pi makes the files of a Raspberry Pi's green LED in a directory of their own.
func pi() string {
	dir, err := os.MkdirTemp("", "led")
	if err != nil {
		panic(err)
	}
	place := filepath.Join(dir, "sys/class/leds/ACT")
	if err := os.MkdirAll(place, 0o755); err != nil {
		panic(err)
	}
	for name, text := range map[string]string{"trigger": "none [mmc0]", "brightness": "0", "max_brightness": "255"} {
		if err := os.WriteFile(filepath.Join(place, name), []byte(text), 0o644); err != nil {
			panic(err)
		}
	}
	return dir
}
