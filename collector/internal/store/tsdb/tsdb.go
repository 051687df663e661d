// Package tsdb keeps samples on disk, in an embedded Prometheus TSDB.
//
// The library acknowledges what is in the page cache; this package adds what an
// acknowledged reading needs: its logs are synced before Append returns, a full
// disk is refused before it harms, and every sample that the library would drop
// without a word is found first and either stored already or refused by name.
package tsdb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/fileutil"
	"github.com/prometheus/prometheus/tsdb/wlog"

	"thermarack/collector/internal/store"
)

var (
	// ErrLocked reports a directory that another process has open. Stop that
	// one, or use another directory.
	ErrLocked = errors.New("in use by another process")

	// ErrDiskFull reports too little free space; nothing was stored. Free some,
	// or keep samples for a shorter time, and call again.
	ErrDiskFull = errors.New("too little disk space")

	// ErrDamaged reports that a log of the store could not be written or synced,
	// so that what is in memory may not be on disk. It stays: check the disk
	// and start the process again, which reads back what is there.
	ErrDamaged = errors.New("store is damaged until it is opened again")
)

// MinFree is the free space, in bytes, that is left alone by default: enough
// for the library to compact two hours of a large fleet.
const MinFree = 256 << 20

// Options say where and for how long samples are kept.
type Options struct {
	Dir        string                // created if missing
	Retention  time.Duration         // older samples are deleted, a block at a time; 0 keeps all
	MaxBytes   int64                 // of blocks and logs together: above it the oldest block is deleted; 0 means no limit
	OutOfOrder time.Duration         // how much older than the newest a sample may be; 0 means store.OutOfOrder, or Retention if that is shorter
	Log        *slog.Logger          // gets the library's warnings and errors; nil discards them
	Registry   prometheus.Registerer // gets the library's prometheus_tsdb_* metrics, once a process; may be nil
	MinFree    uint64                // bytes; 0 means MinFree
}

// A Store is an open directory of samples. It is safe for concurrent use.
type Store struct {
	dir      string
	minFree  uint64
	lock     fileutil.Releaser
	counters *counters
	db       *tsdb.DB
	janitor  *janitor
	sync     *syncer

	// life is held for reading by every call, so that Close waits for them.
	life   sync.RWMutex
	closed bool

	// appending makes Append one at a time, as what is stored may not change
	// between a lookup and the commit that relies on it, and not while the
	// janitor writes a block.
	appending sync.Mutex
	seed      maphash.Seed
	tracks    map[uint64]*track // by hash of the series
	last      *track            // that was asked for
	entered   []entry           // memory for the next ones
	damage    error             // why nothing can be appended any more
}

// Open opens the store in o.Dir, replays its logs, and locks it. Close it.
//
// The error wraps ErrLocked while another process has the directory open. A
// torn end of a log, as a crash leaves it, is cut off and warned about: nothing
// acknowledged is in it.
func Open(o Options) (*Store, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", o.Dir, err)
	}
	// Before the library, whose own lock comes after it has tidied up.
	lock, _, err := fileutil.Flock(filepath.Join(o.Dir, "lock"))
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, fmt.Errorf("open store %s: %w: stop it or choose another directory", o.Dir, ErrLocked)
	case err != nil:
		return nil, fmt.Errorf("open store %s: lock: %w", o.Dir, err)
	}
	s := &Store{
		dir: o.Dir, minFree: o.MinFree, lock: lock,
		counters: newCounters(o.Registry),
		sync:     newSyncer(o.Dir, "wal", wlog.WblDirName),
		seed:     maphash.MakeSeed(),
		tracks:   make(map[uint64]*track),
	}
	if err := s.open(o); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", o.Dir, err), lock.Release())
	}
	return s, nil
}

func (o Options) withDefaults() (Options, error) {
	shortest := store.OutOfOrder
	if o.Retention > 0 {
		shortest = min(shortest, o.Retention)
	}
	o.OutOfOrder = cmp.Or(o.OutOfOrder, shortest)
	o.MinFree = cmp.Or(o.MinFree, MinFree)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.Dir == "":
		return o, errors.New("no directory given")
	case o.Retention < 0 || o.OutOfOrder < 0 || o.MaxBytes < 0:
		return o, fmt.Errorf("retention %v, %d bytes, or out-of-order window %v is negative", o.Retention, o.MaxBytes, o.OutOfOrder)
	case o.Retention > 0 && o.OutOfOrder > o.Retention:
		return o, fmt.Errorf("out-of-order window %v is longer than the retention %v: what came late would be deleted", o.OutOfOrder, o.Retention)
	}
	return o, nil
}

func (s *Store) open(o Options) error {
	if err := s.load(o); err != nil {
		return err
	}
	// What an earlier process wrote and never synced is found by the lookups of
	// Append as if it were acknowledged; so it has to be on disk from here on.
	err := s.sync.Sync()
	if err == nil {
		_, err = s.counters.value(countUnlogged)
	}
	if err != nil {
		s.janitor.close()
		return errors.Join(err, s.unload())
	}
	return nil
}

// Dir returns the directory of the store.
func (s *Store) Dir() string { return s.dir }

// Close waits for calls under way, ends a compaction, writes down what the library keeps in memory
// and unlocks the directory. Closing again does nothing.
func (s *Store) Close() error {
	s.janitor.close()
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if err := errors.Join(s.unload(), s.lock.Release()); err != nil {
		return fmt.Errorf("close store %s: %w", s.dir, err)
	}
	return nil
}

// enter begins a call; the caller unlocks s.life. On an error it is unlocked.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.life.RLock()
	if s.closed {
		s.life.RUnlock()
		return fmt.Errorf("store %s: %w", s.dir, fs.ErrClosed)
	}
	return nil
}
