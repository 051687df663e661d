package web

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"
)

// How many may be under way: a backup reads the whole disk, a recording the
// whole history.
const (
	maxBackups    = 1
	maxRecordings = 2
)

// Offline returns a handler of what the commands backup, record and export ask
// of a collector, for a directory on which none runs. It needs Series, Racks
// (whose Layout it asks), Backup, Recording, Clock and Log of o, and has none of the
// checks that a network needs.
func Offline(o Options) http.Handler {
	s := &Server{opt: o}
	mux := http.NewServeMux()
	mux.Handle("POST /api/v1/backup", s.answer(s.backup))
	mux.Handle("GET /api/v1/recording", s.answer(s.recording))
	mux.Handle("GET /api/v1/export.csv", s.answer(s.export))
	return mux
}

// here answers requests of this machine only: what they get is everything, and
// there are no credentials yet that could be asked for. What a proxy on this
// machine passes on is not from here.
func here(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		// Who calls an address of its own machine has that address itself.
		if at := from.Addr().Unmap(); err != nil || !at.IsLoopback() && at != localAddr(r) || passedOn(r) {
			return problem{http.StatusForbidden, "this is answered to the collector's own machine only: run the command there"}
		}
		return h(w, r)
	}
}

// passedOn tells whether a proxy says that it asks for somebody else.
func passedOn(r *http.Request) bool {
	return slices.ContainsFunc([]string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip"}, func(name string) bool {
		return r.Header.Get(name) != ""
	})
}

// backup streams an archive of all that the collector keeps, as
// thermarack-collector restore reads it.
func (s *Server) backup(w http.ResponseWriter, r *http.Request) error {
	if s.opt.Backup == nil {
		return problem{http.StatusNotImplemented, "there is nothing to back up"}
	}
	w.Header().Set("Content-Type", "application/x-tar")
	return s.stream(w, r, func(out io.Writer) error { return s.opt.Backup(r.Context(), out) })
}

// recording streams what is stored as a recording, as docs/wire.md shows it.
func (s *Server) recording(w http.ResponseWriter, r *http.Request) error {
	if s.opt.Recording == nil {
		return problem{http.StatusNotImplemented, "this store cannot be read back message by message: record from the broker"}
	}
	query := r.URL.Query()
	from, err := timeOf(query, "from", time.Time{})
	if err != nil {
		return err
	}
	to, err := timeOf(query, "to", s.opt.Clock.Now())
	if err != nil {
		return err
	}
	if !from.Before(to) {
		return badParameter("from", "is not before to")
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	return s.stream(w, r, func(out io.Writer) error { return s.opt.Recording(r.Context(), out, from, to) })
}

// stream lets write write an answer of any length. An error after the first byte
// cuts the connection, so that half of it is not taken for the whole.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, write func(io.Writer) error) error {
	w.Header().Set("Cache-Control", "no-store")
	out := &patient{to: w, conn: http.NewResponseController(w)}
	err := write(out)
	if err == nil || !out.begun {
		return err
	}
	if gone := (*net.OpError)(nil); r.Context().Err() == nil && !errors.As(err, &gone) {
		s.opt.Log.Error("answer cut short", "path", r.URL.Path, "err", err)
	}
	panic(http.ErrAbortHandler)
}

// patient is a writer that gives the client time anew for each write.
type patient struct {
	to    io.Writer
	conn  *http.ResponseController
	begun bool
}

func (p *patient) Write(b []byte) (int, error) {
	p.begun = true
	// Not supported only where no network is below, as in tests.
	_ = p.conn.SetWriteDeadline(time.Now().Add(exportTimeout))
	return p.to.Write(b)
}

// A Backup writes an archive of all that the collector keeps.
type Backup func(ctx context.Context, w io.Writer) error

// A Recording writes what is stored with from <= t < to as a recording, in time
// order; a zero from is the beginning.
type Recording func(ctx context.Context, w io.Writer, from, to time.Time) error
