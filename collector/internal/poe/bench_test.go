package poe_test

import (
	"testing"

	"thermarack/collector/internal/poe"
)

// BenchmarkRead is what a poll of 48 ports, all of it read, takes without a network.
func BenchmarkRead(b *testing.B) {
	src := full(b)
	r := reader(b, src, poe.Auto)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Read(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
