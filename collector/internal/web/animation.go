package web

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"time"

	"thermarack/collector/internal/heatmap"
)

// What one animation may be, and take.
const (
	mostAnimated, usualAnimated = 600, 120  // frames
	widestAnimated, usualWidth  = 1600, 640 // px
	animationDelay              = 100 * time.Millisecond
	animationTimeout            = 2 * time.Minute
)

// An animator writes maps as a moving picture.
type animator func(io.Writer, iter.Seq2[*heatmap.Map, error], heatmap.Animation) error

// animation answers with the maps of a span as a moving picture, frame by frame as
// they are drawn.
func (s *Server) animation(write animator, contentType string) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		look, err := parseLook(r.URL.Query())
		if err != nil {
			return err
		}
		if !r.URL.Query().Has("width") {
			look.Width = usualWidth
		}
		if look.Width > widestAnimated {
			return badParameter("width", fmt.Sprintf("want %d to %d pixels", minWidth, widestAnimated))
		}
		reel, err := s.reel(r, bounds{most: mostAnimated, usual: usualAnimated})
		if err != nil {
			return err
		}
		a := heatmap.Animation{Look: look, Frames: reel.Count(), Delay: animationDelay}
		if a.Height, err = reel.Height(look); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(r.Context(), animationTimeout)
		defer cancel()
		w.Header().Set("Content-Type", contentType)
		return s.stream(w, r, func(out io.Writer) error { return write(out, reel.Maps(ctx), a) })
	}
}
