package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"thermarack/agent/internal/config"
	"thermarack/agent/internal/outbox"
)

// everyBox gives each broker every pack, whatever the others do.
type everyBox []*outbox.Box

// openBoxes returns an outbox for each broker; "" is the one that is found. Size
// and budget of the spool are those of all of them together, in equal parts.
func openBoxes(c config.Spool, brokers []string, log *slog.Logger) (everyBox, error) {
	var boxes everyBox
	for _, broker := range brokers {
		o := outbox.Options{Log: log}
		if c.Directory != "" {
			o.Spool = outbox.Spool{
				Dir:          filepath.Join(c.Directory, spoolName(broker)),
				MaxBytes:     int64(c.MaxMB) * 1e6 / int64(len(brokers)),
				BudgetPerDay: int64(c.MBPerDay) * 1e6 / int64(len(brokers)),
			}
		}
		box, err := outbox.Open(o)
		if err != nil {
			boxes.close()
			return nil, fmt.Errorf("open outbox: %w", err)
		}
		boxes = append(boxes, box)
	}
	return boxes, nil
}

// spoolName returns the directory of a broker's packs below that of all spools:
// the name of its host and its port, so that both may change their order.
func spoolName(broker string) string {
	_, host, _ := strings.Cut(broker, "://")
	if host == "" {
		return "found"
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(":[]/%", r) {
			return '_'
		}
		return r
	}, host)
}

// Put gives the pack to all of them.
func (boxes everyBox) Put(pack []byte) {
	for _, box := range boxes {
		box.Put(pack)
	}
}

// run lets them write to their spools until ctx is done.
func (boxes everyBox) run(ctx context.Context) error {
	var g errgroup.Group
	for _, box := range boxes {
		g.Go(func() error { return box.Run(ctx) })
	}
	return g.Wait()
}

// close lets them write what is left.
func (boxes everyBox) close() {
	for _, box := range boxes {
		box.Close()
	}
}
