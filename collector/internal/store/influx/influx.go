// Package influx keeps samples in an InfluxDB: 1.8, 2.x or Cloud, through its
// own client. docs/influxdb.md says what is written there.
//
// A server of others needs what the embedded store needs not: an answer to every
// write before a reading is acknowledged, patience while it is away, and a way
// to find the one sample that it will not have among thousands that it will.
package influx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/influxdata/influxdb-client-go/v2/api"

	"thermarack/collector/internal/ingest/quiet"
	"thermarack/collector/internal/store"
)

// ErrDenied reports a server that answers and does not let us: a wrong token, or
// no right to the bucket, or no such bucket. The message says what to do; until
// it is done every call fails.
var ErrDenied = errors.New("refused")

// Options say which server, and as whom.
type Options struct {
	URL        string        // "https://influx.example.net:8086"
	Org        string        // organisation; "" for InfluxDB 1.8
	Bucket     string        // for InfluxDB 1.8 "database" or "database/retention-policy"
	TokenFile  string        // holds the token, for InfluxDB 1.8 "user:password"; read at each request; "" for none
	CAFile     string        // PEM certificates that sign the server's, read again when the file changes; "" means the system's
	OutOfOrder time.Duration // how much older than the newest a sample may be; 0 means store.OutOfOrder
	Log        *slog.Logger  // told of what the server refuses; nil discards it
}

// A Store is a bucket of a server. It is safe for concurrent use.
type Store struct {
	opts      Options
	quiet     *quiet.Log
	client    influxdb2.Client
	transport *transport
	writer    api.WriteAPIBlocking
	reader    api.QueryAPI

	// life is held for reading by every call, so that Close waits for them.
	life   sync.RWMutex
	closed bool

	// appending makes Append one at a time, as what is stored may not change
	// between a lookup and the write that relies on it.
	appending sync.Mutex
	tracks    map[store.Series]*track
	newest    int64     // Unix ms, of all samples that this process knows of; math.MinInt64: none
	notBefore time.Time // when the server will take writes again, by its own word

	names names
}

// Open returns the store of a bucket. It does not speak to the server, which may
// be away when a collector starts: the first call does. Close it.
//
// The error says what is wrong with the options, or which of their files cannot
// be read.
func Open(o Options) (*Store, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("open InfluxDB: %w", err)
	}
	o.OutOfOrder = cmp.Or(o.OutOfOrder, store.OutOfOrder)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	transport, err := newTransport(o.TokenFile, o.CAFile)
	if err != nil {
		return nil, fmt.Errorf("open InfluxDB: %w", err)
	}
	options := influxdb2.DefaultOptions().
		SetApplicationName("thermarack").
		SetPrecision(time.Millisecond).
		SetHTTPClient(&http.Client{Transport: transport})
	client := influxdb2.NewClientWithOptions(o.URL, "", options)
	return &Store{
		opts: o, quiet: quiet.New(o.Log, time.Minute),
		client: client, transport: transport,
		writer: client.WriteAPIBlocking(o.Org, o.Bucket),
		reader: client.QueryAPI(o.Org),
		tracks: make(map[store.Series]*track),
		newest: never,
		names:  names{known: make(map[string]bool)},
	}, nil
}

func (o Options) check() error {
	u, err := url.Parse(o.URL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return errors.New("url is not http://HOST:PORT or https://HOST:PORT") // it may hold a password
	case u.User != nil:
		return fmt.Errorf("url %q holds a user: put user:password into a file, and name that as token_file", u.Redacted())
	case o.Bucket == "":
		return errors.New("no bucket given")
	case o.OutOfOrder < 0:
		return fmt.Errorf("out-of-order window %v is negative", o.OutOfOrder)
	}
	return nil
}

// Close waits for calls under way and ends the connections. Closing again does
// nothing.
func (s *Store) Close() error {
	s.life.Lock()
	defer s.life.Unlock()
	if !s.closed {
		s.closed = true
		s.client.Close()
		s.transport.close()
	}
	return nil
}

// enter begins a call; the caller unlocks s.life. On an error it is unlocked.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.life.RLock()
	if s.closed {
		s.life.RUnlock()
		return fmt.Errorf("InfluxDB at %s: %w", s.opts.URL, fs.ErrClosed)
	}
	return nil
}
