package web

import (
	"net/http"
	"runtime/debug"
	"strconv"
	"time"
)

// observe counts every request, and keeps a panic from being more than a failed
// request.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		out := &tracked{ResponseWriter: w}
		defer func() {
			fault := recover()
			cut := fault == http.ErrAbortHandler || fault != nil && out.status != 0
			if fault != nil && fault != http.ErrAbortHandler {
				s.apologize(out, r, fault)
			}
			s.count(r, out.code(cut), time.Since(begin))
			if cut {
				panic(http.ErrAbortHandler) // half an answer must not look whole
			}
		}()
		next.ServeHTTP(out, r)
	})
}

// apologize logs a bug and answers, if no answer has begun.
func (s *Server) apologize(out *tracked, r *http.Request, fault any) {
	s.metrics.panics.Inc()
	s.opt.Log.Error("request ran into a bug, please report it", "path", r.URL.Path, "panic", fault, "stack", string(debug.Stack()))
	if out.status == 0 {
		writeError(out, http.StatusInternalServerError, http.StatusText(http.StatusInternalServerError))
	}
}

// count counts an answer. The route is the pattern that matched, so that nobody
// can invent one.
func (s *Server) count(r *http.Request, code string, took time.Duration) {
	route := r.Pattern
	if route == "" {
		route = "none"
	}
	s.metrics.requests.WithLabelValues(route, code).Inc()
	if route != eventsRoute {
		s.metrics.duration.WithLabelValues(route).Observe(took.Seconds())
	}
}

// A tracked ResponseWriter remembers the status of the answer.
type tracked struct {
	http.ResponseWriter
	status int // 0 until the answer has begun
}

func (t *tracked) WriteHeader(status int) {
	if t.status == 0 && status >= http.StatusOK {
		t.status = status
	}
	t.ResponseWriter.WriteHeader(status)
}

func (t *tracked) Write(b []byte) (int, error) {
	if t.status == 0 {
		t.status = http.StatusOK
	}
	return t.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (t *tracked) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// code returns the label of the answer. Who writes nothing has said 200.
func (t *tracked) code(cut bool) string {
	switch {
	case cut:
		return "cut"
	case t.status == 0:
		return strconv.Itoa(http.StatusOK)
	}
	return strconv.Itoa(t.status)
}
