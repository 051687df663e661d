package influx

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"thermarack/collector/internal/store"
)

// never is before all time stamps.
const never = math.MinInt64

// A track is what the store remembers of a series that it has been given
// samples of since it was opened.
type track struct {
	series   store.Series
	head     string // of its lines
	field    string // escaped
	writable bool   // can be said in line protocol
	named    bool   // is in Store.names
	next     *track // that came behind it last, or nil

	// known tells whether newest and value are what the server has. They are not
	// before the first lookup, and not after a write that failed.
	known  bool
	newest int64   // Unix ms; no stored sample is later
	value  float64 // at newest; NaN while nothing is known to be stored there
}

// An entry is one sample on its way to the server.
type entry struct {
	*track
	index int   // in the samples given to Append
	time  int64 // Unix ms
	value float64
}

// Append stores samples, with times cut to milliseconds and values rounded by
// store.Round, and returns once the server has said that it has them on disk.
// It returns those that are refused, in order: older than the window before the
// newest sample that this process knows of, in conflict with the value that is
// stored at the same instant of the same series, or not taken by the server,
// which names the reason. The same sample again changes nothing. Calls are done
// one after the other; many samples a call are much faster.
//
// The error wraps store.ErrSample for a bug of the caller, ErrDenied when
// somebody has to put something right, store.ErrAway while the server does not
// answer, or asks for a pause; in the latter two cases the same call can be made
// again, and is not carried to the server during a pause. It is fs.ErrClosed
// after Close.
func (s *Store) Append(ctx context.Context, samples []store.Sample) ([]store.Refusal, error) {
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("append: %w", err)
	}
	defer s.life.RUnlock()
	s.appending.Lock()
	defer s.appending.Unlock()
	entries, err := s.entries(samples)
	if err != nil {
		return nil, fmt.Errorf("append: %w", err)
	}
	if wait := time.Until(s.notBefore); wait > 0 {
		return nil, fmt.Errorf("append: %w: InfluxDB at %s asked to be left alone for %v more", store.ErrAway, s.opts.URL, wait.Round(time.Second))
	}
	refused, err := s.append(ctx, entries)
	if err != nil {
		return nil, fmt.Errorf("append: %w", err)
	}
	slices.SortFunc(refused, func(a, b store.Refusal) int { return cmp.Compare(a.Index, b.Index) })
	return refused, nil
}

func (s *Store) append(ctx context.Context, entries []entry) ([]store.Refusal, error) {
	if err := s.learn(ctx, entries); err != nil {
		return nil, err
	}
	stored, err := s.stored(ctx, entries)
	if err != nil {
		return nil, err
	}
	fresh, refused := s.triage(entries, stored)
	rejected, err := s.write(ctx, fresh)
	if err != nil {
		forget(fresh) // any part of them may be stored
		return nil, err
	}
	for _, r := range rejected {
		r.entry.known = false
		refused = append(refused, store.Refusal{Index: r.entry.index, Reason: r.reason})
	}
	s.names.add(named(fresh)...)
	return refused, nil
}

// named returns the names of the series that were stored for the first time by
// this process.
func named(stored []entry) []string {
	var all []string
	for _, e := range stored {
		if e.known && !e.named {
			e.named = true
			all = append(all, e.series.Name())
		}
	}
	return all
}

// entries checks the samples and returns them in the order of their times. The
// error wraps store.ErrSample.
func (s *Store) entries(samples []store.Sample) ([]entry, error) {
	entries := make([]entry, len(samples))
	var before *track
	for i := range samples {
		sample := &samples[i]
		t, known := s.trackOf(sample.Series, before)
		// What is known of its series passed the check with an earlier sample.
		if !known || sample.Time.IsZero() || math.IsNaN(sample.Value) || math.IsInf(sample.Value, 0) {
			if err := sample.Check(); err != nil {
				return nil, fmt.Errorf("sample %d of %d: %w", i, len(samples), err)
			}
		}
		if !known {
			t = newTrack(sample.Series)
			s.tracks[sample.Series] = t
		}
		entries[i] = entry{track: t, index: i, time: sample.Time.UnixMilli(), value: store.Round(sample.Value, sample.Unit)}
		before = t
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.time, b.time) })
	return entries, nil
}

// trackOf returns the track of a series. A node says the same in the same order
// each time, so that most are found behind the one before.
func (s *Store) trackOf(series store.Series, before *track) (t *track, known bool) {
	if before != nil && before.next != nil && before.next.series == series {
		return before.next, true
	}
	t, known = s.tracks[series]
	if before != nil {
		before.next = t
	}
	return t, known
}

func newTrack(series store.Series) *track {
	t := &track{series: series, writable: isWritable(series), newest: never, value: math.NaN()}
	if t.writable {
		t.head, t.field = head(series), escape(nameOf(series.Node, series.Device)+":"+series.Quantity)
	}
	return t
}

func forget(entries []entry) {
	for _, e := range entries {
		e.known = false
	}
}

// triage tells entries that are to be written from those that are stored already,
// which it drops, and those that are refused. What it tells to write it takes
// for written.
func (s *Store) triage(entries []entry, stored map[instant]float64) (fresh []entry, refused []store.Refusal) {
	oldest := int64(never)
	if s.newest != never {
		oldest = s.newest - s.opts.OutOfOrder.Milliseconds()
	}
	fresh = make([]entry, 0, len(entries))
	for _, e := range entries {
		there, ok := e.stored(stored)
		switch {
		case !e.writable:
			refused = append(refused, store.Refusal{Index: e.index, Reason: store.RefusedServer})
		case ok && there != e.value:
			refused = append(refused, store.Refusal{Index: e.index, Reason: store.RefusedConflict})
		case ok: // again
		case e.time < oldest:
			refused = append(refused, store.Refusal{Index: e.index, Reason: store.RefusedPast})
		default:
			fresh = append(fresh, e)
			e.take(stored)
			s.newest = max(s.newest, e.time)
		}
	}
	return fresh, refused
}

// stored returns the value that is stored at e's instant.
func (e entry) stored(late map[instant]float64) (value float64, ok bool) {
	switch {
	case e.time > e.newest:
		return 0, false
	case e.time == e.newest && !math.IsNaN(e.track.value):
		return e.track.value, true
	}
	value, ok = late[instant{e.track, e.time}]
	return value, ok
}

// take notes that e is stored.
func (e entry) take(late map[instant]float64) {
	if e.time >= e.newest {
		e.newest, e.track.value = e.time, e.value
		return
	}
	late[instant{e.track, e.time}] = e.value
}
