package sysfs_test

import (
	"fmt"
	"testing/fstest"

	"thermarack/hardware/sysfs"
)

func Example() {
	root := fstest.MapFS{ // os.DirFS("/") on a Pi
		"sys/class/thermal/thermal_zone0/type": {Data: []byte("cpu-thermal\n")},
		"sys/class/thermal/thermal_zone0/temp": {Data: []byte("48312\n")},
		"sys/class/hwmon/hwmon2/name":          {Data: []byte("pwmfan\n")},
		"sys/class/hwmon/hwmon2/pwm1":          {Data: []byte("102\n")},
		"sys/class/hwmon/hwmon2/fan1_input":    {Data: []byte("unplugged\n")},
	}
	zones, err := sysfs.Zones(root)
	if err != nil {
		fmt.Println(err)
	}
	for _, z := range zones {
		fmt.Println(z.Type, z.Celsius, "°C")
	}
	chips, err := sysfs.Chips(root)
	if err != nil {
		fmt.Println(err)
	}
	for _, c := range chips {
		for _, s := range c.Sensors {
			fmt.Println(c.Name, s.Kind, s.Index, s.Value, s.Err)
		}
	}
	// Output:
	// cpu-thermal 48.312 °C
	// pwmfan fan 1 0 sysfs: sys/class/hwmon/hwmon2/fan1_input: "unplugged" is not an integer of 64 bits
	// pwmfan pwm 1 0.4 <nil>
}
