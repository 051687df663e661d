package outbox

import "time"

const (
	// page is what a medium is written in, however short the text.
	page = 4 << 10
	// overhead is allowed for what a file system writes of its own with each
	// fsync, deletion or new name: the journal's descriptor, inode, bitmap, group
	// and commit blocks of ext4, and one of them at home. With its fast commits
	// ext4 writes a single block.
	overhead = 6 * page
)

// minBudget is the least that a spool works with, in bytes a day. A Pi with
// everything on it makes as much at 10 s, a plain one a quarter.
const minBudget = 1_000_000

// A budget is what may be written. In any 24 hours it is no more than its bytes a
// day: those that may be saved up and those that come in make that together. It
// begins with nothing, so that an agent that is restarted again and again does
// not write more.
type budget struct {
	most float64 // that is saved up
	rate float64 // bytes a second
	left float64 // below 0 after a deletion, which waits for nothing
	at   time.Time
}

func newBudget(perDay int64) budget {
	most := max(float64(perDay)/24, 192<<10)
	return budget{most: most, rate: (float64(perDay) - most) / (24 * 60 * 60), at: time.Now()}
}

// wait returns how long it takes until bytes may be written; 0 or less is not at
// all.
func (b *budget) wait(bytes int64) time.Duration {
	now := time.Now()
	b.left = min(b.most, b.left+b.rate*now.Sub(b.at).Seconds())
	b.at = now
	missing := min(float64(bytes), b.most) - b.left
	if missing <= 0 {
		return 0
	}
	return max(time.Duration(missing/b.rate*float64(time.Second)), time.Millisecond)
}

func (b *budget) spend(bytes int64) { b.left -= float64(bytes) }

// pages returns the bytes of all pages that a text from and to an offset of a
// file touches.
func pages(from, to int64) int64 {
	return ((to+page-1)/page - from/page) * page
}
