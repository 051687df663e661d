package outbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"thermarack/agent/internal/outbox/segment"
)

// Spool says where and how packs are kept on disk, so that those that the broker
// does not have survive a power cycle. The zero Spool is none.
type Spool struct {
	// Dir is the spool's own directory. It is made if it is missing, its parent
	// is not: where a medium should be mounted and is not, nothing is written.
	Dir string
	// MaxBytes is what the directory may hold; beyond it the oldest packs are on
	// disk no longer.
	MaxBytes int64
	// BudgetPerDay is what may reach the medium in any 24 hours, in bytes: whole
	// pages of 4 KiB, and 24 KiB for what the file system writes with each flush.
	BudgetPerDay int64
}

func (s Spool) check() error {
	if s.BudgetPerDay < minBudget {
		return fmt.Errorf("spool %s: a budget of %.1f MB a day is too little; give it %.1f MB", s.Dir, float64(s.BudgetPerDay)/1e6, minBudget/1e6)
	}
	if s.MaxBytes < 2*segmentSize {
		return fmt.Errorf("spool %s: a size of %d bytes is too little; give it 1 MB", s.Dir, s.MaxBytes)
	}
	return nil
}

// ErrInUse reports a spool that another agent writes to. Give each its own
// directory, or stop the other one.
var ErrInUse = errors.New("another agent uses it: give each its own directory")

const (
	// promptly is how soon a broker must acknowledge a pack for it never to be
	// written. During an outage it is the time between two flushes, unless the
	// budget makes it longer.
	promptly = time.Minute
	// retry is the time between two attempts on a directory that cannot be used.
	retry = time.Minute
	// segmentSize is where a file takes no more frames. A file is deleted when
	// all of its packs are acknowledged; so a power cut during a backfill costs
	// no more than a file of packs sent twice.
	segmentSize = 128 << 10
	// maxSegment is more than a file can have become.
	maxSegment = 1 << 20

	suffix   = ".packs"
	lockName = "lock"
)

// A spool writes what a Box holds to disk. It has one goroutine at a time.
type spool struct {
	Spool
	box     *Box
	log     *slog.Logger
	budget  budget
	written atomic.Int64
	lost    atomic.Int64 // packs taken off the disk for its size
	create  func(path string) (writable, error)

	lock  *os.File // nil while the directory cannot be used
	again time.Time
	told  bool // that it cannot
	fresh bool // what lies in the directory has not been read

	seq     uint64   // of the next file
	current writable // nil if the next flush begins a file
	path    string   // of current
	size    int64

	ripe time.Time // when the packs below mark have been there for long enough
	mark uint64
}

// A writable is a file as far as a spool needs one.
type writable interface {
	io.WriteCloser
	Sync() error
}

func newSpool(b *Box, o Spool, log *slog.Logger) *spool {
	return &spool{
		Spool: o, box: b, log: log.With("spool", o.Dir), budget: newBudget(o.BudgetPerDay), fresh: true,
		create: func(path string) (writable, error) {
			return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
		},
	}
}

// start opens the directory for the first time.
func (s *spool) start() error {
	err := s.open()
	if errors.Is(err, ErrInUse) {
		return err
	}
	if err != nil {
		s.fail(err)
	}
	return nil
}

// Run writes to the spool what the broker does not acknowledge, and deletes what
// it does, until ctx is done; it then returns nil. It returns at once without a
// spool. While the broker acknowledges within a minute, nothing is written.
func (b *Box) Run(ctx context.Context) error {
	if b.spool == nil {
		return nil
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-b.ledger.work:
		}
		timer.Stop()
		if wait, ok := b.spool.step(); ok {
			timer.Reset(wait)
		}
	}
}

// Close writes what the broker does not have, as far as the budget goes, and lets
// go of the directory. It is called once Run has returned and the reader has
// gone. It does nothing without a spool.
func (b *Box) Close() {
	if b.spool == nil || b.spool.lock == nil {
		return
	}
	s := b.spool
	s.tidy()
	if _, err := s.flush(true); err != nil {
		s.fail(err)
	}
	if packs, _ := b.batch(); len(packs) > 0 {
		s.log.Warn("not all packs are on disk: its budget is used up, or it cannot be written", "budget", s.BudgetPerDay)
	}
	s.release()
}

// Written returns the bytes that the spool has brought to its medium since it was
// opened, counted as its budget is.
func (b *Box) Written() int64 {
	if b.spool == nil {
		return 0
	}
	return b.spool.written.Load()
}

// Unspooled returns how many packs were taken off the disk because the spool was
// full.
func (b *Box) Unspooled() int64 {
	if b.spool == nil {
		return 0
	}
	return b.spool.lost.Load()
}

// step does what is due. It returns how long until it wants to be called again;
// ok is false if that is when there is work.
func (s *spool) step() (wait time.Duration, ok bool) {
	if s.lock == nil {
		if wait := time.Until(s.again); wait > 0 {
			return wait, true
		}
		if err := s.open(); err != nil {
			return s.fail(err), true
		}
	}
	s.tidy()
	wait, err := s.flush(false)
	if err != nil {
		return s.fail(err), true
	}
	return wait, wait > 0
}

// fail gives the directory up for a while.
func (s *spool) fail(err error) (wait time.Duration) {
	if !s.told {
		s.log.Warn("packs are kept in memory only", "err", err)
		s.told = true
	}
	s.release()
	s.again = time.Now().Add(retry)
	return retry
}

// release closes everything. A file without a whole frame goes.
func (s *spool) release() {
	s.finish()
	if s.lock != nil {
		_ = s.lock.Close()
		s.lock = nil
	}
}

// finish ends the current file: the next flush begins another.
func (s *spool) finish() {
	if s.current == nil {
		return
	}
	_ = s.current.Close() // what is in it has been synced
	s.current = nil
	if s.size == 0 {
		_ = os.Remove(s.path)
	}
}

// open takes the lock, and the first time reads what lies in the directory.
func (s *spool) open() error {
	switch err := os.Mkdir(s.Dir, 0o750); {
	case err == nil:
		s.spend(overhead)
		if err := syncDir(filepath.Dir(s.Dir)); err != nil {
			return fmt.Errorf("make spool: %w", err)
		}
	case !errors.Is(err, os.ErrExist):
		return fmt.Errorf("make spool: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(s.Dir, lockName), os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return fmt.Errorf("lock spool: %w", err)
	}
	if err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrInUse
		}
		return fmt.Errorf("lock spool %s: %w", s.Dir, err)
	}
	s.lock = lock
	files, err := s.list()
	if err != nil {
		return err
	}
	if s.fresh {
		s.load(files)
	} else {
		s.compare(files)
	}
	s.fresh = false
	return nil
}

// list returns the files of the directory by age, and sets the number of the
// next one.
func (s *spool) list() (files []*file, err error) {
	entries, err := os.ReadDir(s.Dir) // by name
	if err != nil {
		return nil, fmt.Errorf("list spool: %w", err)
	}
	for _, e := range entries {
		number, ok := strings.CutSuffix(e.Name(), suffix)
		if !ok {
			continue
		}
		seq, err := strconv.ParseUint(number, 16, 63)
		if err != nil || fileName(seq) != e.Name() {
			continue
		}
		f := &file{path: filepath.Join(s.Dir, e.Name())}
		if info, err := e.Info(); err == nil {
			f.size = info.Size()
		}
		files, s.seq = append(files, f), max(s.seq, seq+1)
	}
	return files, nil
}

func fileName(seq uint64) string { return fmt.Sprintf("%016x%s", seq, suffix) }

// load puts what the files hold into the box.
func (s *spool) load(files []*file) {
	for _, f := range files {
		packs, damage, err := read(f.path)
		if err != nil {
			s.log.Warn("packs on disk not read", "err", err)
			s.box.stray([]*file{f})
			continue
		}
		if damage != (segment.Damage{}) {
			s.log.Warn("packs on disk are damaged", "file", f.path, "read", len(packs),
				"places", damage.Frames, "cut off at the end", damage.Tail)
		}
		s.box.load(f.path, f.size, packs)
		if len(packs) == 0 {
			s.remove([]string{f.path})
		}
	}
	if n := s.box.Len(); n > 0 {
		s.log.Info("packs from before are on disk", "packs", n)
	}
}

func read(path string) (packs [][]byte, damage segment.Damage, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, damage, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSegment))
	if err != nil {
		return nil, damage, err
	}
	packs, damage = segment.Decode(text)
	return packs, damage, nil
}

// compare looks what became of the directory while it could not be used. If a
// file is missing, everything is written again.
func (s *spool) compare(files []*file) {
	s.box.mu.Lock()
	for _, path := range s.box.ledger.paths() {
		if !slices.ContainsFunc(files, func(f *file) bool { return f.path == path }) {
			s.box.ledger.forget()
			break
		}
	}
	s.box.mu.Unlock()
	s.box.stray(files)
}

// tidy deletes the files whose packs the broker has.
func (s *spool) tidy() {
	s.box.mu.Lock()
	paths := s.box.ledger.finished()
	s.box.mu.Unlock()
	s.remove(paths)
}

// remove deletes files. One that cannot be deleted holds nothing that is wanted;
// at the next start it is sent again and deleted.
func (s *spool) remove(paths []string) {
	for _, path := range paths {
		if path == s.path {
			s.finish()
		}
		if err := os.Remove(path); err == nil {
			s.spend(overhead)
		}
	}
}

func (s *spool) spend(bytes int64) {
	s.budget.spend(bytes)
	s.written.Add(bytes)
}
