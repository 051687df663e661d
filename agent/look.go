package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"thermarack/agent/internal/config"
	"thermarack/agent/internal/sampler"
	"thermarack/agent/internal/scan"
	"thermarack/agent/internal/sensors"
	"thermarack/agent/internal/timekeeper"
)

const scanUsage = `usage: thermarack-agent scan [flags]

Shows every part that is found: part, bus, address, value, time taken, health.
A part without a value says why, and what to do about it.

  --root DIR   directory that holds the host's sys and proc (default /)
  --json       print an array of {"part","bus","address","name","value","unit","took_ms","health"}
  --watch      scan again and again, and point at the part that rises: warm a
               probe with the hand to learn which one it is
`

func runScan(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := newFlags(scanUsage)
	root, json, watch := flags.root(), flags.Bool("json", false, ""), flags.Bool("watch", false, "")
	if done, err := flags.parse(args, stdout); done || err != nil {
		return err
	}
	host, err := openHost(*root)
	if err != nil {
		return err
	}
	node := host.anyNode("", stderr)
	set := sensors.New(host.sensors(node, slog.New(slog.DiscardHandler)))
	find := func() []sensors.Part {
		set.Rescan()
		return set.Parts()
	}
	return scan.Run(ctx, stdout, scan.Options{Root: find, JSON: *json, Watch: *watch, Terminal: isTerminal(stdout)})
}

// isTerminal tells whether somebody looks at w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

const onceUsage = `usage: thermarack-agent once [flags]

Reads every part once and prints one SenML pack, without a broker.

  --root DIR   directory that holds the host's sys and proc (default /)
  --node MAC   the node's address, where none is found below the root
`

func runOnce(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := newFlags(onceUsage)
	root, given := flags.root(), flags.node()
	if done, err := flags.parse(args, stdout); done || err != nil {
		return err
	}
	host, err := openHost(*root)
	if err != nil {
		return err
	}
	node := host.anyNode(*given, stderr)
	warnOfTime(timekeeper.HostClocks(), stderr)
	log := slog.New(slog.NewTextHandler(stderr, nil))
	interval := config.Default().Interval
	samples := sampler.New(sampler.Options{
		Node: node, Boot: newBoot(), Interval: interval, Source: sensors.New(host.sensors(node, log)), Log: log,
	})
	limited, cancel := context.WithTimeout(ctx, interval)
	defer cancel()
	at := sampler.Next(time.Now(), interval).Add(-interval) // the instant of the grid that has just passed
	pack, err := samples.Pack(limited, at)
	if ctx.Err() != nil {
		return fmt.Errorf("read: %w", ctx.Err())
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s\n", pack)
	return err
}

// warnOfTime says when the clock that stamps a pack cannot be believed: run holds
// packs then, a command that ends cannot.
func warnOfTime(clocks timekeeper.Clocks, stderr io.Writer) {
	if !clocks.Known() {
		fmt.Fprintf(stderr, "thermarack-agent: warning: nobody keeps the clock right yet: the stamp is of %s\n",
			clocks.Wall().UTC().Format(time.RFC3339))
	}
}
