package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"thermarack/agent/wire/clock"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/config"
)

// A plan is what a collector is made from.
type plan struct {
	config.Config
	out       output
	log       *slog.Logger
	clock     clock.Clock
	layout    *layout.Layout // nil: a provisional one
	demo      bool
	pagerText []byte // a pager configuration instead of Config.Pager
}

// A program is a collector whose listeners are open.
type program struct {
	addresses addresses
	store     openStore
	notes     *notebook
	tasks     []func(context.Context) error
}

// addresses is the first line that serve and demo print.
type addresses struct {
	HTTP   string `json:"http"`
	MQTT   string `json:"mqtt"`             // of the embedded broker; "" with an external one
	Broker string `json:"broker,omitempty"` // URL of the external one, without its password
}

// announce tells everybody where we are: who started us, and commands that find
// the data directory.
func (p *program) announce(out output) error {
	if err := p.store.claim.tell(p.addresses); err != nil {
		return err
	}
	return json.NewEncoder(out.Out).Encode(p.addresses)
}

// run runs all parts until ctx ends or one of them fails, then writes down what
// is known and closes the store.
func (p *program) run(ctx context.Context, more ...func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, task := range append(p.tasks, more...) {
		group.Go(func() error { return task(ctx) })
	}
	err := errors.Join(group.Wait(), p.notes.close())
	if closed := p.store.Close(); closed != nil {
		err = errors.Join(err, fmt.Errorf("close the store: %w", closed))
	}
	return err
}

// pageURL is where a person finds the page.
func (a addresses) pageURL() string { return "http://" + a.HTTP + "/" }
