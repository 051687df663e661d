// Package places remembers which layout was valid when, and says in PromQL where
// every sensor stood.
//
// A layout that a collector is started with is kept on disk with the time of
// that start, unless it says the same as the one before. It is valid until the
// next; the first is valid for all that was before it, too. So a replaced probe
// is an edit of the layout, and the place keeps its history.
//
// Which Pi was behind which switch port is kept beside them, change by change, and
// fills those slots that a layout leaves to a switch.
package places

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/placement"
	"thermarack/collector/internal/state"
)

// What is kept at most. The oldest go first, and never the one in force.
const (
	maxLayouts = 1000
	maxBytes   = 16 << 20 // 1600 layouts of a hundred Pis, 20 of ten thousand
)

// Options say where layouts are kept, and what is in force.
type Options struct {
	Dir    string         // created if missing
	Layout *layout.Layout // in force from Now on; nil: started without a layout file, which records nothing
	Now    time.Time      // on the collector's clock
	Log    *slog.Logger   // gets what is left out; nil discards
}

// A History knows which layout was valid when, and which Pi stood in its empty
// slots. It is safe for concurrent use.
type History struct {
	entries []entry // by time, at least a millisecond apart; never changed once opened
	journal *journal
}

// An entry is one layout as it was loaded.
type entry struct {
	file   string
	from   int64  // Unix ms, of the start that loaded it
	text   []byte // of the file
	layout *layout.Layout
	plan   func() *placement.Plan // of the layout, made when it is first asked for
}

// Open reads the layouts in o.Dir and records o.Layout if it is another than the
// last of them. What is recorded is on disk when it returns.
//
// A file that is damaged is logged and left as it is; the layout before it then
// counts for its time too. Those from after o.Now, which a clock that was wrong
// has left, count for nothing. The error says which file could not be read or
// written.
func Open(o Options) (*History, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := state.MakeDir(o.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("keep layouts: %w", err)
	}
	h := &History{}
	if err := h.load(o); err != nil {
		return nil, fmt.Errorf("read the layouts of the past: %w", err)
	}
	var err error
	if h.journal, err = openJournal(o); err != nil {
		return nil, fmt.Errorf("read where Pis stood: %w", err)
	}
	if o.Layout == nil {
		return h, nil
	}
	if err := h.record(o); err != nil {
		return nil, fmt.Errorf("keep the layout for later: %w", err)
	}
	return h, nil
}

func (h *History) load(o Options) error {
	files, err := list(o.Dir)
	if err != nil {
		return err
	}
	for _, file := range files {
		e, err := read(o.Dir, file)
		switch {
		case errors.Is(err, errDamaged):
			o.Log.Error("a layout of the past is left out", "err", err)
		case err != nil:
			return err
		case e.from > o.Now.UnixMilli():
			o.Log.Warn("a layout from the future is left out: is the clock right?", "file", e.file)
		default:
			h.entries = append(h.entries, e)
		}
	}
	return nil
}

// record appends the layout in force, unless it is the last already.
func (h *History) record(o Options) error {
	e, err := encode(o.Now, o.Layout)
	if err != nil {
		return err
	}
	n := len(h.entries)
	if n > 0 && bytes.Equal(h.entries[n-1].text, e.text) {
		return nil
	}
	if err := state.Replace(filepath.Join(o.Dir, e.file), e.text); err != nil {
		return err
	}
	if n > 0 && h.entries[n-1].from == e.from {
		h.entries = h.entries[:n-1] // its file was replaced
	}
	h.entries = append(h.entries, e)
	return h.trim(o)
}

// trim removes the oldest layouts beyond what is kept.
func (h *History) trim(o Options) error {
	size := 0
	for _, e := range h.entries {
		size += len(e.text)
	}
	for len(h.entries) > 1 && (len(h.entries) > maxLayouts || size > maxBytes) {
		oldest := h.entries[0]
		if err := remove(o.Dir, oldest.file); err != nil {
			return err
		}
		o.Log.Warn("too many layouts of the past: the oldest is forgotten", "file", oldest.file)
		size -= len(oldest.text)
		h.entries = h.entries[1:]
	}
	return nil
}

// Last returns the layout that was recorded last, with the Pis that were found last
// in its empty slots; nil when none was ever recorded. It must not be changed.
func (h *History) Last() *layout.Layout {
	if len(h.entries) == 0 {
		return nil
	}
	return h.entries[len(h.entries)-1].plan().Fill(h.Placed())
}

// A Period is a time during which nothing of a shelf has changed.
type Period struct {
	From, To time.Time // From inclusive, To exclusive

	// Layout has that shelf, with the Pis that stood in it, and all switches; no
	// shelf when it was not there. It must not be changed.
	Layout *layout.Layout
}

// At returns the shelf with an id as it was at t, as Period has it: in the layout
// that was valid then and with the Pis that stood in it; nil when no layout was
// ever recorded.
func (h *History) At(shelf string, t time.Time) *layout.Layout {
	if len(h.entries) == 0 {
		return nil
	}
	return h.entries[h.index(t.UnixMilli())].of(shelf, h.journal, t.UnixMilli())
}

// Shelves returns the ids of all shelves that there were at t, sorted; nil when no
// layout was ever recorded.
func (h *History) Shelves(t time.Time) []string {
	if len(h.entries) == 0 {
		return nil
	}
	var ids []string
	valid := h.entries[h.index(t.UnixMilli())].layout
	for i := range valid.Shelves {
		ids = append(ids, valid.Shelves[i].ID())
	}
	return ids
}

// Periods yields what a shelf was from one time until before another: periods in
// time order that leave no gap, or none when no layout was ever recorded or to is
// not after from.
func (h *History) Periods(shelf string, from, to time.Time) iter.Seq[Period] {
	return func(yield func(Period) bool) {
		if len(h.entries) == 0 || !from.Before(to) {
			return
		}
		cuts := h.cuts(shelf, from.UnixMilli(), to.UnixMilli())
		for i := range cuts {
			p := Period{from, to, h.At(shelf, time.UnixMilli(cuts[i]))}
			if i > 0 {
				p.From = time.UnixMilli(cuts[i]).UTC()
			}
			if i+1 < len(cuts) {
				p.To = time.UnixMilli(cuts[i+1]).UTC()
			}
			if !yield(p) {
				return
			}
		}
	}
}

// cuts returns when a shelf may have become another, in Unix ms and in order: from
// first, then what is after it and before to.
func (h *History) cuts(shelf string, from, to int64) []int64 {
	cuts := []int64{from}
	for i := h.index(from); i < len(h.entries); i++ {
		valid := h.valid(i)
		if valid.from >= to {
			break
		}
		if valid.from > from {
			cuts = append(cuts, valid.from)
		}
		if s, ok := h.entries[i].layout.Shelf(shelf); ok {
			cuts = append(cuts, h.journal.within(s, span{max(valid.from, from), min(valid.to, to)})...)
		}
	}
	slices.Sort(cuts)
	return slices.Compact(cuts)
}

// index returns which entry was valid at a time, in Unix ms. There is one.
func (h *History) index(at int64) int {
	after, _ := slices.BinarySearchFunc(h.entries, at, func(e entry, at int64) int {
		if e.from <= at {
			return -1
		}
		return 1
	})
	return max(after-1, 0)
}
