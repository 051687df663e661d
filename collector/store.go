package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/storage"

	"thermarack/collector/internal/config"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/store"
	"thermarack/collector/internal/store/influx"
	"thermarack/collector/internal/store/tee"
	"thermarack/collector/internal/store/tsdb"
)

// An openStore is the store that the configuration names, in a data directory
// that is ours.
type openStore struct {
	tee.Source
	embedded  *tsdb.Store       // that or a part of it; nil when all is on a server
	queryable storage.Queryable // what PromQL reads
	claim     *claim
}

// Close closes the store and gives the directory back.
func (s openStore) Close() error { return errors.Join(s.Source.Close(), s.claim.release()) }

// openSamples takes the data directory and opens the store of a configuration. A
// server may be away.
func openSamples(c config.Config, log *slog.Logger, registry prometheus.Registerer) (openStore, error) {
	claimed, err := claimData(c.Data)
	if err != nil {
		return openStore{}, err
	}
	s, err := openKind(c, log, registry)
	if err != nil {
		return s, errors.Join(err, claimed.release())
	}
	s.claim = claimed
	return s, nil
}

// openKind opens the store of a configuration.
func openKind(c config.Config, log *slog.Logger, registry prometheus.Registerer) (openStore, error) {
	var server *influx.Store
	if c.Store != config.StoreTSDB {
		var err error
		server, err = influx.Open(influx.Options{
			URL: c.Influx.URL, Org: c.Influx.Org, Bucket: c.Influx.Bucket,
			TokenFile: c.Influx.TokenFile, CAFile: c.Influx.CA, OutOfOrder: c.Past(), Log: log,
		})
		if err != nil {
			return openStore{}, err
		}
	}
	if c.Store == config.StoreInflux {
		return openStore{Source: server, queryable: server.Queryable()}, nil
	}
	embedded, err := tsdb.Open(tsdb.Options{
		Dir: filepath.Join(c.Data, "tsdb"), Retention: c.Retention, MaxBytes: int64(c.RetentionSize), OutOfOrder: c.Past(),
		Log: log, Registry: registry,
	})
	if err != nil {
		if server != nil {
			err = errors.Join(err, server.Close())
		}
		return openStore{}, err
	}
	if server == nil {
		return openStore{Source: embedded, embedded: embedded, queryable: embedded.Queryable()}, nil
	}
	both := tee.New(tee.Options{
		First: embedded, FirstName: config.StoreTSDB, Second: server, SecondName: config.StoreInflux,
		Log: log, Registry: registry,
	})
	return openStore{Source: both, embedded: embedded, queryable: embedded.Queryable()}, nil
}

// known lists the series that nodes may go on with after a restart; nil when the
// store cannot list them without reading all that it has.
func (s openStore) known() func(context.Context) ([]store.Series, error) {
	if s.embedded == nil {
		return nil
	}
	return s.embedded.Series
}

// restore fills the model from the store. A server that is away, or has yet to
// let us in, is no reason not to start: agents keep what is not acknowledged, and
// the log says what to do.
func restore(ctx context.Context, model *rack.Model, log *slog.Logger) error {
	err := model.Restore(ctx)
	if errors.Is(err, store.ErrAway) || errors.Is(err, influx.ErrDenied) {
		log.Warn("the page begins empty: what is stored cannot be read now", "err", err)
		return nil
	}
	return err
}

// A guardedStore ends the program when the store says that only a restart can
// mend it; what was not acknowledged is sent again then.
type guardedStore struct {
	tee.Sink
	damaged chan error
}

// Append is the store's.
func (g guardedStore) Append(ctx context.Context, samples []store.Sample) ([]store.Refusal, error) {
	refusals, err := g.Sink.Append(ctx, samples)
	if errors.Is(err, tsdb.ErrDamaged) {
		select {
		case g.damaged <- err:
		default: // told already
		}
	}
	return refusals, err
}

// Run returns the damage when there is one.
func (g guardedStore) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-g.damaged:
		return err
	}
}
