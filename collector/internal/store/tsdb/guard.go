package tsdb

import (
	"math"
	"sync/atomic"

	"github.com/prometheus/prometheus/tsdb"
)

// A blockGuard keeps blocks of late samples apart that reach into the time of
// which the other samples are only in the log yet.
//
// When the library is opened it reads back no sample of wal/ that is older than
// the end of its blocks, those of late samples excepted. But once such a block
// is joined with another it no longer counts as one, and the result may end
// after samples that are nowhere else: they are gone. That takes a pause and a
// backlog, such as a restart of the collector for an hour.
type blockGuard struct {
	db atomic.Pointer[tsdb.DB] // nil while the library is being opened
}

// excludes tells whether a block must not be joined with others yet.
func (g *blockGuard) excludes(meta *tsdb.BlockMeta) bool {
	db := g.db.Load()
	if db == nil {
		return true
	}
	if !meta.Compaction.FromOutOfOrder() {
		return false
	}
	end := int64(math.MinInt64)
	for _, b := range db.Blocks() {
		if m := b.Meta(); !m.Compaction.FromOutOfOrder() {
			end = max(end, m.MaxTime)
		}
	}
	return meta.MaxTime > end
}
