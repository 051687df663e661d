package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// What one listener may hold. Streams stay open for hours; the rest of the
// connections is for what is asked beside them.
const (
	maxConnections = 8192 // unless Options say otherwise
	maxStreams     = 4096
	maxExports     = 16 // under way; each holds a day of a series
	maxHeaderBytes = 16 << 10
	headerTimeout  = 5 * time.Second
	idleTimeout    = 2 * time.Minute
	writeTimeout   = 30 * time.Second // whole answer; streams and exports move theirs
	shutdownGrace  = 3 * time.Second
)

// Serve answers on listener until ctx is done, then ends the streams, waits up
// to 3 s for other answers and returns nil. It closes listener. It runs Run, and
// can be called once. The error is the listener's.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	door := newDoor(listener, s.opt.MaxConnections, s.metrics)
	s.metrics.door.Store(door)
	server := &http.Server{
		ConnState:         door.follow,
		Handler:           s.handler,
		ReadHeaderTimeout: headerTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.opt.Log.Handler(), slog.LevelDebug), // broken clients, not our faults
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var tasks sync.WaitGroup
	defer tasks.Wait()
	tasks.Go(func() { s.Run(ctx) })
	stopped := make(chan struct{})
	tasks.Go(func() {
		defer close(stopped)
		<-ctx.Done()
		s.stop(server)
	})

	err := server.Serve(door)
	cancel()
	<-stopped
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP on %s: %w", listener.Addr(), err)
	}
	return nil
}

// stop lets answers under way end, then cuts those that do not.
func (s *Server) stop(server *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		s.opt.Log.Warn("answers cut short", "err", err)
		server.Close()
	}
}

// Run follows shelves, alerts and pages until ctx is done, then ends all
// streams and returns nil. Serve runs it; call it only to mount Handler in a
// server of your own.
func (s *Server) Run(ctx context.Context) error {
	defer s.hub.close()
	alerts, endAlerts := s.opt.Alerts.Watch()
	defer endAlerts()
	pages, endPages := s.opt.Pages.Watch()
	defer endPages()
	shelves := s.opt.Racks.Watch(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case ids, ok := <-shelves:
			if !ok {
				return nil // ctx has ended
			}
			s.hub.shelvesChanged(ids, s.opt.Clock.Now())
		case <-alerts:
			s.hub.alertsChanged(s.opt.Clock.Now())
		case <-pages:
			s.hub.pageSent(s.opt.Clock.Now())
		}
	}
}
