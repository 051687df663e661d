package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHeatmapDrawsASpanOfARecordingAsAMovingPicture(t *testing.T) {
	needs(t)
	layout, recording := record(t)
	draw := func(file string, more ...string) (int, string) {
		args := append([]string{"heatmap", "--shelf", "hex/a1/s3", "--from", "2026-01-01T00:05:00Z", "--layout", layout, "--readings", recording, "-o", file}, more...)
		status, _, stderr := call(t, args...)
		return status, stderr
	}
	begins := map[string]string{
		"span.gif":  "GIF89a",
		"span.png":  "\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x01\x2c",
		"span.json": `{"shelf":"hex/a1/s3","layer":"soc","first":"2026-01-01T00:07:30Z","step":150,"frames":4,`,
	}
	for name, want := range begins {
		file := filepath.Join(t.TempDir(), name)
		if status, stderr := draw(file, "--to", "2026-01-01T00:15:00Z", "--frames", "4", "--layer", "soc", "--width", "300"); status != 0 {
			t.Fatalf("%s: status %d: %s", name, status, stderr)
		}
		data, err := os.ReadFile(file)
		if err != nil || !strings.HasPrefix(string(data), want) {
			t.Errorf("%s begins with %.90q, want %q (%v)", name, data, want, err)
		}
	}
	file := filepath.Join(t.TempDir(), "x.gif")
	wrong := map[string][]string{
		"--frames: want 1 to 1500":   {"--frames", "0"},
		"--from: is not before to":   {"--to", "2026-01-01T00:05:00Z"},
		"--to: \"soon\" is neither":  {"--to", "soon"},
		"ends in none of .png":       {"-o", file + ".svg"},
		"width 20: want 200 to 4000": {"--width", "20"},
		"want air, soc, poe, delta":  {"--layer", "moon"},
	}
	for want, flags := range wrong {
		if status, stderr := draw(file, flags...); status == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%v: status %d, %s, want %q", flags, status, stderr, want)
		}
	}
}
