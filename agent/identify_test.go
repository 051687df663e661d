package main

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestIdentifyBlinksAndSaysWhat(t *testing.T) {
	t.Parallel()
	dir := board(t)
	place := filepath.Join(dir, "sys/class/leds/ACT")
	for file, text := range map[string]string{"trigger": "none [mmc0]\n", "brightness": "0\n", "max_brightness": "255\n"} {
		write(t, filepath.Join(place, file), text)
	}
	var out, log bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond) // as if somebody interrupted it
	defer cancel()
	if status := report(run(ctx, []string{"identify", "--root", dir, "--for", "1m"}, &out, &log), &log); status != 0 {
		t.Errorf("status %d, %s", status, log.String())
	}
	if want := "blinking the LED ACT of b827eb000001 for 1m0s\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	if got, err := os.ReadFile(filepath.Join(place, "trigger")); err != nil || strings.TrimSpace(string(got)) != "mmc0" {
		t.Errorf("trigger %q, %v, want mmc0 back", got, err)
	}
}

func TestIdentifySaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"help", []string{"--help"}, 0, "usage: thermarack-agent identify"},
		{"a host without LEDs", []string{"--root", board(t)}, 1, "no LED named ACT, led0, PWR or led1"},
		{"no host", []string{"--root", filepath.Join(t.TempDir(), "none")}, 1, "open root: "},
		{"no time", []string{"--for", "0s"}, 2, "--for 0s is not within 1s to 24h"},
		{"an argument too many", []string{"ACT"}, 2, `unexpected argument "ACT"`},
	}
	for _, tt := range tests {
		status, stdout, stderr := call(t, append([]string{"identify"}, tt.args...)...)
		if status != tt.status || !strings.Contains(stdout+stderr, tt.want) {
			t.Errorf("%s: status %d, %q%q, want %d and %q", tt.name, status, stdout, stderr, tt.status, tt.want)
		}
	}
}

func TestIdentifySaysWhoMayBlink(t *testing.T) {
	t.Parallel()
	for errno, want := range map[syscall.Errno]string{syscall.EACCES: "sudo", syscall.EROFS: "container", syscall.EIO: ""} {
		err := &fs.PathError{Op: "open", Path: "trigger", Err: errno}
		if got := explainBlink(err).Error(); !strings.Contains(got, want) || (want == "") != (got == err.Error()) {
			t.Errorf("%v: %q, want it to name %q", errno, got, want)
		}
	}
}
