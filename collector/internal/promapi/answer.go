package promapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/util/annotations"
)

// A kind of failure, as Prometheus names it.
type kind string

const (
	badData     kind = "bad_data"
	execution   kind = "execution"
	canceled    kind = "canceled"
	timedOut    kind = "timeout"
	internal    kind = "internal"
	unavailable kind = "unavailable"
	notFound    kind = "not_found"
	notAllowed  kind = "method_not_allowed"
)

// status returns what Prometheus answers with. 499 never arrives: its client has
// gone.
func (k kind) status() int {
	switch k {
	case badData:
		return http.StatusBadRequest
	case execution:
		return http.StatusUnprocessableEntity
	case canceled:
		return 499
	case timedOut, unavailable:
		return http.StatusServiceUnavailable
	case notFound:
		return http.StatusNotFound
	case notAllowed:
		return http.StatusMethodNotAllowed
	}
	return http.StatusInternalServerError
}

// A failure is why there is no answer.
type failure struct {
	kind kind
	error
}

func (f failure) Unwrap() error { return f.error }

// failureOf sorts an error of the engine or of a store.
func failureOf(err error) failure {
	var byClient promql.ErrQueryCanceled
	var late promql.ErrQueryTimeout
	var stored promql.ErrStorage
	switch {
	case errors.As(err, &byClient), errors.Is(err, context.Canceled):
		return failure{canceled, err}
	case errors.As(err, &late), errors.Is(err, context.DeadlineExceeded):
		return failure{timedOut, err}
	case errors.As(err, &stored):
		return failure{internal, err}
	}
	return failure{execution, err}
}

// A result is what was found.
type result struct {
	write    func(*encoder) // the value of "data"
	warnings annotations.Annotations
	query    string // that the warnings point into
	close    func() // may be nil; ends the use of what write writes
}

// sendTime is what a client has for taking an answer, once it is computed.
const sendTime = 30 * time.Second

// answer makes a handler. A client gets an answer of up to bufferSize when others
// have their turn already, so that one that reads slowly keeps none waiting.
func (a *API) answer(find finder) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Not supported only where no network is below, as in tests.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(a.opt.Limits.Timeout + sendTime))
		leave, err := a.gate.enter()
		if err != nil {
			a.fail(w, r, err)
			return
		}
		defer leave()
		out, err := a.find(w, r, find)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		_ = out.Flush() // the client has left, and nobody else wants to know
	})
}

// find takes its turn, and writes what was found as far as the buffer is too
// small for it.
func (a *API) find(w http.ResponseWriter, r *http.Request, find finder) (*encoder, error) {
	q, err := ask(r)
	if err != nil {
		return nil, err
	}
	patience, err := q.durationOr("timeout", a.opt.Limits.Timeout)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), min(patience, a.opt.Limits.Timeout))
	defer cancel()
	done, err := a.gate.run(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	found, err := find(ctx, q)
	if err != nil {
		return nil, err
	}
	if found.close != nil {
		defer found.close()
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	e := newEncoder(w)
	e.success(found)
	return e, nil
}

// fail is the only place where an error becomes a status. Of what went wrong on
// our side the log hears, and the client only that it did.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	f := failure{internal, err}
	errors.As(err, &f)
	if f.kind == internal {
		a.opt.Log.Error("query failed", "path", r.URL.Path, "err", err)
		f.error = errors.New("the store could not be read: the collector's log says why")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(f.kind.status())
	// The client may have left; nobody else wants to know.
	_ = json.NewEncoder(w).Encode(struct {
		Status string `json:"status"`
		Kind   kind   `json:"errorType"`
		Error  string `json:"error"`
	}{"error", f.kind, f.Error()})
}
