package rack

import (
	"context"
	"fmt"
	"time"

	"thermarack/collector/internal/store"
)

// States returns several shelves at one moment, in the order of their ids, each
// the same as State returns it; the history is asked once for all of them. Shelves
// that the layout of then does not have are left out. The error is the history's,
// or ctx's.
func (m *Model) States(ctx context.Context, shelves []string, at time.Time) ([]State, error) {
	var points map[string]store.Point
	if !at.IsZero() {
		var err error
		if points, err = m.history.Latest(ctx, at, m.ages.missing); err != nil {
			return nil, fmt.Errorf("%d shelves at %s: %w", len(shelves), at.Format(time.RFC3339), err)
		}
	}
	states := make([]State, 0, len(shelves))
	for _, shelf := range shelves {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		x := m.indexAt(shelf, at)
		s, ok := x.shelves[shelf]
		if !ok {
			continue
		}
		if at.IsZero() {
			states = append(states, m.now(x, s))
			continue
		}
		states = append(states, Past{x, s, m.ages, m.normals}.State(at, func(record string) store.Point { return points[record] }))
	}
	return states, nil
}
