package main

import (
	"context"
	"io"

	"thermarack/agent/wire/clock"
	"thermarack/agent/wire/layout"
)

// ServeOn is serve on a clock of the test's.
func ServeOn(ctx context.Context, c clock.Clock, args []string, stdout, stderr io.Writer) error {
	out := output{stdout, stderr}
	cfg, err := serveConfig(args, out)
	if err != nil {
		return err
	}
	p := plan{Config: cfg, out: out, clock: c}
	if p.log, err = openLog(out, cfg.LogFormat, cfg.LogLevel); err != nil {
		return err
	}
	if p.layout, err = layout.Load(cfg.Layout); err != nil {
		return err
	}
	program, err := assemble(ctx, p)
	if err != nil {
		return err
	}
	return program.run(ctx)
}
