// Command thermarack-collector takes the readings of every agent, keeps them,
// draws each shelf as a live heat map and pages somebody when the air stops.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
)

// version is set by the build.
var version = ""

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// A command is one subcommand. It returns nil when it is done or ctx is
// cancelled.
type command struct {
	name, args, help string
	run              func(ctx context.Context, args []string, out output) error
}

// An output is where a command writes: results to Out, words to Err.
type output struct{ Out, Err io.Writer }

func commands() []command {
	return []command{
		{"serve", "[--config F] [--layout F] [--data DIR] [--listen ADDR] [--mqtt ADDR] [--broker URL] [--store tsdb|influx|tee] [--pager F] [--open] [--log-format text|json] [--log-level L]", "take readings, serve the page, page people", serve},
		{"demo", "[--speed N] [--seed N] [--scenario F] [--layout F] [--data DIR] [--listen ADDR] [--mqtt ADDR]", "the same with a simulated shelf whose fans die", runDemo},
		{"heatmap", "--shelf ID -o F.svg|.png|.json [--at T] [--layer L] [--layout F --readings F]", "draw one map", drawHeatmap},
		{"record", "-o F [--data DIR | --broker URL] [--from T] [--to T] [--shelf ID --layout F] [--config F]", "write what is stored, or what a broker passes on, as a recording", recordReadings},
		{"replay", "--layout F --readings F [--config F] [--seed N]", "run the alerts over a recording", replay},
		{"export", "--data DIR|--url URL --sensor NAME… --from T [--to T] [--step D] [--layout F] -o F.csv", "write what is stored of some sensors as CSV", exportCSV},
		{"backup", "[--data DIR] -o F.tar.gz", "archive everything in a data directory, while a collector runs on it or not", backupData},
		{"restore", "-i F [--data DIR]", "make a data directory from a backup; nothing is overwritten", restoreData},
		{"check", "[--config F] [--layout F] [--pager F]", "say everything that is wrong with these files", check},
		{"layout", "check F | suggest [--url URL | --data DIR] [--layout F] [-o F] | calibrate --shelf ID [--for D] [--layout F] [-o F] [--undo]", "say everything that is wrong with a layout, write down where switches show every Pi, or by how much probes differ in one bag", layoutCommand},
		{"switch", "scan HOST | --snmprec F  [--credentials F] [--profile P] [--json]", "say what is understood of a PoE switch, or of a recording of one", switchCommand},
		{"version", "", "print the version", printVersion},
	}
}

// A usageError is a command line that cannot be meant. Its exit status is 2.
type usageError struct{ error }

// run is the whole program minus the process. It returns the exit status: 0
// done, 1 failed, 2 wrong usage.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := dispatch(ctx, args, output{stdout, stderr})
	var usage usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "thermarack-collector: %v\nthermarack-collector --help lists what there is\n", err)
		return 2
	}
	fmt.Fprintf(stderr, "thermarack-collector: %v\n", err)
	return 1
}

func dispatch(ctx context.Context, args []string, out output) error {
	if len(args) == 0 {
		return usageError{errors.New("no command given")}
	}
	if args[0] == "--help" || args[0] == "-h" || args[0] == "help" {
		for _, c := range commands() {
			fmt.Fprintf(out.Out, "thermarack-collector %s %s\n    %s\n", c.name, c.args, c.help)
		}
		return nil
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(ctx, args[1:], out)
		}
	}
	return usageError{fmt.Errorf("unknown command %q", args[0])}
}

// parse reads a command's flags; rest is how many plain arguments it takes. For
// --help it prints them to standard output and returns flag.ErrHelp.
func parse(flags *flag.FlagSet, args []string, out output, rest int) error {
	flags.SetOutput(io.Discard)
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		for _, c := range commands() {
			if c.name == strings.Fields(flags.Name())[0] {
				fmt.Fprintf(out.Out, "thermarack-collector %s %s\n\n%s.\n\n", c.name, c.args, c.help)
			}
		}
		flags.SetOutput(out.Out)
		flags.PrintDefaults()
		return flag.ErrHelp
	}
	switch {
	case err == nil && flags.NArg() > rest:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(rest))
	case err == nil && flags.NArg() < rest:
		err = errors.New("a file is missing")
	}
	if err != nil {
		return usageError{fmt.Errorf("%s: %w", flags.Name(), err)}
	}
	return nil
}

func printVersion(_ context.Context, args []string, out output) error {
	if err := parse(flag.NewFlagSet("version", flag.ContinueOnError), args, out, 0); err != nil {
		return err
	}
	fmt.Fprintln(out.Out, "thermarack-collector", builtVersion())
	return nil
}

// builtVersion is what the build says, else what the Go toolchain knows.
func builtVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && version == "" {
		return info.Main.Version
	}
	return version
}
