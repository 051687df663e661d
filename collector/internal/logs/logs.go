// Package logs makes the program's log, and lets libraries write into it without
// telling a fact twice.
package logs

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
)

// Formats returns what a log can look like, the default first: words for people,
// or one JSON object a line.
func Formats() []string { return []string{"text", "json"} }

// Levels returns the names of the levels, from the most talkative.
func Levels() []string { return []string{"debug", "info", "warn", "error"} }

// New returns a log that writes to w what is of the level or above, one line a
// fact. The error names a format or level that there is not.
func New(w io.Writer, format, level string) (*slog.Logger, error) {
	if err := Check(format, level); err != nil {
		return nil, err
	}
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log level: %w", err)
	}
	options := &slog.HandlerOptions{Level: least}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return slog.New(slog.NewTextHandler(w, options)), nil
}

// Check tells whether New can make such a log.
func Check(format, level string) error {
	if !slices.Contains(Formats(), format) {
		return fmt.Errorf("log format %q is none of %s", format, strings.Join(Formats(), ", "))
	}
	if !slices.Contains(Levels(), level) {
		return fmt.Errorf("log level %q is none of %s", level, strings.Join(Levels(), ", "))
	}
	return nil
}

// Library returns a log for a library that tells at length, or on levels of its
// own, what we tell better: all of it becomes debug, under the library's name.
// Of attributes only texts, numbers, times and errors are kept; others may hold
// whole messages.
func Library(log *slog.Logger, name string) *slog.Logger {
	return slog.New(library{log.Handler().WithAttrs([]slog.Attr{slog.String("library", name)})})
}

type library struct{ slog.Handler }

func (l library) Enabled(ctx context.Context, _ slog.Level) bool {
	return l.Handler.Enabled(ctx, slog.LevelDebug)
}

func (l library) Handle(ctx context.Context, r slog.Record) error {
	quiet := slog.NewRecord(r.Time, slog.LevelDebug, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		if plain(a.Value) {
			quiet.AddAttrs(a)
		}
		return true
	})
	return l.Handler.Handle(ctx, quiet)
}

func (l library) WithAttrs(attrs []slog.Attr) slog.Handler {
	attrs = slices.DeleteFunc(slices.Clone(attrs), func(a slog.Attr) bool { return !plain(a.Value) })
	return library{l.Handler.WithAttrs(attrs)}
}

func (l library) WithGroup(name string) slog.Handler { return library{l.Handler.WithGroup(name)} }

// plain tells whether a value is short by nature.
func plain(v slog.Value) bool {
	if v.Kind() != slog.KindAny {
		return v.Kind() != slog.KindGroup && v.Kind() != slog.KindLogValuer
	}
	_, isError := v.Any().(error)
	return isError
}
