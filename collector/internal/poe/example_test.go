package poe_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"thermarack/collector/internal/poe"
	"thermarack/collector/internal/snmp"
)

// A MikroTik with a Pi on its second port.
func ExampleReader() {
	const walked = `1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.14988.1
1.3.6.1.2.1.1.5.0|4|shelf-3
1.3.6.1.2.1.17.1.4.1.2.1|2|2
1.3.6.1.2.1.17.4.3.1.2.184.39.235.0.0.7|2|1
1.3.6.1.2.1.31.1.1.1.1.2|4|ether2
1.3.6.1.4.1.14988.1.1.15.1.1.3.2|2|3
1.3.6.1.4.1.14988.1.1.15.1.1.6.2|2|41
`
	src, err := snmp.ReadRecording(strings.NewReader(walked), "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	reader, err := poe.NewReader(src, poe.Auto)
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := reader.Read(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := poe.WriteText(os.Stdout, s); err != nil {
		fmt.Println(err)
	}
	for mac, location := range poe.Locations(map[string]poe.Switch{"shelf-3": s}) {
		fmt.Println(mac, "is at port", location.Edge[0].Port.Number)
	}
	// Output:
	// shelf-3, read by profile mikrotik
	//
	// PORT  NAME    INDEX  IFINDEX  POE  STATUS           CLASS  WATTS  BEHIND IT
	// 2     ether2  2      2             deliveringPower         4.1    b827eb000007
	// b827eb000007 is at port 2
}
