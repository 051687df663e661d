package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"thermarack/hardware/led"
)

const identifyUsage = `usage: thermarack-agent identify [flags]

Blinks an LED of this board, for whoever stands in front of the rack: the green
one of activity, else the red one of power. Then gives it back. Needs root.

  --root DIR   directory that holds the host's sys and proc (default /)
  --for D      for how long, 1s to 24h (default 30s)
`

func runIdentify(ctx context.Context, args []string, stdout io.Writer) error {
	flags := newFlags(identifyUsage)
	root, duration := flags.root(), flags.Duration("for", 30*time.Second, "")
	if done, err := flags.parse(args, stdout); done || err != nil {
		return err
	}
	if *duration < time.Second || *duration > 24*time.Hour {
		return flags.wrong(fmt.Errorf("--for %v is not within 1s to 24h", *duration))
	}
	host, err := openHost(*root)
	if err != nil {
		return err
	}
	writable, err := os.OpenRoot(*root)
	if err != nil {
		return fmt.Errorf("open root: %w", err)
	}
	defer writable.Close()
	light, err := led.Find(writable)
	if err != nil {
		return err
	}
	name := "this board"
	if node, err := host.node(""); err == nil {
		name = string(node)
	}
	if _, err := fmt.Fprintf(stdout, "blinking the LED %s of %s for %v\n", light.Name, name, *duration); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, *duration)
	defer cancel()
	return explainBlink(light.Blink(limited))
}

// explainBlink says what to do about an LED that may not be written.
func explainBlink(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: run it as root, with sudo", err)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: run it on the host, not in a container whose /sys is read-only", err)
	}
	return err
}
