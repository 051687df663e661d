package heatmap_test

import (
	"io"
	"testing"

	"thermarack/collector/internal/heatmap"
)

// BenchmarkMap draws 108 slots with 12 probes from their latest state. On one
// core of a server that should take 0.3 ms as JSON, 1 ms as SVG and 15 ms as PNG,
// what is computed included.
func BenchmarkMap(b *testing.B) {
	state := warmShelf(true, 0, 0.5, 1)
	for name, write := range map[string]func(*heatmap.Map) error{
		"new":  func(*heatmap.Map) error { return nil },
		"json": func(m *heatmap.Map) error { return m.WriteJSON(io.Discard) },
		"svg":  func(m *heatmap.Map) error { return heatmap.WriteSVG(io.Discard, m, heatmap.Look{Numbers: true}) },
		"png":  func(m *heatmap.Map) error { return heatmap.WritePNG(io.Discard, m, heatmap.Look{Width: 800}) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := write(mustNew(b, state, heatmap.Air)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
