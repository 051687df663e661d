// Package demo is what `thermarack-collector demo` adds to a collector: a
// simulated shelf, its story, and a receiver that prints its pages.
package demo

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Speed is how much faster than the world the demo runs unless told otherwise:
// its story of nine hours takes a little over two minutes.
const Speed = 240

//go:embed files
var files embed.FS

// Write puts the demo's layout, the CSV file that it names and its scenario
// into dir, over earlier ones, and returns the paths of layout and scenario.
func Write(dir string) (layout, scenario string, err error) {
	names, err := files.ReadDir("files")
	if err != nil {
		return "", "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", "", fmt.Errorf("make the demo's directory: %w", err)
	}
	for _, name := range names {
		data, err := files.ReadFile("files/" + name.Name())
		if err != nil {
			return "", "", err
		}
		if err := os.WriteFile(filepath.Join(dir, name.Name()), data, 0o644); err != nil {
			return "", "", fmt.Errorf("write the demo's files: %w", err)
		}
	}
	return filepath.Join(dir, "layout.yaml"), filepath.Join(dir, "scenario.yaml"), nil
}

// Interval returns the sampling interval of simulated Pis at a speed: 10 s, or
// as many times 10 s as it takes that no Pi sends more than four packs a second
// of the world's time.
func Interval(speed float64) time.Duration {
	const base = 10 * time.Second
	steps := max(1, int(speed*0.25/base.Seconds()+0.999))
	return time.Duration(steps) * base
}
