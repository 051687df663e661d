package influx

import (
	"context"
	"math"
	"slices"
	"time"

	"thermarack/collector/internal/store"
)

const (
	// maxWrite is how many entries go into one request: some 2 MB, which the
	// server takes apart in a tenth of a second.
	maxWrite = 50_000

	// requestTime is how long one request of Append may take.
	requestTime = 30 * time.Second
)

// A rejected entry is one that the server will not take.
type rejected struct {
	entry  entry
	reason string // a store.Refused constant
}

// write returns when the server has stored all entries but those that it rejects.
func (s *Store) write(ctx context.Context, entries []entry) ([]rejected, error) {
	var all []rejected
	for chunk := range slices.Chunk(entries, maxWrite) {
		fault, err := s.post(ctx, encode(chunk, true))
		if err != nil {
			return nil, err
		}
		if fault == nil {
			continue
		}
		few, err := s.sift(ctx, chunk, fault)
		if err != nil {
			return nil, err
		}
		all = append(all, few...)
	}
	return all, nil
}

// post sends lines. fault is not nil when the server took the request and not
// all of the lines; which of them, it does not say.
func (s *Store) post(ctx context.Context, lines string) (fault *partial, err error) {
	limited, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	err = s.writer.WriteRecord(limited, lines)
	if err == nil {
		return nil, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if fault := partialOf(err); fault != nil {
		return fault, nil
	}
	if wait := retryAfter(err); wait > 0 {
		s.notBefore = time.Now().Add(wait)
	}
	return nil, s.explain(err)
}

// sift finds the rejected ones among entries that were written together, with a
// fault. Of the others each was in a request that the server took as a whole:
// what it says of a mixed one does not tell whether the rest is stored by now.
func (s *Store) sift(ctx context.Context, entries []entry, fault *partial) ([]rejected, error) {
	slices.SortStableFunc(entries, func(a, b entry) int { return int(min(max(a.time-b.time, -1), 1)) })
	var all []rejected
	for _, part := range fault.split(entries) {
		if len(part) == 0 {
			continue
		}
		left, err := s.post(ctx, encode(part, false))
		switch {
		case err != nil:
			return nil, err
		case left == nil:
			continue
		case len(part) == 1 || left.dropped >= len(part):
			for _, e := range part {
				all = append(all, rejected{e, left.reason})
			}
			s.quiet.Warn(left.reason, "InfluxDB does not take a sample", "sample", part[0].series.Name(), "samples", len(part), "reason", left.reason, "err", left.message)
			continue
		}
		few, err := s.sift(ctx, part, left)
		if err != nil {
			return nil, err
		}
		all = append(all, few...)
	}
	return all, nil
}

// split parts entries, which are in the order of their times, into those that
// the fault may be about and the others; if it does not say, or is about all of
// them, into halves.
func (p *partial) split(entries []entry) [2][]entry {
	switch {
	case len(entries) == 1:
		return [2][]entry{entries}
	case p.reason == store.RefusedFieldType:
		suspects := make([]entry, 0, len(entries))
		var others []entry
		for _, e := range entries {
			if e.field == p.field && string(e.series.Node) == p.node {
				suspects = append(suspects, e)
			} else {
				others = append(others, e)
			}
		}
		if len(suspects) > 0 && len(others) > 0 {
			return [2][]entry{suspects, others}
		}
	case p.reason == store.RefusedPast && p.dropped > 0 && p.dropped < len(entries):
		return [2][]entry{entries[:p.dropped], entries[p.dropped:]}
	}
	half := int(math.Ceil(float64(len(entries)) / 2))
	return [2][]entry{entries[:half], entries[half:]}
}
