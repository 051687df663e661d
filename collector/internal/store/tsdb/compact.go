package tsdb

import (
	"cmp"
	"context"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// A janitor writes what is older than two hours into blocks, and joins blocks.
//
// The library would do so on its own, but between the moment when it takes late
// samples out of its hands and that when their block is on disk, another late
// sample of the same series makes their log unreadable: a kill just then costs
// them. So nothing is appended meanwhile, which takes a second for a thousand
// series; joining blocks, which may take minutes, goes on beside.
type janitor struct {
	db      *tsdb.DB
	log     *slog.Logger
	due     chan struct{} // holds one request
	stop    context.CancelFunc
	stopped chan struct{}

	busy     chan struct{} // holds one element while blocks are made, joined or listed
	mayBegin func() error  // called before blocks are made, while nothing is appended
	joining  func()        // called before blocks are joined
	maxJoin  int64         // bytes of the largest block that is made by joining; 0: any
}

// retryAfter is how long a compaction that failed is left alone.
const retryAfter = time.Minute

// newCompactor makes the library's compactor such that it stops with ctx and
// asks the janitor.
func (j *janitor) newCompactor(ctx context.Context) tsdb.NewCompactorFunc {
	return func(_ context.Context, r prometheus.Registerer, l *slog.Logger, ranges []int64, pool chunkenc.Pool, _ *tsdb.Options) (tsdb.Compactor, error) {
		c, err := tsdb.NewLeveledCompactorWithOptions(ctx, r, l, ranges, pool, tsdb.LeveledCompactorOptions{
			EnableOverlappingCompaction: true,
			BlockExcludeFilter:          j.keepsApart,
		})
		return planner{c, j}, err
	}
}

// A planner is a compactor that tells when it begins to join blocks.
type planner struct {
	tsdb.Compactor
	janitor *janitor
}

// Plan returns the directories of the blocks to be joined next; none when the
// result would be too large to be deleted as a whole without a great loss. Late
// samples are joined with the block of their time all the same.
func (p planner) Plan(dir string) ([]string, error) {
	p.janitor.joining()
	dirs, err := p.Compactor.Plan(dir)
	if err != nil || p.janitor.maxJoin == 0 {
		return dirs, err
	}
	var sum int64
	var last span
	for i, b := range p.janitor.blocks(dirs) {
		if i > 0 && b.MinTime() < last.to {
			return dirs, nil
		}
		last = span{b.MinTime(), b.MaxTime()}
		sum += b.Size()
	}
	if sum > p.janitor.maxJoin {
		return nil, nil
	}
	return dirs, nil
}

// blocks returns the blocks in dirs, by time.
func (j *janitor) blocks(dirs []string) []*tsdb.Block {
	var found []*tsdb.Block
	for _, b := range j.db.Blocks() {
		if slices.Contains(dirs, b.Dir()) {
			found = append(found, b)
		}
	}
	slices.SortFunc(found, func(a, b *tsdb.Block) int { return cmp.Compare(a.MinTime(), b.MinTime()) })
	return found
}

// keepsApart tells whether a block must not be joined with others yet: one of
// late samples that reaches into the time of which the other samples are only
// in the log.
//
// When the library is opened it reads back no sample of wal/ that is older than
// the end of its blocks, those of late samples excepted. But once such a block
// is joined with another it no longer counts as one, and the result may end
// after samples that are nowhere else: they are gone. That takes a pause and a
// backlog, such as a restart of the collector for an hour.
func (j *janitor) keepsApart(meta *tsdb.BlockMeta) bool {
	if !meta.Compaction.FromOutOfOrder() {
		return false
	}
	end := int64(math.MinInt64)
	for _, b := range j.db.Blocks() {
		if m := b.Meta(); !m.Compaction.FromOutOfOrder() {
			end = max(end, m.MaxTime)
		}
	}
	return meta.MaxTime > end
}

// run compacts whenever it is due, until ctx is cancelled.
func (j *janitor) run(ctx context.Context, appending sync.Locker) {
	defer close(j.stopped)
	for {
		select {
		case <-ctx.Done():
			return
		case <-j.due:
		}
		err := j.compact(ctx, appending)
		if err == nil || ctx.Err() != nil {
			continue
		}
		j.log.Error("write blocks, tried again in a minute", "dir", j.db.Dir(), "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(retryAfter):
			j.ask()
		}
	}
}

// compact does all that there is to do. It holds appending until only blocks
// are left to be joined.
func (j *janitor) compact(ctx context.Context, appending sync.Locker) error {
	if err := j.pause(ctx); err != nil {
		return err
	}
	defer j.resume()
	appending.Lock()
	j.joining = sync.OnceFunc(appending.Unlock)
	defer j.joining()
	if err := j.mayBegin(); err != nil {
		return err
	}
	return j.db.Compact(ctx)
}

// pause waits until no block is being made or joined, and keeps it so until
// resume. The error is that of ctx.
func (j *janitor) pause(ctx context.Context) error {
	select {
	case j.busy <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (j *janitor) resume() { <-j.busy }

// wake asks for a compaction if the library would do one by now.
func (j *janitor) wake() {
	head := j.db.Head()
	if head.MaxTime()-head.MinTime() > (twoHours + twoHours/2).Milliseconds() {
		j.ask()
	}
}

func (j *janitor) ask() {
	select {
	case j.due <- struct{}{}:
	default: // asked already
	}
}

// close ends a compaction under way and waits for it.
func (j *janitor) close() {
	j.stop()
	<-j.stopped
}
