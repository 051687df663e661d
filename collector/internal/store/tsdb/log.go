package tsdb

import (
	"context"
	"log/slog"
)

// warnings passes on the library's warnings and errors, less those that are
// none here: it tells at length, and every two hours, that all is well.
type warnings struct{ slog.Handler }

// overlapping is what the library warns of whenever late samples go into a
// block, although it is made to.
const overlapping = "Overlapping blocks found during reloadBlocks"

func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

func (w warnings) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == overlapping {
		return nil
	}
	return w.Handler.Handle(ctx, r)
}

func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(attrs)}
}

func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }
