// Package quiet logs what may happen a thousand times a second as one line a
// minute.
package quiet

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// maxKeys bounds what a Log remembers; keys come from the network. Further ones
// share one line.
const maxKeys = 4096

// A Log passes on one line a key and interval, and says in the next how many it
// held back. It is safe for concurrent use.
type Log struct {
	log   *slog.Logger
	every time.Duration

	mu    sync.Mutex
	keys  map[string]*line
	swept time.Time // when forget last ran: it is not cheap
}

// A line is what is known of one key.
type line struct {
	last time.Time // when it was logged
	held int       // since then
}

// New returns a Log that writes to log at most once per key and every.
func New(log *slog.Logger, every time.Duration) *Log {
	return &Log{log: log, every: every, keys: map[string]*line{}}
}

// Warn logs msg at level warn unless key was logged less than the interval ago.
func (l *Log) Warn(key, msg string, args ...any) { l.write(slog.LevelWarn, key, msg, args) }

// Info logs msg at level info unless key was logged less than the interval ago.
func (l *Log) Info(key, msg string, args ...any) { l.write(slog.LevelInfo, key, msg, args) }

func (l *Log) write(level slog.Level, key, msg string, args []any) {
	held, ok := l.admit(key, time.Now())
	if !ok {
		return
	}
	if held > 0 {
		args = append(args, "held_back", held)
	}
	l.log.Log(context.Background(), level, msg, args...)
}

// admit tells whether key may be logged now, and how often it was not since the
// last time.
func (l *Log) admit(key string, now time.Time) (held int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known, found := l.keys[key]
	if !found && len(l.keys) >= maxKeys && now.Sub(l.swept) >= l.every {
		l.forget(now)
	}
	if !found && len(l.keys) >= maxKeys {
		key = "" // shared by all that found no place; one more than maxKeys
		known, found = l.keys[key]
	}
	if !found {
		l.keys[key] = &line{last: now}
		return 0, true
	}
	if now.Sub(known.last) < l.every {
		known.held++
		return 0, false
	}
	held = known.held
	known.last, known.held = now, 0
	return held, true
}

// forget drops the keys that may be logged again anyway.
func (l *Log) forget(now time.Time) {
	l.swept = now
	for key, known := range l.keys {
		if now.Sub(known.last) >= l.every {
			delete(l.keys, key)
		}
	}
}
