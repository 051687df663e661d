// Command thermarack-agent reads the temperatures, fans and throttling of one
// Raspberry Pi and publishes them over MQTT.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"thermarack/agent/internal/simulate"
)

func main() {
	if command, _ := split(os.Args[1:]); command == "run" {
		tread()
	}
	ctx, stop := heed()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(report(err, os.Stderr))
}

// heed returns a context that ends with the first signal to stop. The second one
// ends the process, whatever that hangs on.
func heed() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// tread has the Go runtime tread softly, for others live on this Pi: one processor
// is plenty, and waking it costs half of what waking several does; and the heap,
// which is small, may grow by a quarter instead of to the runtime's least of 4 MB
// before it is cleaned up; and nobody profiles it. GOMAXPROCS and GOGC say
// otherwise.
func tread() {
	runtime.MemProfileRate = 0
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(25)
	}
}

// run is the whole program but for the process: tests call it with a fixture as
// root. It returns nil when the work is done, or ctx is cancelled and what was
// to say to the broker is said. The error is a usageError for a wrong command
// line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	command, rest := split(args)
	switch command {
	case "run":
		return runAgent(ctx, rest, stdout, stderr)
	case "scan":
		return runScan(ctx, rest, stdout, stderr)
	case "once":
		return runOnce(ctx, rest, stdout, stderr)
	case "identify":
		return runIdentify(ctx, rest, stdout)
	case "simulate":
		return runSimulate(ctx, rest, stdout, stderr)
	case "version":
		return runVersion(rest, stdout)
	case "help":
		_, err := io.WriteString(stdout, usage)
		return err
	}
	return usageError{fmt.Errorf("unknown command %q", command), usage}
}

// split takes the command off args; it is run if none is named.
func split(args []string) (command string, rest []string) {
	switch {
	case len(args) == 0:
		return "run", nil
	case args[0] == "-h" || args[0] == "-help" || args[0] == "--help":
		return "help", nil
	case strings.HasPrefix(args[0], "-"):
		return "run", args
	}
	return args[0], args[1:]
}

const usage = `thermarack-agent reads what a Raspberry Pi measures and publishes it over MQTT.

usage: thermarack-agent [command] [flags]

  run       sample and publish until stopped (the default)
  scan      show what is found: part, bus, address, value, time taken, health
  once      print one SenML pack, without a broker
  identify  blink the LED of this board
  simulate  run the virtual Pis of a layout, to a broker or into a recording
  version   print the version

thermarack-agent <command> --help says more.
Exit status: 0 done, 1 failed, 2 wrong usage.
`

// report prints an error and returns the exit status that stands for it.
func report(err error, stderr io.Writer) int {
	var wrong usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &wrong):
		fmt.Fprintf(stderr, "thermarack-agent: %v\n\n%s", err, wrong.usage)
		return 2
	}
	fmt.Fprintln(stderr, "thermarack-agent:", err)
	return 1
}

// version is set by the linker: -X main.version=1.2.3.
var version string

// buildVersion returns version, or what the Go toolchain recorded.
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func runSimulate(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	err := simulate.Command{Version: buildVersion()}.Run(ctx, args, stdout, stderr)
	var wrong simulate.UsageError
	if errors.As(err, &wrong) {
		return usageError{wrong, simulate.Usage}
	}
	return err
}

func runVersion(args []string, stdout io.Writer) error {
	flags := newFlags("usage: thermarack-agent version\n\nPrints the version, and what it was built with and for.\n")
	if done, err := flags.parse(args, stdout); done || err != nil {
		return err
	}
	_, err := fmt.Fprintf(stdout, "thermarack-agent %s %s %s/%s\n", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
