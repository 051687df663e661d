package influx

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
)

// InfluxDB overwrites: a second value at the same instant of a series replaces
// the first and nobody hears of it. So a sample that is not newer than all of its
// series is looked up before it is written. In a fleet that reports on time
// there are none.

// An instant is a place for one value.
type instant struct {
	*track
	time int64 // Unix ms
}

// A gap is a closed range of time in Unix ms, and series of which it is to be
// known what is stored there.
type gap struct {
	from, to int64
	tracks   map[*track]bool
}

// hour is what lookups are grouped by: nodes that are as far behind as each other
// are asked for together, a node that is a week behind alone.
const hour = int64(time.Hour / time.Millisecond)

// gaps groups entries by the hour.
func gaps(entries []entry, wanted func(entry) bool) map[int64]*gap {
	var all map[int64]*gap
	for _, e := range entries {
		if !wanted(e) {
			continue
		}
		if all == nil {
			all = make(map[int64]*gap)
		}
		g, ok := all[e.time/hour]
		if !ok {
			g = &gap{from: e.time, to: e.time, tracks: make(map[*track]bool)}
			all[e.time/hour] = g
		}
		g.from, g.to = min(g.from, e.time), max(g.to, e.time)
		g.tracks[e.track] = true
	}
	return all
}

// learn finds the newest sample of each series that nothing is known of. Before
// the first of its entries it does not look.
func (s *Store) learn(ctx context.Context, entries []entry) error {
	asked := make(map[*track]bool)
	unknown := gaps(entries, func(e entry) bool { // entries are in the order of time
		first := !e.known && !asked[e.track]
		if first {
			asked[e.track] = true
		}
		return first
	})
	for _, g := range unknown {
		newest := make(map[store.Series]row)
		query := s.flux(span{g.from, math.MaxInt64}, nodes(g.tracks)) + " |> last()" + keep
		err := s.lookup(ctx, query, func(r row) { newest[r.series] = r })
		if err != nil {
			return fmt.Errorf("look up the newest samples: %w", err)
		}
		for t := range g.tracks {
			t.known, t.newest, t.value = true, g.from-1, math.NaN()
			if r, ok := newest[t.series]; ok {
				t.newest, t.value = r.time, r.value
				s.newest = max(s.newest, r.time)
			}
		}
	}
	return nil
}

// stored returns the values that the server has at the instants of entries that
// are older than the newest of their series, and others between them.
func (s *Store) stored(ctx context.Context, entries []entry) (map[instant]float64, error) {
	values := make(map[instant]float64)
	late := gaps(entries, func(e entry) bool {
		return e.time < e.newest || e.time == e.newest && math.IsNaN(e.track.value)
	})
	for _, g := range late {
		query := s.flux(span{g.from, g.to}, nodes(g.tracks)) + keep
		err := s.lookup(ctx, query, func(r row) {
			if t, ok := s.tracks[r.series]; ok && g.tracks[t] {
				values[instant{t, r.time}] = r.value
			}
		})
		if err != nil {
			return nil, fmt.Errorf("look up stored samples: %w", err)
		}
	}
	return values, nil
}

// lookup is query with an end: nothing is stored while it lasts.
func (s *Store) lookup(ctx context.Context, flux string, visit func(row)) error {
	late := fmt.Errorf("InfluxDB at %s: %w: no whole answer within %v", s.opts.URL, store.ErrAway, requestTime)
	limited, cancel := context.WithTimeoutCause(ctx, requestTime, late)
	defer cancel()
	return s.query(limited, flux, visit)
}

// maxNames is how many names there are in one query. With more, what others have
// stored in the same time is read over.
const maxNames = 100

// nodes returns a condition of Flux that holds for the nodes of tracks, and may
// hold for all.
func nodes(tracks map[*track]bool) string {
	named := make(map[wire.Node]bool)
	for t := range tracks {
		named[t.series.Node] = true
	}
	if len(named) > maxNames {
		return ours
	}
	var either []string
	for node := range named {
		either = append(either, isNode(string(node)))
	}
	return strings.Join(either, " or ")
}
