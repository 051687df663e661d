package compact_test

import (
	"fmt"

	"thermarack/agent/internal/outbox/compact"
)

func ExampleSplit() {
	skeleton, numbers := compact.Split([]byte(`[{"bt":1767355210,"n":"h1:temperature","v":26.0625}]`))
	fmt.Printf("%q\n%x\n", skeleton, numbers)
	pack, err := compact.Join(skeleton, numbers)
	fmt.Printf("%s %v\n", pack, err)
	// Output:
	// "[{\"bt\":\x00,\"n\":\"h1:temperature\",\"v\":\x00}]"
	// 1767355210f26c0625f0
	// [{"bt":1767355210,"n":"h1:temperature","v":26.0625}] <nil>
}
