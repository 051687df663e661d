// Package tee keeps every sample in two stores and reads the first.
package tee

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"thermarack/collector/internal/ingest/quiet"
	"thermarack/collector/internal/store"
)

// A Sink is a store that is written only.
type Sink interface {
	Append(ctx context.Context, samples []store.Sample) ([]store.Refusal, error)
	Close() error
}

// A Source is a store that is read as well.
type Source interface {
	Sink
	Range(ctx context.Context, name string, from, to time.Time) ([]store.Point, error)
	Latest(ctx context.Context, at time.Time, lookback time.Duration) (map[string]store.Point, error)
	Unit(ctx context.Context, name string) (string, error)
	Series(ctx context.Context) ([]store.Series, error)
}

// Options say which two stores, and how messages call them.
type Options struct {
	First                 Source
	Second                Sink
	FirstName, SecondName string                // "tsdb", "influx"
	Log                   *slog.Logger          // told of what the second refuses; nil discards it
	Registry              prometheus.Registerer // counts that; may be nil
}

// A Store is two stores in one. It is safe for concurrent use if both are. What
// is read is the first's, see there.
type Store struct {
	Source
	opts    Options
	quiet   *quiet.Log
	refused *prometheus.CounterVec
}

// New returns a store that closes both with it.
func New(o Options) *Store {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{
		Source: o.First, opts: o, quiet: quiet.New(o.Log, time.Minute),
		refused: promauto.With(o.Registry).NewCounterVec(prometheus.CounterOpts{
			Name: "thermarack_tee_refused_total",
			Help: "Samples that the first store has kept and the second refuses for good.",
		}, []string{"store", "reason"}),
	}
	for _, reason := range store.Reasons() {
		s.refused.WithLabelValues(o.SecondName, reason)
	}
	return s
}

// Append stores samples in both at once and returns when both have them. What
// the first refuses is returned; what only the second refuses is counted and
// logged, for the sample can be read. The error says which store has failed, and
// wraps what that one returned; the other may have stored them.
func (s *Store) Append(ctx context.Context, samples []store.Sample) ([]store.Refusal, error) {
	var wg sync.WaitGroup
	var beside []store.Refusal
	var second error
	wg.Go(func() { beside, second = s.opts.Second.Append(ctx, samples) })
	refused, first := s.opts.First.Append(ctx, samples)
	wg.Wait()
	if err := errors.Join(named(s.opts.FirstName, first), named(s.opts.SecondName, second)); err != nil {
		return nil, err
	}
	s.count(samples, refused, beside)
	return refused, nil
}

// count counts what only the second store refuses.
func (s *Store) count(samples []store.Sample, refused, beside []store.Refusal) {
	gone := make(map[int]bool, len(refused))
	for _, r := range refused {
		gone[r.Index] = true
	}
	for _, r := range beside {
		if gone[r.Index] {
			continue
		}
		s.refused.WithLabelValues(s.opts.SecondName, r.Reason).Inc()
		sample := samples[r.Index]
		s.quiet.Warn(r.Reason, "one of two stores refuses a sample", "store", s.opts.SecondName, "reason", r.Reason,
			"sample", sample.Name(), "time", sample.Time)
	}
}

func named(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("store %s: %w", name, err)
}

// Close closes both.
func (s *Store) Close() error {
	return errors.Join(named(s.opts.FirstName, s.opts.First.Close()), named(s.opts.SecondName, s.opts.Second.Close()))
}
