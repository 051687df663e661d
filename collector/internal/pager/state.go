package pager

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/prometheus/alertmanager/nflog"
	"github.com/prometheus/alertmanager/silence"
)

const (
	// writeDelay lets changes that come together share one write, which is
	// what SD cards want. It is also what kill -9 can lose.
	writeDelay = 500 * time.Millisecond

	// writeEvery is Alertmanager's own interval, at which old entries go too.
	writeEvery = 15 * time.Minute

	maxSilences     = 10_000
	maxSilenceBytes = 64 << 10
)

// A state is what must outlive the process: the silences, and the log of what
// each receiver was told, without which a restart would page everything again.
type state struct {
	silences *silence.Silences
	nflog    *nflog.Log
	dir      string
	changed  chan struct{} // holds one, sent on each change
}

// openState reads the state in dir, which is made if missing, and empty then.
func openState(dir string, retention time.Duration, log *slog.Logger, reg prometheus.Registerer) (*state, error) {
	if dir == "" {
		return nil, errors.New("open pager state: no directory given")
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("open pager state: %w", err)
	}
	s := &state{dir: dir, changed: make(chan struct{}, 1)}
	if err := s.setAsideDamaged(log); err != nil {
		return nil, fmt.Errorf("open pager state: %w", err)
	}
	var err error
	s.silences, err = silence.New(silence.Options{
		SnapshotFile: s.silencesFile(),
		Retention:    retention,
		Limits: silence.Limits{
			MaxSilences:         func() int { return maxSilences },
			MaxSilenceSizeBytes: func() int { return maxSilenceBytes },
		},
		Logger:  log,
		Metrics: reg,
	})
	if err != nil {
		return nil, fmt.Errorf("open pager state %s: %w", s.silencesFile(), err)
	}
	s.nflog, err = nflog.New(nflog.Options{SnapshotFile: s.nflogFile(), Retention: retention, Logger: log, Metrics: reg})
	if err != nil {
		return nil, fmt.Errorf("open pager state %s: %w", s.nflogFile(), err)
	}
	s.silences.SetBroadcast(s.touch)
	s.nflog.SetBroadcast(s.touch)
	return s, nil
}

func (s *state) silencesFile() string { return filepath.Join(s.dir, "silences") }

func (s *state) nflogFile() string { return filepath.Join(s.dir, "nflog") }

// setAsideDamaged renames a snapshot that cannot be decoded. A pager that starts
// without its silences pages too much; one that does not start pages nobody.
func (s *state) setAsideDamaged(log *slog.Logger) error {
	_, silencesErr := silence.New(silence.Options{SnapshotFile: s.silencesFile(), Metrics: prometheus.NewRegistry()})
	_, nflogErr := nflog.New(nflog.Options{SnapshotFile: s.nflogFile(), Metrics: prometheus.NewRegistry()})
	return errors.Join(
		setAside(s.silencesFile(), silencesErr, log),
		setAside(s.nflogFile(), nflogErr, log),
	)
}

func setAside(file string, err error, log *slog.Logger) error {
	if pathErr := (*fs.PathError)(nil); err == nil || errors.As(err, &pathErr) {
		return err
	}
	aside := file + ".damaged"
	if err := os.Rename(file, aside); err != nil {
		return err
	}
	log.Error("damaged pager state set aside, starting without it", "file", aside, "err", err)
	return nil
}

// touch notes that there is something to write. It is the library's broadcast
// hook, called under its locks for each change, so it must not wait.
func (s *state) touch([]byte) {
	select {
	case s.changed <- struct{}{}:
	default: // the pending write covers this change too
	}
}

// run writes the state soon after each change and every writeEvery, until ctx
// is done. The last write is left to the caller, when nothing changes any more.
func (s *state) run(ctx context.Context) {
	ticker := time.NewTicker(writeEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-s.changed:
			select {
			case <-ctx.Done():
				return
			case <-time.After(writeDelay):
			}
		}
		s.write()
	}
}

// write replaces both snapshots atomically, having dropped expired entries. The
// library does it when its maintenance is told to stop, so it is told at once;
// it counts and logs what fails, and the next write tries again.
func (s *state) write() {
	select {
	case <-s.changed: // everything up to here is in this write
	default:
	}
	stop := make(chan struct{})
	close(stop)
	s.silences.Maintenance(writeEvery, s.silencesFile(), stop, snapshot(s.silences, s.silencesFile()))
	s.nflog.Maintenance(writeEvery, s.nflogFile(), stop, snapshot(s.nflog, s.nflogFile()))
}
