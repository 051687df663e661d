package heatmap_test

import (
	"io"
	"testing"

	"thermarack/collector/internal/heatmap"
)

// On one core of a server, 108 slots with 12 probes should take about: New a few
// ms, JSON 0.3 ms, SVG 1 ms, PNG 15 ms.
func BenchmarkMap(b *testing.B) {
	state := warmShelf(true, 0, 0.5, 1)
	m := mustNew(b, state, heatmap.Air)
	for name, run := range map[string]func() error{
		"new":  func() error { _, err := heatmap.New(state, heatmap.Air); return err },
		"json": func() error { return m.WriteJSON(io.Discard) },
		"svg":  func() error { return heatmap.WriteSVG(io.Discard, m, heatmap.Look{Numbers: true}) },
		"png":  func() error { return heatmap.WritePNG(io.Discard, m, heatmap.Look{Width: 800}) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
