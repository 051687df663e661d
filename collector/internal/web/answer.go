package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strings"
	"time"

	"thermarack/collector/internal/store"
)

// A handler answers a request, or returns why it could not before it wrote
// anything.
type handler func(http.ResponseWriter, *http.Request) error

// A problem is an error that the client is told about.
type problem struct {
	status int
	text   string
}

func (p problem) Error() string { return p.text }

// badParameter names a query parameter that cannot be used, and why.
func badParameter(name, why string) error {
	return problem{http.StatusBadRequest, "parameter " + name + ": " + why}
}

// answer is the only place where an error becomes a status. The client sees the
// text of a problem; of anything else it sees the status, and the log the error.
func (s *Server) answer(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		var known problem
		switch {
		case err == nil:
		case errors.As(err, &known):
			writeError(w, known.status, known.text)
		case errors.Is(err, store.ErrNoSeries):
			writeError(w, http.StatusNotFound, err.Error())
		case errors.Is(err, store.ErrAway):
			writeError(w, http.StatusServiceUnavailable, "the server that keeps the readings does not answer now, try again later")
		case r.Context().Err() != nil && errors.Is(err, context.Canceled):
			// the client left
		case errors.Is(err, context.DeadlineExceeded):
			writeError(w, http.StatusServiceUnavailable, "that takes too long: ask for a shorter span, or for a longer step")
		default:
			s.opt.Log.Error("request failed", "path", r.URL.Path, "err", err)
			writeError(w, http.StatusInternalServerError, http.StatusText(http.StatusInternalServerError))
		}
	})
}

// few lets as many requests be answered at a time as places holds; others are
// told to come again.
func few(places chan struct{}, h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		select {
		case places <- struct{}{}:
		default:
			w.Header().Set("Retry-After", "10")
			return problem{http.StatusServiceUnavailable, "too many at a time, try again later"}
		}
		defer func() { <-places }()
		return h(w, r)
	}
}

func writeError(w http.ResponseWriter, status int, text string) {
	w.Header().Del("ETag")
	w.Header().Del("Content-Disposition")
	w.Header().Set("Content-Type", jsonType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// The client may have left; nobody else wants to know.
	_ = json.NewEncoder(w).Encode(map[string]string{"error": text})
}

const jsonType = "application/json"

// encodeJSON writes v on one line and leaves < > & as they are: what we send is
// never read as HTML, see nosniff.
func encodeJSON(out *bytes.Buffer, v any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

func writeJSON(w http.ResponseWriter, v any) error {
	var out bytes.Buffer
	if err := encodeJSON(&out, v); err != nil {
		return err
	}
	w.Header().Set("Content-Type", jsonType)
	w.Header().Set("Cache-Control", "no-cache")
	_, err := w.Write(out.Bytes())
	return gone(err)
}

// gone swallows the error of a write: the client has left, and its answer has
// begun, so that there is nobody to tell and no status left to send.
func gone(error) error { return nil }

// stamp returns t as all our JSON shows it: UTC, to the millisecond.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// stampOrNil is stamp, and nil for the zero time.
func stampOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = stamp(t)
	return &t
}

// number rounds to a thousandth, finer than any sensor here; nil when v is not
// finite, which JSON cannot say.
func number(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	v = math.Round(v*1000) / 1000
	return &v
}

// jsonMisses answers what no route matches in JSON: 404, or 405 with Allow.
func jsonMisses(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		miss, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		quiet := &headOnly{header: w.Header(), status: http.StatusOK}
		miss.ServeHTTP(quiet, r)
		writeError(w, quiet.status, strings.ToLower(http.StatusText(quiet.status)))
	})
}

// headOnly keeps the status of an answer and drops its body.
type headOnly struct {
	header http.Header
	status int
}

func (h *headOnly) Header() http.Header         { return h.header }
func (h *headOnly) WriteHeader(status int)      { h.status = status }
func (h *headOnly) Write(b []byte) (int, error) { return len(b), nil }
