package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/playback"
)

// How many may be under way: each of them keeps all processors busy.
const (
	maxPlaybacks  = 2
	maxAnimations = 2
)

const defaultFrames = 360 // of six hours, one a minute

// settledAge is how long a browser may keep an answer about a past that does not
// change any more. Not for ever: layouts and retention can.
const settledAge = time.Hour

// playback answers with all frames of a span at once.
func (s *Server) playback(w http.ResponseWriter, r *http.Request) error {
	reel, err := s.reel(r, bounds{most: playback.MostFrames, usual: defaultFrames})
	if err != nil {
		return err
	}
	// Not supported only where no network is below, as in tests.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(turnTimeout + renderTimeout + writeTimeout))
	zip := takesGzip(r)
	got, err := s.films.once(r.Context(), func(ctx context.Context, out *bytes.Buffer) error {
		return write(ctx, reel, out, zip)
	})
	if err != nil {
		return err
	}
	w.Header().Set("Vary", "Accept-Encoding")
	if zip {
		w.Header().Set("Content-Encoding", "gzip")
	}
	return got.sendFor(w, r, jsonType, s.keepFor(reel.To))
}

// write writes the frames, zipped or plain.
func write(ctx context.Context, reel *playback.Reel, out io.Writer, zip bool) error {
	if !zip {
		return reel.WriteJSON(ctx, out)
	}
	z := gzip.NewWriter(out)
	if err := reel.WriteJSON(ctx, z); err != nil {
		return err
	}
	return z.Close()
}

// keepFor returns for how long a browser may keep an answer about what was before
// a moment without asking again.
func (s *Server) keepFor(to time.Time) time.Duration {
	if s.opt.Settled == 0 || s.opt.Clock.Now().Sub(to) <= s.opt.Settled {
		return 0
	}
	return settledAge
}

// takesGzip tells whether a client says that it can read gzip.
func takesGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.ReplaceAll(coding, " ", ""), ";q=")
		if q, err := strconv.ParseFloat(weight, 64); name == "gzip" && (weight == "" || err == nil && q > 0) {
			return true
		}
	}
	return false
}

// bounds are how many frames may be asked for.
type bounds struct{ most, usual int }

// reel opens what a request asks for.
func (s *Server) reel(r *http.Request, b bounds) (*playback.Reel, error) {
	if s.opt.Playback == nil {
		return nil, problem{http.StatusNotImplemented, "there is no history to play"}
	}
	request, err := s.request(r, b)
	if err != nil {
		return nil, err
	}
	reel, err := s.opt.Playback.Open(request)
	var fault playback.RequestError
	switch {
	case errors.As(err, &fault):
		return nil, badParameter(fault.Part, fault.Why)
	case errors.Is(err, playback.ErrNoShelf):
		return nil, problem{http.StatusNotFound, fmt.Sprintf("no shelf %q in the layouts of that time", request.Shelf)}
	}
	return reel, err
}

func (s *Server) request(r *http.Request, b bounds) (playback.Request, error) {
	query := r.URL.Query()
	q := playback.Request{Shelf: shelfID(r)}
	var err error
	if q.To, err = timeOf(query, "to", s.opt.Clock.Now()); err != nil {
		return q, err
	}
	if q.From, err = timeOf(query, "from", q.To.Add(-defaultSpan)); err != nil {
		return q, err
	}
	if q.Layer, err = heatmap.ParseLayer(query.Get("layer")); err != nil {
		return q, badParameter("layer", err.Error())
	}
	seconds := int(min(q.To.Sub(q.From)/playback.LeastStep, playback.MostFrames))
	q.Frames, err = framesOf(query, bounds{b.most, max(min(b.usual, seconds), 1)})
	return q, err
}

// framesOf reads how many frames are wanted.
func framesOf(query url.Values, b bounds) (int, error) {
	text := query.Get("frames")
	if text == "" {
		return b.usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > b.most {
		return 0, badParameter("frames", fmt.Sprintf("want 1 to %d", b.most))
	}
	return n, nil
}
