package tsdb

import (
	"context"
	"fmt"
	"sync"

	"github.com/prometheus/prometheus/storage"
)

// Queryable gives PromQL access to the samples, under the names and labels of
// Labels. Close waits until all of its queriers are closed; then the error is
// fs.ErrClosed.
func (s *Store) Queryable() storage.Queryable {
	return storage.QueryableFunc(func(from, to int64) (storage.Querier, error) {
		if err := s.enter(context.Background()); err != nil {
			return nil, fmt.Errorf("query: %w", err)
		}
		q, err := s.db.Querier(from, to)
		if err != nil {
			s.life.RUnlock()
			return nil, fmt.Errorf("query store %s: %w", s.dir, err)
		}
		return &heldQuerier{q, sync.OnceFunc(s.life.RUnlock)}, nil
	})
}

// A heldQuerier keeps its store open: what it reads is mapped into memory, and
// gone with the store.
type heldQuerier struct {
	storage.Querier
	leave func()
}

// Close ends it. Closing again does nothing more to the store.
func (q *heldQuerier) Close() error {
	defer q.leave()
	return q.Querier.Close()
}
