package tsdb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"thermarack/collector/internal/store"
)

// maxEntered is the most entries whose memory is used again.
const maxEntered = 1 << 15

// A track is what the store remembers of a series that it has been given
// samples of since it was opened.
type track struct {
	series store.Series
	labels labels.Labels
	ref    storage.SeriesRef // the library's; saves it a lookup by labels
	newest int64             // Unix ms; no stored sample is later. math.MaxInt64: not known yet
	held   held              // during a commit
	next   *track            // the series that came behind this one the last time, or nil
	same   *track            // another series of the same hash, or nil
}

// A held sample is the last one of a series that the library was given in a
// commit.
type held struct {
	time  int64 // Unix ms; math.MinInt64: there is none
	value float64
}

var nothing = held{time: math.MinInt64}

// An entry is one sample on its way into the library.
type entry struct {
	*track
	index int   // in the samples given to Append
	time  int64 // Unix ms
	value float64
}

// late tells whether the library may already have a sample at e's time, or one
// that is later: it then goes where the library drops conflicts silently.
func (e entry) late() bool { return e.time <= e.newest }

// Append stores samples, with times cut to milliseconds and values rounded by
// store.Round, and returns once they are on disk. It returns those that are
// refused, in order: older than the window before the newest sample there was
// before the call, or in conflict with the value, after rounding, that is stored
// at the same instant of the same series. The same sample again changes nothing.
// Calls are done one after the other; many samples a call are much faster.
//
// The error wraps store.ErrSample for a bug of the caller, ErrDiskFull and the
// error of ctx when nothing was stored and the call can be made again;
// ErrDamaged when only a restart helps, until which all further calls fail;
// fs.ErrClosed after Close.
func (s *Store) Append(ctx context.Context, samples []store.Sample) ([]store.Refusal, error) {
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("append: %w", err)
	}
	defer s.life.RUnlock()
	s.appending.Lock()
	defer s.appending.Unlock()
	if s.damage != nil {
		return nil, fmt.Errorf("append: %w", s.damage)
	}
	refused, err := s.append(ctx, samples)
	if err != nil {
		return nil, fmt.Errorf("append to %s: %w", s.dir, err)
	}
	s.janitor.wake()
	slices.SortFunc(refused, func(a, b store.Refusal) int { return cmp.Compare(a.Index, b.Index) })
	return refused, nil
}

func (s *Store) append(ctx context.Context, samples []store.Sample) ([]store.Refusal, error) {
	if err := checkSpace(s.dir, s.minFree); err != nil {
		return nil, err
	}
	entries, err := s.entries(samples)
	if err != nil {
		return nil, err
	}
	stored, err := s.stored(ctx, entries)
	if err != nil {
		return nil, err
	}
	return s.commit(ctx, entries, stored)
}

// entries returns the samples in the order of their times, which is the one
// that the library likes: of an empty store the first sample is the beginning,
// and of a series each one earlier than the last takes the slow way.
func (s *Store) entries(samples []store.Sample) ([]entry, error) {
	entries := slices.Grow(s.entered[:0], len(samples))
	for i := range samples {
		sample := &samples[i]
		t, err := s.track(sample.Series)
		if err == nil {
			err = sample.Point.Check()
		}
		if err != nil {
			return nil, fmt.Errorf("sample %d of %d, %.120q: %w", i, len(samples), sample.Name(), err)
		}
		entries = append(entries, entry{
			track: t,
			index: i,
			time:  sample.Time.UnixMilli(),
			value: store.Round(sample.Value, sample.Unit),
		})
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.time, b.time) })
	if cap(entries) <= maxEntered {
		s.entered = entries
	}
	return entries, nil
}

// track returns what is known of a series. The samples of a message come in the
// same order every time, and so the one behind the last is tried first: that is
// several times as fast as to look up six strings.
func (s *Store) track(series store.Series) (*track, error) {
	last := s.last
	if last != nil && last.next != nil && last.next.series == series {
		s.last = last.next
		return s.last, nil
	}
	hash := maphash.Comparable(s.seed, series)
	t := s.tracks[hash]
	for t != nil && t.series != series {
		t = t.same
	}
	if t == nil {
		if err := series.Check(); err != nil {
			return nil, err
		}
		t = &track{series: series, labels: Labels(series), newest: math.MaxInt64, held: nothing, same: s.tracks[hash]}
		s.tracks[hash] = t
	}
	if last != nil {
		last.next = t
	}
	s.last = t
	return t, nil
}

// An instant is a place for one value.
type instant struct {
	*track
	time int64 // Unix ms
}

// stored returns the values that the store has at the times of late entries,
// and others between them.
//
// The library reports a conflict with the newest sample of a series only. Older
// ones it drops at commit, or stores beside the first, depending on where that
// one is by now.
func (s *Store) stored(ctx context.Context, entries []entry) (map[instant]float64, error) {
	spans := lateSpans(entries)
	if len(spans) == 0 {
		return nil, nil
	}
	values := make(map[instant]float64)
	all := span{math.MaxInt64, math.MinInt64}
	for _, sp := range spans {
		all = span{min(all.from, sp.from), max(all.to, sp.to)}
	}
	q, err := s.db.Querier(all.from, all.to)
	if err != nil {
		return nil, fmt.Errorf("look up stored samples: %w", err)
	}
	for t, sp := range spans {
		if err = lookup(ctx, q, t, sp, values); err != nil {
			break
		}
	}
	if err := errors.Join(err, q.Close()); err != nil {
		return nil, fmt.Errorf("look up stored samples: %w", err)
	}
	return values, nil
}

// lateSpans returns what has to be looked up: of each series with late entries
// from the first of these to the last, and to the end of time while it is not
// known what the newest sample is.
func lateSpans(entries []entry) map[*track]span {
	var spans map[*track]span
	for _, e := range entries { // by time
		if !e.late() {
			continue
		}
		if spans == nil {
			spans = make(map[*track]span)
		}
		sp, ok := spans[e.track]
		if !ok {
			sp.from = e.time
		}
		sp.to = e.time
		if e.newest == math.MaxInt64 {
			sp.to = math.MaxInt64
		}
		spans[e.track] = sp
	}
	return spans
}

// lookup adds the values of a series in a span, and learns from a span that
// goes on to the end of time which is the newest.
func lookup(ctx context.Context, q storage.Querier, t *track, sp span, values map[instant]float64) error {
	newest := sp.from - 1
	err := walk(ctx, q.Select(ctx, false, sp.hints(), matchLabels(t.labels)...), func(ls labels.Labels, points iterator) {
		if !labels.Equal(ls, t.labels) {
			return
		}
		for points.next() {
			newest = points.time
			values[instant{t, points.time}] = points.value
		}
	})
	if err == nil && sp.to == math.MaxInt64 {
		t.newest = newest
	}
	return err
}

// commit stores the entries that are not stored, and returns when they are on
// disk.
func (s *Store) commit(ctx context.Context, entries []entry, stored map[instant]float64) ([]store.Refusal, error) {
	defer release(entries)
	app := s.db.AppenderV2(ctx)
	var refused []store.Refusal
	for _, e := range entries {
		reason, err := e.add(app, stored)
		if err != nil {
			return nil, errors.Join(err, s.damaged(app.Rollback()))
		}
		if reason != "" {
			refused = append(refused, store.Refusal{Index: e.index, Reason: reason})
		}
	}
	if err := s.damaged(s.flush(app)); err != nil {
		return nil, err
	}
	for _, e := range entries {
		e.newest = max(e.newest, e.held.time)
	}
	return refused, nil
}

// release ends a commit.
func release(entries []entry) {
	for _, e := range entries {
		e.held = nothing
	}
}

// add puts an entry into what app will commit, unless it is stored. It returns
// the reason for which the entry is refused, if it is. Of two entries at one
// instant the second finds the first held, as they come by time.
func (e entry) add(app storage.AppenderV2, stored map[instant]float64) (reason string, err error) {
	value, ok := stored[instant{e.track, e.time}]
	if e.time == e.held.time {
		value, ok = e.held.value, true
	}
	switch {
	case ok && value != e.value:
		return store.RefusedConflict, nil
	case ok:
		return "", nil
	}
	ref, err := app.Append(e.ref, e.labels, 0, e.time, e.value, nil, nil, storage.AOptions{})
	if err != nil {
		return refusal(err)
	}
	e.ref, e.held = ref, held{e.time, e.value}
	return "", nil
}

// refusal returns the reason for which the library refuses a sample for good,
// or the error itself if it is about anything else.
func refusal(err error) (reason string, other error) {
	switch {
	case errors.Is(err, storage.ErrTooOldSample),
		errors.Is(err, storage.ErrOutOfBounds),
		errors.Is(err, storage.ErrOutOfOrderSample):
		return store.RefusedPast, nil
	case errors.Is(err, storage.ErrDuplicateSampleForTimestamp):
		return store.RefusedConflict, nil
	}
	return "", err
}

// flush commits and syncs.
func (s *Store) flush(app storage.AppenderV2) error {
	if err := survive(app.Commit); err != nil {
		return err
	}
	failed, err := s.counters.value(countUnlogged)
	switch {
	case err != nil:
		return err
	case failed > 0:
		return errors.New("write to wbl/, the log of out-of-order samples")
	}
	if err := s.sync.Sync(); err != nil {
		return err
	}
	// The library would write chunks that are complete once a minute, which is a
	// panic when the disk has filled up since. Now there is room for them.
	return survive(func() error {
		s.db.ForceHeadMMap()
		return nil
	})
}

// damaged makes an error of the logs one of every further Append. A log that
// was not written is behind the memory of the library from there on: a sample
// that comes again would be found stored, and be gone after a restart.
func (s *Store) damaged(err error) error {
	if err == nil {
		return nil
	}
	s.damage = fmt.Errorf("%w: check the disk and restart: %w", ErrDamaged, err)
	return s.damage
}
