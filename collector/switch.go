package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/poe"
	"thermarack/collector/internal/snmp"
	"thermarack/collector/internal/switches"
)

// poller makes what polls the switches of the layout. In a demo the simulator
// speaks for them.
func (b *builder) poller() *switches.Poller {
	o := switches.Options{
		Layout:   b.layout,
		Open:     func(sw layout.Switch) switches.Session { return switches.Open(beside(b.Config.Layout, sw)) },
		Offer:    b.intake.Offer,
		Interval: b.SwitchInterval, Clock: b.clock, Log: b.log, Registry: b.registry,
	}
	if b.stands != nil {
		o.Seen = b.stands.Seen
	}
	if b.demo {
		o.Layout = nil
	}
	return switches.New(o)
}

// beside returns a switch of a layout file with the path of its credentials, which
// the file gives relative to itself.
func beside(file string, sw layout.Switch) layout.Switch {
	if sw.Credentials != "" && !filepath.IsAbs(sw.Credentials) {
		sw.Credentials = filepath.Join(filepath.Dir(file), sw.Credentials)
	}
	return sw
}

// checkSwitches says what is wrong with the switches of a layout file that can't be
// said of the file alone.
func checkSwitches(file string, l *layout.Layout) error {
	var errs []error
	for _, sw := range l.Switches {
		for _, err := range faultsOf(beside(file, sw)) {
			errs = append(errs, fmt.Errorf("%s: switch %s: %w", file, sw.Name, err))
		}
	}
	return errors.Join(errs...)
}

// faultsOf returns what keeps a switch from being polled.
func faultsOf(sw layout.Switch) []error {
	var faults []error
	keep := func(err error) {
		if err != nil {
			faults = append(faults, err)
		}
	}
	_, err := poe.NewReader(nil, sw.Profile)
	keep(err)
	if sw.Host != "" {
		keep(snmp.CheckAddress(sw.Host))
		_, err = switches.CredentialsOf(sw)
		keep(err)
	}
	return faults
}
