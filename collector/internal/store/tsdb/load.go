package tsdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/compression"
)

const (
	twoHours = 2 * time.Hour // that much becomes a block, once there is half as much again
	maxBlock = 31 * 24 * time.Hour

	startRoom = 16 << 20 // bytes: the chunks of three hours of a thousand nodes
)

// library returns the options of the library.
func (o Options) upstream() *tsdb.Options {
	opts := tsdb.DefaultOptions()
	opts.NoLockfile = true // Open has it
	opts.RetentionDuration = o.Retention.Milliseconds()
	opts.MaxBytes = o.MaxBytes
	opts.OutOfOrderTimeWindow = o.OutOfOrder.Milliseconds()
	opts.MinBlockDuration = twoHours.Milliseconds()
	// By default blocks are never joined, which is 4380 of them a year. A tenth
	// of the retention is what Prometheus itself takes: no more than that is
	// kept too long.
	opts.MaxBlockDuration = maxBlock.Milliseconds()
	if o.Retention > 0 {
		opts.MaxBlockDuration = min(maxBlock, max(twoHours, o.Retention/10)).Milliseconds()
	}
	opts.WALCompression = compression.Snappy // SD cards wear out by the byte
	// A chunk of an hour costs a fifth less than one of 20 minutes, which is the
	// library's choice for scrapes that are further apart.
	opts.SamplesPerChunk = 360
	// Sized for thousands of series on a Pi, not for millions on a server.
	opts.StripeSize = 1 << 10
	opts.HeadChunksWriteBufferSize = 256 << 10
	return opts
}

// load opens the library, with nothing late in its logs, and starts the janitor.
func (s *Store) load(o Options) error {
	ctx, stop := context.WithCancel(context.Background())
	s.janitor = &janitor{
		log: o.Log, due: make(chan struct{}, 1),
		stop: stop, stopped: make(chan struct{}), busy: make(chan struct{}, 1), joining: func() {},
		maxJoin: o.MaxBytes / 10, mayBegin: s.mayCompact,
	}
	err := s.loadSettled(ctx, o)
	if err != nil {
		stop()
		return err
	}
	s.janitor.db = s.db
	go s.janitor.run(ctx, &s.appending)
	return nil
}

// loadSettled moves late samples of an earlier process into blocks, and opens
// the library without them. They cannot stay in its logs:
//
// A series that pauses for hours and comes back has two numbers there. A new
// process takes one of them for both, and wal/ forgets the other when it is
// next shortened; what bears it in wbl/ is then nobody's.
//
// And the library knows which chunks of late samples are in blocks by the number
// of their file. It counts files from 1 again when a process that has written
// none deletes the last: what it writes after that it takes for done.
func (s *Store) loadSettled(ctx context.Context, o Options) error {
	// Chunks are made while logs are read back, on goroutines whose panics nobody
	// survives.
	if err := checkSpace(s.dir, min(s.minFree, startRoom)); err != nil {
		return err
	}
	if err := s.loadWhole(ctx, o); err != nil {
		return err
	}
	if s.db.Head().MinOOOTime() == math.MaxInt64 {
		return nil // none there
	}
	err := survive(func() error { return s.db.CompactOOOHead(ctx) })
	s.damage = err
	if err := errors.Join(err, s.unload()); err != nil {
		return fmt.Errorf("move late samples into blocks: %w", err)
	}
	// What is not late is in wal/ as well, and read back from there.
	if err := os.RemoveAll(filepath.Join(o.Dir, "chunks_head")); err != nil {
		return err
	}
	return s.loadWhole(ctx, o)
}

// loadWhole opens the library and lets it read its logs back. When it has to cut
// one it is opened once more, to read the other as well: what it has not read,
// it deletes with the next block.
func (s *Store) loadWhole(ctx context.Context, o Options) error {
	log := slog.New(warnings{o.Log.Handler()})
	opts := o.upstream()
	opts.NewCompactorFunc = s.janitor.newCompactor(ctx)
	for range 3 { // each log can be cut once
		db, err := tsdb.Open(o.Dir, log, s.counters, opts, nil)
		if err != nil {
			s.counters.unregister()
			return err
		}
		db.DisableCompactions() // not before the next minute has passed
		s.db = db
		cuts, err := s.counters.value(countCut)
		if err == nil && cuts == 0 {
			return nil
		}
		if err := errors.Join(err, s.unload()); err != nil {
			return err
		}
	}
	return errors.New("the logs in wal/ and wbl/ are damaged again after each repair: check the disk")
}

// unload closes the library, unless a panic has left locks in it for which that
// would wait for ever: what is acknowledged is on disk.
func (s *Store) unload() error {
	if errors.Is(s.damage, errPanic) {
		return nil
	}
	err := survive(s.db.Close)
	s.counters.unregister()
	return err
}
