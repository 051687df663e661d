package simulate

import (
	"context"
	"log/slog"
	"sync"
)

// A fold is a log handler that drops a message equal to the one before: a
// hundred sessions that lose one broker are one piece of news.
type fold struct {
	slog.Handler
	last *last
}

type last struct {
	mu   sync.Mutex
	text string
}

func newFold(h slog.Handler) fold { return fold{h, &last{}} }

// WithAttrs returns a handler that folds together with f.
func (f fold) WithAttrs(attrs []slog.Attr) slog.Handler {
	return fold{f.Handler.WithAttrs(attrs), f.last}
}

// WithGroup returns a handler that folds together with f.
func (f fold) WithGroup(name string) slog.Handler { return fold{f.Handler.WithGroup(name), f.last} }

// Handle passes the record on unless its message is that of the last one.
func (f fold) Handle(ctx context.Context, r slog.Record) error {
	f.last.mu.Lock()
	same := f.last.text == r.Message
	f.last.text = r.Message
	f.last.mu.Unlock()
	if same {
		return nil
	}
	return f.Handler.Handle(ctx, r)
}
