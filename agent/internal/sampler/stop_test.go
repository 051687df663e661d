package sampler_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"thermarack/agent/internal/sampler"
	"thermarack/agent/wire"
	"thermarack/hardware/fault"
)

func TestAReadThatAStopInterruptsIsNotLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		var lines counter
		sink := &packs{t: t, start: time.Now()}
		o := options(sink, converting{}, probe{name: "hung", hang: release}, probe{name: "well"})
		o.Log = slog.New(&lines)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(11*time.Second, cancel) // a second into the first reads
		if err := sampler.New(o).Run(ctx); err != nil {
			t.Fatal(err)
		}
		if len(lines) > 0 || len(sink.got) > 0 {
			t.Errorf("log %q, packs %v, want nothing of either", lines, sink.got)
		}
	})
}

// A converting sensor takes long, and calls it a fault of its own when it is
// interrupted.
type converting struct{}

func (converting) Name() string { return "converting:temperature" }

func (converting) Read(ctx context.Context) ([]wire.Reading, error) {
	select {
	case <-time.After(5 * time.Second):
		return nil, nil
	case <-ctx.Done():
		return nil, fault.New(fault.Range, "read: %v", ctx.Err())
	}
}
