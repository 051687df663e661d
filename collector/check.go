package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/config"
	"thermarack/collector/internal/pager"
)

// check says everything that is wrong with the files of a collector.
func check(_ context.Context, args []string, out output) error {
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	configFile := flags.String("config", "", "configuration `file`")
	layoutFile := flags.String("layout", "", "layout `file`, instead of the configuration's")
	pagerFile := flags.String("pager", "", "Alertmanager configuration `file`, instead of the configuration's")
	if err := parse(flags, args, out, 0); err != nil {
		return err
	}
	cfg, err := config.Load(*configFile)
	if err != nil {
		return err
	}
	if *layoutFile != "" {
		cfg.Layout = *layoutFile
	}
	if *pagerFile != "" {
		cfg.Pager = *pagerFile
	}
	errs := []error{cfg.Check(*configFile), checkBroker(cfg)}
	if cfg.Layout != "" {
		_, err := loadLayout(cfg.Layout)
		errs = append(errs, err)
	}
	if cfg.Pager != "" {
		errs = append(errs, pager.CheckConfig(cfg.Pager))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	fmt.Fprintln(out.Out, "nothing is wrong")
	return nil
}

// loadLayout reads a layout file and what it names.
func loadLayout(file string) (*layout.Layout, error) {
	l, err := layout.Load(file)
	if err != nil {
		return nil, err
	}
	return l, checkSwitches(file, l)
}
