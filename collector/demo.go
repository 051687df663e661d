package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"thermarack/agent/wire/clock"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/config"
	"thermarack/collector/internal/demo"
)

// demoFlags are what the demo is told.
type demoFlags struct {
	speed            float64
	seed             uint64
	scenario, layout string
	data             string
	listen, mqtt     string
	begin            time.Time // where the demo's clock and the world's agree
}

// runDemo is serve on a clock of its own, fed by simulated Pis, with a pager
// that prints.
func runDemo(ctx context.Context, args []string, out output) error {
	f, err := readDemoFlags(args, out)
	if err != nil {
		return err
	}
	if f.data == "" {
		if f.data, err = os.MkdirTemp("", "thermarack-demo-"); err != nil {
			return fmt.Errorf("make a directory for the demo: %w", err)
		}
		defer os.RemoveAll(f.data)
	}
	if _, err := os.Stat(filepath.Join(f.data, "tsdb")); err == nil {
		return fmt.Errorf("demo: %s holds readings, and a demo's clock runs ahead of them: give an empty directory", f.data)
	}
	sink, err := demo.NewSink(out.Out)
	if err != nil {
		return err
	}
	p, err := f.plan(out)
	if err != nil {
		return err
	}
	if err := f.rehearse(ctx); err != nil {
		return err
	}
	p.pagerText = sink.Config()
	program, err := assemble(ctx, p)
	if err != nil {
		return err
	}
	fmt.Fprintf(out.Out, "\nA simulated shelf of Raspberry Pis, %g× as fast as the world. Open\n\n    %s\n\nPages are printed here. Ctrl-C ends it.\n\n", f.speed, program.addresses.pageURL())
	agent := func(ctx context.Context) error { return f.simulate(ctx, program.addresses.MQTT, out.Err) }
	return program.run(ctx, sink.Run, agent)
}

func readDemoFlags(args []string, out output) (demoFlags, error) {
	var f demoFlags
	defaults := config.Default()
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.Float64Var(&f.speed, "speed", demo.Speed, "how much faster than the world")
	flags.Uint64Var(&f.seed, "seed", 1, "seed of the simulated shelf")
	flags.StringVar(&f.scenario, "scenario", "", "scenario `file`; none: one fan dies, then the other")
	flags.StringVar(&f.layout, "layout", "", "layout `file`; none: a shelf of 108 Pis")
	flags.StringVar(&f.data, "data", "", "`directory` of readings and state; none: one that is removed at the end")
	flags.StringVar(&f.listen, "listen", defaults.Listen, "HTTP `address`")
	flags.StringVar(&f.mqtt, "mqtt", defaults.MQTT, "`address` of the embedded MQTT broker")
	if err := parse(flags, args, out, 0); err != nil {
		return f, err
	}
	if !(f.speed >= 0.01 && f.speed <= 3600) {
		return f, usageError{fmt.Errorf("demo: speed %v, want 0.01 to 3600", f.speed)}
	}
	return f, nil
}

// plan writes the demo's own files and makes the collector's plan. Limits of
// age follow the interval, which follows the speed.
func (f *demoFlags) plan(out output) (plan, error) {
	shelf, story, err := demo.Write(filepath.Join(f.data, "demo"))
	if err != nil {
		return plan{}, err
	}
	if f.layout == "" {
		f.layout = shelf
		if f.scenario == "" {
			f.scenario = story
		}
	}
	f.begin = time.Now()
	p := plan{
		Config: config.Default(), out: out, demo: true,
		clock: clock.Scaled(f.begin, f.begin, f.speed),
	}
	if p.log, err = openLog(out, p.LogFormat, "warn"); err != nil {
		return plan{}, err
	}
	p.Listen, p.MQTT, p.Data = f.listen, f.mqtt, f.data
	p.Stale = max(p.Stale, 5*demo.Interval(f.speed))
	p.Rules.Silent = max(p.Rules.Silent, 3*p.Stale) // 4 s of the world at the fastest: a busy machine is not silent
	p.Rules.SwitchSilent = max(p.Rules.SwitchSilent, p.Rules.Silent)
	if err := p.Check("demo"); err != nil {
		return plan{}, usageError{err}
	}
	p.layout, err = layout.Load(f.layout)
	return p, err
}

// rehearse runs the simulator for an instant and into nothing, so that a missing
// program or a bad scenario is told before anything is started.
func (f *demoFlags) rehearse(ctx context.Context) error {
	agent, err := f.agent(ctx, "--for", "1s", "-o", os.DevNull)
	if err != nil {
		return err
	}
	var words bytes.Buffer
	agent.Stderr = &words
	if err := agent.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("simulator %s: %w: %s", agent.Path, err, bytes.TrimSpace(words.Bytes()))
	}
	return ctx.Err()
}

// simulate runs the simulator until ctx ends.
func (f *demoFlags) simulate(ctx context.Context, mqtt string, stderr io.Writer) error {
	begin := f.begin.Format(time.RFC3339Nano)
	agent, err := f.agent(ctx, "--broker", "tcp://"+mqtt, "--start", begin, "--clock-origin", begin,
		"--speed", strconv.FormatFloat(f.speed, 'g', -1, 64))
	if err != nil {
		return err
	}
	agent.Stderr = stderr
	agent.SysProcAttr = withParent()
	if err := agent.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("simulator %s: %w", agent.Path, err)
	}
	return nil
}

// agent returns the simulator, found beside our own executable, with what all of
// its runs are told.
func (f *demoFlags) agent(ctx context.Context, args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the simulator: %w", err)
	}
	program := filepath.Join(filepath.Dir(self), "thermarack-agent")
	if _, err := os.Stat(program); err != nil {
		return nil, fmt.Errorf("find the simulator: %w; `make build` puts it beside the collector", err)
	}
	args = append([]string{
		"simulate", "--layout", f.layout, "--seed", strconv.FormatUint(f.seed, 10),
		"--interval", demo.Interval(f.speed).String(),
	}, args...)
	if f.scenario != "" {
		args = append(args, "--scenario", f.scenario)
	}
	command := exec.CommandContext(ctx, program, args...)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 5 * time.Second
	return command, nil
}
