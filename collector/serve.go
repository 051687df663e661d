package main

import (
	"context"
	"flag"
	"fmt"
	"strings"

	"thermarack/agent/wire/clock"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/config"
	"thermarack/collector/internal/logs"
)

// serve is the collector in earnest.
func serve(ctx context.Context, args []string, out output) error {
	cfg, err := serveConfig(args, out)
	if err != nil {
		return err
	}
	p := plan{Config: cfg, out: out, clock: clock.Clock{}}
	if p.log, err = openLog(out, cfg.LogFormat, cfg.LogLevel); err != nil {
		return err
	}
	if cfg.Layout != "" {
		if p.layout, err = layout.Load(cfg.Layout); err != nil {
			return err
		}
	}
	program, err := assemble(ctx, p)
	if err != nil {
		return err
	}
	return program.run(ctx)
}

// serveConfig reads the file that --config names and lays the flags over it.
func serveConfig(args []string, out output) (config.Config, error) {
	cfg, err := config.Load(configPath(args))
	if err != nil {
		return config.Config{}, err
	}
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.String("config", "", "configuration `file`")
	flags.StringVar(&cfg.Layout, "layout", cfg.Layout, "layout `file`; none: a provisional shelf")
	flags.StringVar(&cfg.Data, "data", cfg.Data, "`directory` of readings and state")
	flags.StringVar(&cfg.Listen, "listen", cfg.Listen, "HTTP `address`")
	flags.StringVar(&cfg.MQTT, "mqtt", cfg.MQTT, "`address` of the embedded MQTT broker")
	flags.StringVar(&cfg.Broker, "broker", cfg.Broker, "`URL` of an external MQTT broker, instead of the embedded one")
	flags.StringVar(&cfg.Store, "store", cfg.Store, "`kind` of store: tsdb, influx or tee")
	flags.StringVar(&cfg.Pager, "pager", cfg.Pager, "Alertmanager configuration `file`")
	flags.BoolVar(&cfg.Open, "open", cfg.Open, "listen beyond loopback without credentials: a trusted network is meant")
	flags.StringVar(&cfg.LogFormat, "log-format", cfg.LogFormat, "what the log looks `like`: "+strings.Join(logs.Formats(), ", "))
	flags.StringVar(&cfg.LogLevel, "log-level", cfg.LogLevel, "`least` that is logged: "+strings.Join(logs.Levels(), ", "))
	if err := parse(flags, args, out, 0); err != nil {
		return config.Config{}, err
	}
	if err := cfg.Check("serve"); err != nil {
		return config.Config{}, usageError{err}
	}
	if err := checkBroker(cfg); err != nil {
		return config.Config{}, usageError{fmt.Errorf("serve: %w", err)}
	}
	return cfg, nil
}

// configPath finds --config before the other flags are known, because the file
// holds their defaults.
func configPath(args []string) string {
	for i, arg := range args {
		for _, prefix := range []string{"-config", "--config"} {
			if arg == prefix && i+1 < len(args) {
				return args[i+1]
			}
			if path, ok := strings.CutPrefix(arg, prefix+"="); ok {
				return path
			}
		}
	}
	return ""
}
